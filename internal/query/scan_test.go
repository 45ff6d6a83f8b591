package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// scanned returns the rows that a Scan of a table yields, the values joined by commas, sorted.
func scanned(t *testing.T, l *lake, s *tidemark.Snapshot, n Newest, columns ...string) []string {
	t.Helper()
	scan, err := OpenScan(t.Context(), l.options(), s, n)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	var lines []string
	for b, err := range scan.Rows(t.Context(), columns) {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(b.NumRows()) {
			var values []string
			for _, name := range columns {
				if at := b.Schema().FieldIndices(name); len(at) > 0 && !b.Column(at[0]).IsNull(row) {
					values = append(values, b.Column(at[0]).ValueStr(row))
				} else {
					values = append(values, "")
				}
			}
			lines = append(lines, strings.Join(values, ","))
		}
		b.Release()
	}
	slices.Sort(lines)
	return lines
}

// TestScanDeletes: what a Scan yields is what SQL sees.
func TestScanDeletes(t *testing.T) {
	for _, ids := range []bool{true, false} {
		l := newLake(t)
		n := func(id int) int {
			if ids {
				return id
			}
			return 0
		}
		fields := []arrow.Field{field(n(1), "k", i32), field(n(2), "v", i32), field(n(3), "tidemark_place", i32)}
		s := l.table("a", "merged", fields...)
		for seq := 1; seq <= 30; seq++ {
			var rows, keys []string
			for k := seq % 3; k < 40; k += 1 + seq%7 {
				rows, keys = append(rows, fmt.Sprintf(`{"k":%d,"v":%d}`, k, seq)), append(keys, fmt.Sprintf(`{"k":%d}`, k))
			}
			s.Data = append(s.Data, l.file(fmt.Sprintf("d/%d", seq), int64(seq), fields[:2], rows...))
			s.Data[len(s.Data)-1].Rows = int64(len(rows))
			del := l.file(fmt.Sprintf("x/%d", seq), int64(seq), fields[:1], keys...)
			del.Equality = []string{"k"}
			s.Deletes = append(s.Deletes, del)
		}
		_, want, err := l.csvOf("SELECT k, v, tidemark_place FROM a.merged")
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, scanned(t, l, s, Newest{}, "k", "v", "tidemark_place")); diff != "" || len(want) != 40 {
			t.Errorf("with ids %v, %d rows: %s", ids, len(want), diff)
		}
	}
}

// TestScanNewest: of the versions that were appended those are read of which none is newer.
func TestScanNewest(t *testing.T) {
	l := newLake(t)
	fields := []arrow.Field{field(1, "k", i32), field(2, "at", i32), field(3, "v", str)}
	s := l.table("a", "history", fields...)
	add := func(seq int64, rows ...string) {
		s.Data = append(s.Data, l.file(fmt.Sprintf("%d.parquet", len(s.Data)), seq, fields, rows...))
		s.Data[len(s.Data)-1].Rows = int64(len(rows))
	}
	add(1, `{"k":1,"at":10,"v":"old"}`, `{"k":2,"at":10,"v":"only"}`, `{"k":3,"at":30,"v":"newer within a commit"}`)
	add(1, `{"k":3,"at":20,"v":"older within a commit"}`)
	add(2, `{"k":1,"at":20,"v":"as new"}`, `{"k":4,"at":null,"v":"without a cursor"}`)
	add(3, `{"k":1,"at":20,"v":"newest"}`, `{"k":4,"at":5,"v":"with one"}`)
	want := []string{"1,as new", "1,newest", "2,only", "3,newer within a commit", "4,with one"}
	if diff := cmp.Diff(want, scanned(t, l, s, Newest{Key: []string{"k"}, Cursor: "at"}, "k", "v")); diff != "" {
		t.Error(diff)
	}
	if all := scanned(t, l, s, Newest{}, "k"); len(all) != 8 {
		t.Errorf("without a key %d rows, want all 8", len(all))
	}
}

func TestScanPlaceColumn(t *testing.T) {
	l := newLake(t)
	s := l.table("a", "odd", field(1, "k", i32), field(2, "File_Row_Number", i32))
	s.Data = append(s.Data, l.file("odd.parquet", 1, s.Schema.Fields(), `{"k":1,"File_Row_Number":7}`))
	if got := scanned(t, l, s, Newest{}, "k", "File_Row_Number"); len(got) != 1 || got[0] != "1,7" {
		t.Errorf("got %v", got)
	}
	if _, err := OpenScan(t.Context(), l.options(), s, Newest{Key: []string{"k"}}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("err = %v, want ErrInvalid", err)
	}
}
