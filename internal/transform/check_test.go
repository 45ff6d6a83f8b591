package transform

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// rowsWith is a batch of rows with a key k that counts from 1 and a column v.
func rowsWith(t *testing.T, typ string, values ...string) (*tidemark.Schema, arrow.RecordBatch) {
	t.Helper()
	numbers := make([]string, len(values))
	for i := range values {
		numbers[i] = fmt.Sprint(i + 1)
	}
	s := &tidemark.Schema{
		Columns: []tidemark.Column{{Name: "k", Type: arrow.PrimitiveTypes.Int32}, {Name: "v", Type: typeOf(t, typ), Nullable: true}},
		Key:     []string{"k"},
		Cursor:  &tidemark.Cursor{Column: "v", Index: 1, Kind: tidemark.CursorDatetime},
	}
	columns := []arrow.Array{column(t, arrow.PrimitiveTypes.Int32, numbers...), column(t, typeOf(t, typ), values...)}
	b := array.NewRecordBatch(s.Arrow(), columns, int64(len(values)))
	t.Cleanup(b.Release)
	return s, b
}

// TestChecks: each kind finds the rows that fail, and no other, and names the first.
func TestChecks(t *testing.T) {
	at := func(text string) tidemark.CursorValue {
		v, err := tidemark.ParseCursorValue(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := tidemark.Observed{Run: true, Now: at("2024-03-01 12:00:00"), High: at("2024-03-01 11:00:00")}
	for _, c := range []struct {
		check  Check
		typ    string
		values []string
		o      tidemark.Observed
		failed int64
		detail string
	}{
		{Check{NotNull: []string{"v"}}, "int", []string{"1", "NULL", "3", "NULL"}, now, 2, "v is NULL in the row with k 2"},
		{Check{NotNull: []string{"k", "v"}}, "int", []string{"1"}, now, 0, ""},
		{Check{Unique: []string{"v"}}, "string", []string{"a", "b", "a", "NULL", "NULL", "a"}, now, 2, `the run has v = "a" 3 times`},
		{Check{Unique: []string{"k", "v"}}, "string", []string{"a", "a"}, now, 0, ""},
		{Check{Accepted: &Accepted{"v", []string{"a", "b"}}}, "string", []string{"a", "NULL", "c", "b", "d"}, now, 2, `v is "c" in the row with k 3`},
		{Check{Accepted: &Accepted{"v", []string{"1", "2.5"}}}, "decimal(10,2)", []string{"1.00", "2.50", "2.51"}, now, 1, "v is 2.51 in the row with k 3"},
		{Check{Accepted: &Accepted{"v", []string{"true"}}}, "boolean", []string{"true", "false"}, now, 1, "v is false in the row with k 2"},
		{Check{Range: &Range{"v", "0", "10"}}, "int", []string{"0", "10", "-1", "11", "NULL"}, now, 2, "v is -1 in the row with k 3"},
		{Check{Range: &Range{"v", "0.5", ""}}, "double", []string{"0.5", "NaN", "0.4", "+Inf"}, now, 1, "v is 0.4 in the row with k 3"},
		{Check{Range: &Range{"v", "", "100"}}, "double", []string{"NaN"}, now, 1, "v is NaN in the row with k 1"},
		{Check{Range: &Range{"v", "-1.5", "1.5"}}, "decimal(38,10)", []string{"-1.5", "1.5000000001"}, now, 1, "v is 1.5000000001 in the row with k 2"},
		{Check{Range: &Range{"v", "2024-01-01", "2024-12-31"}}, "date", []string{"2023-12-31", "2024-12-31"}, now, 1, "v is 2023-12-31 in the row with k 1"},
		{Check{Range: &Range{"v", "2024-01-01", "2024-01-01 12:00:00"}}, "timestamp", []string{"2024-01-01 12:00:00", "2024-01-01 12:00:00.000001"}, now, 1, "v is 2024-01-01 12:00:00.000001 in the row with k 2"},
		{Check{Range: &Range{"v", "a", "m"}}, "string", []string{"a", "m", "z"}, now, 1, `v is "z" in the row with k 3`},
		{Check{Regex: &Regex{"v", "[a-z]+|[0-9]"}}, "string", []string{"abc", "7", "ab1", "77", "NULL"}, now, 2, `v is "ab1" in the row with k 3`},
		{Check{RowCount: &RowCount{Min: 2, Max: -1}}, "int", []string{"1"}, now, 1, "the run has 1 rows"},
		{Check{RowCount: &RowCount{Min: 0, Max: 1}}, "int", []string{"1", "2"}, now, 1, "the run has 2 rows"},
		{Check{RowCount: &RowCount{Min: 2, Max: 2}}, "int", []string{"1"}, tidemark.Observed{}, 0, ""},
		{Check{Freshness: time.Hour}, "timestamp", nil, now, 0, ""},
		{Check{Freshness: 59 * time.Minute}, "timestamp", nil, now, 1, "the newest row, of 2024-03-01 11:00:00, is 1h0m0s old"},
		{Check{Freshness: time.Hour}, "timestamp", nil, tidemark.Observed{Run: true, Now: now.Now}, 1, "no row has a cursor value yet"},
		{Check{Freshness: time.Minute}, "timestamp", nil, tidemark.Observed{}, 0, ""},
	} {
		s, b := rowsWith(t, c.typ, c.values...)
		k, err := NewChecks([]Check{c.check}, t.TempDir()).Begin(t.Context(), s, tidemark.Window{})
		if err != nil {
			t.Errorf("%+v: %v", c.check, err)
			continue
		}
		if err := k.Look(b); err != nil {
			t.Error(err)
		}
		results, err := k.Results(c.o)
		if err != nil || results[0].Failed != c.failed || results[0].Detail != c.detail {
			t.Errorf("%+v of %q: %+v, %v, want %d, %q", c.check, c.values, results, err, c.failed, c.detail)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestChecksThatCannotBe: a check that does not fit the table is refused before anything is read.
func TestChecksThatCannotBe(t *testing.T) {
	for want, c := range map[string]struct {
		check Check
		typ   string
	}{
		`there is no column "w"`:        {Check{NotNull: []string{"w"}}, "int"},
		`"x" is no int`:                 {Check{Accepted: &Accepted{"v", []string{"1", "x"}}}, "int"},
		`min: "0.5" is no int`:          {Check{Range: &Range{"v", "0.5", ""}}, "int"},
		`column "v" is int, want`:       {Check{Regex: &Regex{"v", "a"}}, "int"},
		`column "v" is binary`:          {Check{Unique: []string{"v"}}, "binary"},
		`max: "2024-13-01" is no date`:  {Check{Range: &Range{"v", "", "2024-13-01"}}, "date"},
		`error parsing regexp: missing`: {Check{Regex: &Regex{"v", "("}}, "string"},
	} {
		s, _ := rowsWith(t, c.typ)
		c.check.Name = "c"
		_, err := NewChecks([]Check{c.check}, t.TempDir()).Begin(t.Context(), s, tidemark.Window{})
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "check c: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestUniqueOnDisk: keys that do not fit into memory are found on disk, and nothing is left there.
func TestUniqueOnDisk(t *testing.T) {
	dir := t.TempDir()
	k := &keys{dir: dir, limit: 1000, values: valueLog{dir: dir, limit: 10_000}}
	want := int64(0)
	for i := range 100 {
		values := make([]string, 97)
		for j := range values {
			values[j] = fmt.Sprint((i*97 + j) % 9000)
			if i*97+j >= 9000 {
				want++
			}
		}
		_, b := rowsWith(t, "string", values...)
		if err := k.add(hashesOf(b, []int{1})); err != nil {
			t.Fatal(err)
		}
	}
	d, err := k.doubles()
	if err != nil || d.rows != want || d.values != want || len(k.parts) < 5 || k.values.file == nil {
		t.Errorf("%+v in %d parts, %v, want %d", d, len(k.parts), err, want)
	}
	for i, double := range d.first {
		if got, err := k.values.read(double.at, []arrow.DataType{arrow.BinaryTypes.String}); got != fmt.Sprintf("%q", fmt.Sprint(i)) || err != nil || double.rows != 2 {
			t.Errorf("double %d is %s, %v: %+v", i, got, err, double)
		}
	}
	if err := errors.Join(k.close(), k.values.close()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
