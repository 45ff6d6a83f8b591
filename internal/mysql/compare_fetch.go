package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// Fetch implements tidemark.Comparer. More rows may come than were asked for: a collation takes keys for equal that
// have other letters.
func (s *Source) Fetch(ctx context.Context, c tidemark.Comparison, keys arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		own, err := s.comparison(ctx, c)
		if err != nil {
			yield(nil, err)
			return
		}
		for from := int64(0); from < keys.NumRows(); from += fetchKeys {
			some := keys.NewSlice(from, min(from+fetchKeys, keys.NumRows()))
			err := s.fetch(ctx, own, some, yield)
			some.Release()
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("fetch rows of %s: %w", own.table.name, err))
				return
			}
		}
	}
}

func (s *Source) fetch(ctx context.Context, c *comparison, keys arrow.RecordBatch, yield func(arrow.RecordBatch, error) bool) error {
	where := s.filter()
	if len(c.key) == 0 {
		where = append(slices.Clip(c.where), c.withChecksums(keys))
	} else {
		in, err := c.withKeys(keys)
		if err != nil {
			return err
		}
		where = append(where, in)
	}
	from, args := c.from("", where)
	return s.stream(ctx, c.table.columns, "SELECT "+nameList(c.table.columns)+from, args, yield)
}

// withChecksums is the condition for rows with one of the checksums in the first column of a batch.
func (c *comparison) withChecksums(sums arrow.RecordBatch) condition {
	var list []string
	for _, sum := range sums.Column(0).(*array.Int64).Int64Values() {
		list = append(list, fmt.Sprint(sum))
	}
	return condition{sql: checksumOf(c.columns) + " IN (" + strings.Join(list, ",") + ")"}
}

// withKeys is the condition for rows with one of the keys.
func (c *comparison) withKeys(keys arrow.RecordBatch) (condition, error) {
	var in condition
	for row := range int(keys.NumRows()) {
		for i, k := range c.key {
			v, err := k.argument(keys.Column(i), row)
			if err != nil {
				return condition{}, err
			}
			in.args = append(in.args, v)
		}
	}
	if len(c.key) == 1 {
		in.sql = ident(c.key[0].Name) + " IN (" + strings.TrimSuffix(strings.Repeat("?,", int(keys.NumRows())), ",") + ")"
		return in, nil
	}
	parts := make([]string, len(c.key))
	for i, k := range c.key {
		parts[i] = ident(k.Name) + " = ?"
	}
	one := "(" + strings.Join(parts, " AND ") + ")"
	in.sql = "(" + strings.TrimSuffix(strings.Repeat(one+" OR ", int(keys.NumRows())), " OR ") + ")"
	return in, nil
}

// argument returns a value of the lake as the server compares it with the column without a conversion that would
// lose digits or the use of an index.
func (c *column) argument(values arrow.Array, row int) (value, error) {
	if values.IsNull(row) {
		return value{}, fmt.Errorf("key column %q holds NULL: %w", c.Name, tidemark.ErrInvalid)
	}
	switch a := values.(type) {
	case *array.Int32:
		return intValue(int64(a.Value(row))), nil
	case *array.Int64:
		return intValue(a.Value(row)), nil
	case *array.Boolean:
		return intValue(map[bool]int64{true: 1}[a.Value(row)]), nil
	case *array.Decimal128:
		if c.kind == kindUint64 {
			return value{typ: typeLongLong, unsigned: true, data: binary.LittleEndian.AppendUint64(nil, a.Value(row).LowBits())}, nil
		}
		return value{typ: typeNewDecimal, data: decimalText(a)(nil, row)}, nil
	case *array.Date32:
		return value{typ: typeVarString, data: appendDay(nil, int64(a.Value(row)))}, nil
	case *array.Timestamp:
		return value{typ: typeVarString, data: appendMicros(nil, int64(a.Value(row)), c.scale)}, nil
	case *array.String:
		return value{typ: typeVarString, data: []byte(a.Value(row))}, nil
	case *array.Binary:
		return value{typ: typeBlob, data: slices.Clone(a.Value(row))}, nil
	}
	return value{}, fmt.Errorf("key column %q: a %s cannot be looked up: %w", c.Name, values.DataType(), tidemark.ErrInvalid)
}
