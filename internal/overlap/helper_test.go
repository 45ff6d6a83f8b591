package overlap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/big"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// Types as the source yields them.
var (
	datetimeType  = &arrow.TimestampType{Unit: arrow.Microsecond}
	timestampType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	unsignedType  = &arrow.Decimal128Type{Precision: 20}
)

func col(name string, t arrow.DataType) tidemark.Column {
	return tidemark.Column{Name: name, Type: t, Nullable: true}
}

// schemaOf returns a schema whose cursor is the named column.
func schemaOf(cursor string, columns ...tidemark.Column) *tidemark.Schema {
	s := &tidemark.Schema{Columns: columns}
	for i, c := range columns {
		if c.Name == cursor {
			s.Cursor = &tidemark.Cursor{Column: cursor, Index: i, Kind: cursorKind(c.Type), Nullable: true}
		}
	}
	return s
}

func cursorKind(t arrow.DataType) tidemark.CursorKind {
	switch t := t.(type) {
	case *arrow.Date32Type:
		return tidemark.CursorDate
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			return tidemark.CursorTimestamp
		}
		return tidemark.CursorDatetime
	default:
		return tidemark.CursorInteger
	}
}

// newBatch builds a batch. Values are nil, int, float64, string, bool, *big.Int (unscaled, for decimals) or []any.
func newBatch(t testing.TB, s *tidemark.Schema, rows ...[]any) arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			put(t, b.Field(i), v)
		}
	}
	return b.NewRecordBatch()
}

func put(t testing.TB, b array.Builder, v any) {
	t.Helper()
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Decimal128Builder:
		if n, ok := v.(int); ok {
			v = big.NewInt(int64(n))
		}
		b.Append(decimal128.FromBigInt(v.(*big.Int)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(int)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.(int)))
	case *array.BinaryBuilder:
		b.Append([]byte(v.(string)))
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte(v.(string)))
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(v.(string)); err != nil {
			t.Fatal(err)
		}
	case *array.ListBuilder:
		b.Append(true)
		for _, e := range v.([]any) {
			put(t, b.ValueBuilder(), e)
		}
	default:
		if err := b.AppendValueFromString(fmt.Sprint(v)); err != nil {
			t.Fatal(err)
		}
	}
}

// loaded is what one run leaves behind: the watermark and its side file.
type loaded struct {
	mark tidemark.Watermark
	side []byte
}

func (l loaded) options(t testing.TB, s *tidemark.Schema, bound tidemark.CursorValue) Options {
	o := Options{Schema: s, Cursor: *s.Cursor, Previous: l.mark, Bound: bound, Dir: t.TempDir()}
	if l.mark.Overlap.Name != "" {
		o.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(l.side)), nil }
	}
	return o
}

// finish ends the pass as the engine does and returns what the next run starts from.
func finish(t testing.TB, p *Pass) loaded {
	t.Helper()
	settled := p.opts.Previous.Settled.Max(p.opts.Bound.Min(p.High()))
	f, err := p.Finish(settled)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	side, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	next := tidemark.Watermark{Seq: p.opts.Previous.Seq + 1, High: p.High(), Settled: settled, Overlap: f.Overlap()}
	next.Overlap.Name = "side"
	if int64(len(side)) != next.Overlap.Bytes {
		t.Fatalf("side file of %d bytes says %d", len(side), next.Overlap.Bytes)
	}
	return loaded{next, side}
}

// apply gives rows to the pass as one batch and returns the fresh ones as text, in order.
func apply(t testing.TB, p *Pass, rows ...[]any) (fresh []string, suppressed int64) {
	t.Helper()
	out, suppressed, err := p.Apply(newBatch(t, p.opts.Schema, rows...))
	if err != nil {
		t.Fatal(err)
	}
	if out == nil {
		return nil, suppressed
	}
	defer out.Release()
	if out.NumRows()+suppressed != int64(len(rows)) {
		t.Fatalf("%d fresh and %d suppressed of %d rows", out.NumRows(), suppressed, len(rows))
	}
	return render(out), suppressed
}

func render(b arrow.RecordBatch) []string {
	var rows []string
	for i := range int(b.NumRows()) {
		text := ""
		for _, c := range b.Columns() {
			text += c.ValueStr(i) + " "
		}
		rows = append(rows, text[:len(text)-1])
	}
	return rows
}

func mustBegin(t testing.TB, o Options, s sizes) *Pass {
	t.Helper()
	p, err := begin(t.Context(), o, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// tiny sizes make a few hundred rows spill, compact, and miss the cache.
var tiny = sizes{buffer: 1000, cache: 4096, merge: 1 << 14, runs: 3, columns: 1 << 40, pages: 1 << 10}
