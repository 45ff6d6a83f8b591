package mysql

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// readRows reads all splits one after the other and returns each row as text, NULL as "NULL".
func readRows(t testing.TB, s *Source, w tidemark.Window, n int) [][]string {
	t.Helper()
	rows, err := tryRead(t.Context(), s, w, n)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func tryRead(ctx context.Context, s *Source, w tidemark.Window, n int) ([][]string, error) {
	schema, err := s.Schema(ctx)
	if err != nil {
		return nil, err
	}
	splits, err := s.Splits(ctx, w, n)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, split := range splits {
		for batch, err := range s.Read(ctx, split) {
			if err != nil {
				return rows, err
			}
			if !batch.Schema().Equal(schema.Arrow()) {
				return nil, errors.New("the batch does not have the source's schema")
			}
			rows = append(rows, batchRows(batch)...)
			batch.Release()
		}
	}
	return rows, nil
}

func batchRows(batch arrow.RecordBatch) [][]string {
	rows := make([][]string, batch.NumRows())
	for i := range rows {
		rows[i] = make([]string, batch.NumCols())
		for j := range rows[i] {
			rows[i][j] = cellText(batch.Column(j), i, batch.Schema().Field(j))
		}
	}
	return rows
}

// cellText writes a value as MySQL does: numbers in digits, bytes in hex, times with the digits that the type declares.
func cellText(a arrow.Array, i int, f arrow.Field) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Int32:
		return strconv.Itoa(int(a.Value(i)))
	case *array.Int64:
		return strconv.FormatInt(a.Value(i), 10)
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Boolean:
		if a.Value(i) {
			return "1"
		}
		return "0"
	case *array.Float32:
		return strconv.FormatFloat(float64(a.Value(i)), 'g', -1, 64)
	case *array.Float64:
		return strconv.FormatFloat(a.Value(i), 'g', -1, 64)
	case *array.Date32:
		return time.Unix(int64(a.Value(i))*86400, 0).UTC().Format("2006-01-02")
	case *array.Timestamp:
		digits := 0
		doc, _ := f.Metadata.GetValue(tidemark.DocKey)
		_, _ = fmt.Sscanf(doc[strings.Index(doc, "(")+1:], "%d", &digits)
		form := "2006-01-02 15:04:05"
		if digits > 0 {
			form += "." + strings.Repeat("0", digits)
		}
		return time.UnixMicro(int64(a.Value(i))).UTC().Format(form)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return strings.ToUpper(hex.EncodeToString(a.Value(i)))
	case *array.List:
		var out bytes.Buffer
		start, end := a.ValueOffsets(i)
		for _, v := range a.ListValues().(*array.Float32).Float32Values()[start:end] {
			_ = binary.Write(&out, binary.LittleEndian, math.Float32bits(v))
		}
		return strings.ToUpper(hex.EncodeToString(out.Bytes()))
	default:
		return fmt.Sprintf("a %T", a)
	}
}
