package iceberg

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/iceberg-go"
	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestSnapshot(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		if _, err := l.Snapshot(t.Context(), pipeline("").Target); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("snapshot of a table that is not there: %v, want ErrNotFound", err)
		}
		target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
		if err := target.Prepare(t.Context(), source()); err != nil {
			t.Fatal(err)
		}
		if s := l.mustSnapshot(t); s.ID != "" || len(s.Data) != 0 || s.Schema.NumFields() != 3 {
			t.Errorf("snapshot of an empty table = %+v", s)
		}
		mustLoad(t, target, rowsOf(0, 10, "a"))
		mustLoad(t, target, rowsOf(5, 7, "b"))
		s := l.mustSnapshot(t)
		if len(s.Data) != 2 || len(s.Deletes) != 1 || s.ID == "" || s.At.IsZero() || s.Format != tidemark.FormatIceberg {
			t.Fatalf("snapshot = %+v, want two data files and one of deletes", s)
		}
		var rows int64
		for _, f := range s.Data {
			rows += f.Rows
			if f.Rows == 2 && f.Seq != s.Deletes[0].Seq || f.Rows == 10 && f.Seq >= s.Deletes[0].Seq {
				t.Errorf("data file of %d rows has the sequence number %d, the deletes have %d", f.Rows, f.Seq, s.Deletes[0].Seq)
			}
			checkFieldIDs(t, l, f.Key, []int32{1, 2, 3})
		}
		checkFieldIDs(t, l, s.Deletes[0].Key, []int32{1})
		if rows != 12 || s.Deletes[0].Rows != 2 {
			t.Errorf("%d rows and %d deletes, want 12 and 2", rows, s.Deletes[0].Rows)
		}
		if diff := cmp.Diff([]string{"id"}, s.Deletes[0].Equality); diff != "" {
			t.Errorf("equality columns (-want +got):\n%s", diff)
		}
		if id, _ := s.Schema.Field(1).Metadata.GetValue("PARQUET:field_id"); id != "2" {
			t.Errorf("field id of %s = %q, want 2", s.Schema.Field(1).Name, id)
		}
	})
}

// checkFieldIDs opens a file as any reader of Parquet would.
func checkFieldIDs(t *testing.T, l *Lake, key string, want []int32) {
	t.Helper()
	fs, err := l.io(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := fs.Open(l.root.uri(key))
	if err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(f)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer r.Close()
	var got []int32
	for i := range r.MetaData().Schema.NumColumns() {
		got = append(got, r.MetaData().Schema.Column(i).SchemaNode().(*schema.PrimitiveNode).FieldID())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: field ids (-want +got):\n%s", key, diff)
	}
}

// TestForeignDeletes: deletes that a reader of the catalog cannot apply are refused, not left out.
func TestForeignDeletes(t *testing.T) {
	l := open(t, memOptions())
	mustLoad(t, l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 10, "a"))
	tbl := loadTable(t, l)
	tx := tbl.NewTransaction()
	commitTx(t, tx, tx.SetProperties(iceberg.Properties{table.WriteDeleteModeKey: table.WriteModeMergeOnRead}))
	tx = loadTable(t, l).NewTransaction()
	commitTx(t, tx, tx.Delete(t.Context(), iceberg.EqualTo(iceberg.Reference("id"), int32(3)), nil))
	_, err := l.Snapshot(t.Context(), pipeline("").Target)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "position deletes") || tidemark.Hint(err) == "" {
		t.Errorf("Snapshot = %v, hint %q, want ErrInvalid on position deletes", err, tidemark.Hint(err))
	}
}

// TestManyCommits goes on until manifests are merged, and checks that deletes still apply to just the earlier rows.
func TestManyCommits(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeMerge), slogDiscard())
	other := pipeline(tidemark.ModeAppend)
	other.ID = "other"
	appender := l.Target(other, slogDiscard())
	var want []row
	for i := range int32(110) {
		if i%10 == 0 {
			mustLoad(t, target, rowsOf(0, 5, string('a'+i/10)))
		}
		mustLoad(t, appender, rowsOf(100+i, 101+i, "x"))
		want = append(want, rowsOf(100+i, 101+i, "x")...)
	}
	check(t, l, rowsOf(0, 5, "k"), want)
	fs, err := l.io(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := loadTable(t, l).CurrentSnapshot().Manifests(fs)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifests) > 110 {
		t.Errorf("%d manifests after 121 commits: they are never merged", len(manifests))
	}
	mustLoad(t, target, rowsOf(3, 6, "z"))
	check(t, l, rowsOf(0, 3, "k"), rowsOf(3, 6, "z"), want)
}

// TestSQLiteIsShared opens our SQLite catalog with iceberg-go's own, as other tools do.
func TestSQLiteIsShared(t *testing.T) {
	o := fileOptions(t)
	o.Catalog, o.SQLitePath = CatalogSQLite, filepath.Join(t.TempDir(), "the catalog.db")
	l := open(t, o)
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 10, "a"))

	db, err := sql.Open("sqlite", o.SQLitePath)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	theirs, err := icebergsql.NewCatalog(catalogName, db, icebergsql.SQLite, iceberg.Properties{})
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := theirs.LoadTable(t.Context(), identifier(pipeline("").Target))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rowsOf(0, 10, "a"), scanTable(t, tbl)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	appendRows(t, tbl, rowsOf(10, 12, "theirs"))
	mustLoad(t, target, rowsOf(12, 14, "b"))
	check(t, l, rowsOf(0, 10, "a"), rowsOf(10, 12, "theirs"), rowsOf(12, 14, "b"))
}
