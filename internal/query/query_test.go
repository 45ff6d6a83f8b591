package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A lake is a folder of Parquet files and the catalog over them, as a test writes it.
type lake struct {
	t      testing.TB
	folder string
	store  blob.Store
	cache  string
	tables []*tidemark.Snapshot
	marks  []tidemark.Watermark
}

func newLake(t testing.TB) *lake {
	l := &lake{t: t, folder: t.TempDir(), cache: t.TempDir()}
	store, err := blob.OpenFile(l.folder)
	if err != nil {
		t.Fatal(err)
	}
	l.store = store
	return l
}

func (l *lake) Tables(context.Context) ([]tidemark.TableID, error) {
	var ids []tidemark.TableID
	for _, s := range l.tables {
		ids = append(ids, s.Table)
	}
	return ids, nil
}

func (l *lake) Snapshot(_ context.Context, id tidemark.TableID) (*tidemark.Snapshot, error) {
	for _, s := range l.tables {
		if s.Table == id {
			return s, nil
		}
	}
	return nil, tidemark.ErrNotFound
}

func (l *lake) options() Options {
	marks := func(context.Context) ([]tidemark.Watermark, error) { return l.marks, nil }
	return Options{Catalog: l, Store: l.store, Folder: l.folder, Cache: l.cache, Watermarks: marks}
}

// table adds a table without files.
func (l *lake) table(namespace, name string, fields ...arrow.Field) *tidemark.Snapshot {
	s := &tidemark.Snapshot{Table: tidemark.TableID{Namespace: namespace, Name: name}, Schema: arrow.NewSchema(fields, nil)}
	l.tables = append(l.tables, s)
	return s
}

// file stores rows, as JSON, in a Parquet file.
func (l *lake) file(key string, seq int64, fields []arrow.Field, rows ...string) tidemark.LakeFile {
	l.t.Helper()
	schema := arrow.NewSchema(fields, nil)
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer batch.Release()
	var b bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &b, nil, pqarrow.NewArrowWriterProperties(pqarrow.WithTruncatedTimestamps(true)))
	if err != nil {
		l.t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		l.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		l.t.Fatal(err)
	}
	if err := l.store.Put(l.t.Context(), key, b.Bytes(), blob.PutOptions{IfAbsent: true}); err != nil {
		l.t.Fatal(err)
	}
	return tidemark.LakeFile{Key: key, Rows: batch.NumRows(), Bytes: int64(b.Len()), Seq: seq}
}

// field is a column with a field id; 0: without.
func field(id int, name string, typ arrow.DataType) arrow.Field {
	f := arrow.Field{Name: name, Type: typ, Nullable: true}
	if id > 0 {
		f.Metadata = arrow.NewMetadata([]string{fieldID}, []string{fmt.Sprint(id)})
	}
	return f
}

var (
	i32, i64, str = arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	orderFields   = []arrow.Field{field(1, "order_id", i32), field(2, "status", str)}
)

// csvOf runs a statement and returns its rows as CSV without the header's line.
func (l *lake) csvOf(statement string) (header string, rows []string, err error) {
	l.t.Helper()
	r, err := Run(l.t.Context(), l.options(), statement)
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err := r.Close(); err != nil {
			l.t.Error(err)
		}
	}()
	var b bytes.Buffer
	if err := WriteCSV(&b, r.Columns, r.Rows()); err != nil {
		return "", nil, err
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	return lines[0], lines[1:], nil
}

func (l *lake) check(statement string, want ...string) {
	l.t.Helper()
	_, got, err := l.csvOf(statement)
	if err != nil {
		l.t.Errorf("%s: %v", statement, err)
		return
	}
	if len(got) == 0 {
		got = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Errorf("%s: %s", statement, diff)
	}
}

func ordersLake(t testing.TB) *lake {
	l := newLake(t)
	s := l.table("orders", "landing", orderFields...)
	s.Data = append(s.Data,
		l.file("orders/landing/a.parquet", 1, orderFields, `{"order_id":1,"status":"CLOSED"}`, `{"order_id":2,"status":"OPEN"}`),
		l.file("orders/landing/b.parquet", 2, orderFields, `{"order_id":3,"status":"CLOSED"}`))
	l.table("orders", "empty", orderFields...)
	l.table("other", "landing", orderFields...)
	l.table("other", "single", field(1, "n", i64))
	return l
}

func TestRun(t *testing.T) {
	l := ordersLake(t)
	l.check("SELECT count(*), sum(order_id) FROM orders.landing", "3,6")
	l.check("SELECT status, count(*) AS n FROM Orders.LANDING GROUP BY status ORDER BY status;", "CLOSED,2", "OPEN,1")
	l.check("SELECT a.order_id FROM orders.landing a JOIN orders.landing b ON a.order_id = b.order_id + 2", "3")
	l.check("SELECT count(*) FROM single", "0")
	l.check("SELECT count(*) FROM \"empty\" e, other.single u, orders.landing", "0")
	l.check("WITH single AS (SELECT count(*) AS c FROM single) SELECT * FROM single", "0")
	l.check("WITH mine AS (SELECT 7 AS n) SELECT n + r.range FROM mine, range(2) AS r", "7", "8")
	l.check("SELECT (SELECT max(order_id) FROM orders.landing)", "3")
	l.check("FROM orders.landing SELECT order_id WHERE status = 'OPEN'", "2")
	l.check("VALUES (1, 'a,b')", `1,"a,b"`)
	l.check("SELECT 1 AS n WHERE false")
	header, rows, err := l.csvOf("DESCRIBE orders.empty")
	if err != nil || !strings.HasPrefix(header, "column_name,column_type") || len(rows) != 2 || !strings.HasPrefix(rows[0], "order_id,INTEGER,YES") {
		t.Errorf("DESCRIBE = %q, %q, %v", header, rows, err)
	}
	if _, rows, err := l.csvOf("SUMMARIZE orders.landing"); err != nil || len(rows) != 2 {
		t.Errorf("SUMMARIZE = %q, %v", rows, err)
	}
}

// An unlisted catalog knows its tables, but cannot list them.
type unlisted struct{ *lake }

func (unlisted) Tables(context.Context) ([]tidemark.TableID, error) {
	return nil, tidemark.ErrDenied
}

// TestUnlisted: a table that is named in full is read without a list of all.
func TestUnlisted(t *testing.T) {
	o := ordersLake(t).options()
	o.Catalog = unlisted{o.Catalog.(*lake)}
	for statement, want := range map[string]error{
		"FROM orders.landing a JOIN orders.landing b USING (order_id) SELECT count(*)": nil,
		"FROM Orders.landing": tidemark.ErrDenied,
		"FROM single":         tidemark.ErrDenied,
	} {
		r, err := Run(t.Context(), o, statement)
		if !errors.Is(err, want) {
			t.Errorf("%s: err = %v, want %v", statement, err, want)
		}
		if err == nil {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRefused: whatever is more than reading tables of the lake, on any way.
func TestRefused(t *testing.T) {
	l := ordersLake(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("canary\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(l.folder, "orders/landing/a.parquet")
	for _, statement := range []string{
		"SELECT * FROM read_csv('/etc/passwd')",
		"SELECT * FROM read_text('" + secret + "')",
		"SELECT * FROM '" + secret + "'",
		"SELECT * FROM \"" + secret + "\"",
		"SELECT * FROM read_parquet('" + data + "')",
		"SELECT * FROM '" + data + "'",
		"SELECT * FROM parquet_scan('" + data + "')",
		"SELECT * FROM parquet_metadata('" + data + "')",
		"SELECT * FROM glob('/etc/*')",
		"SELECT * FROM orders.landing WHERE order_id IN (SELECT 1 FROM read_blob('/etc/passwd'))",
		"WITH x AS (FROM read_json('/etc/passwd')) SELECT * FROM x",
		"SELECT * FROM query('SELECT 1')",
		"SELECT * FROM query_table('orders.landing')",
		"SELECT * FROM duckdb_settings()",
		"SELECT * FROM information_schema.tables",
		"SELECT * FROM sqlite_master",
		"SELECT * FROM memory.orders.landing",
		"SELECT getenv('HOME')",
		"SHOW TABLES",
		"COPY (SELECT 1) TO '/tmp/tidemark-refused.csv'",
		"COPY orders.landing FROM '/etc/passwd'",
		"ATTACH '/tmp/tidemark-refused.db'",
		"INSTALL httpfs", "LOAD httpfs",
		"CREATE TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1", "CREATE MACRO f() AS 1",
		"INSERT INTO orders.landing VALUES (1, 'x')", "UPDATE orders.landing SET order_id = 1", "DELETE FROM orders.landing", "DROP VIEW orders.landing",
		"SET memory_limit = '1TB'", "RESET ALL", "PRAGMA version", "CALL pragma_version()", "USE orders", "BEGIN", "CHECKPOINT",
		"PREPARE p AS SELECT 1", "EXPORT DATABASE '/tmp/x'", "VACUUM", "EXPLAIN ANALYZE SELECT 1",
		"SELECT 1; SELECT 2", "SELECT 1; SET threads = 1", "", "  ; ", "-- nothing",
		"SELECT * FROM 's3://bucket/x.parquet'", "SELECT * FROM 'https://example.com/x.csv'",
	} {
		_, rows, err := l.csvOf(statement)
		if !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("%s: rows %q, err = %v, want ErrInvalid", statement, rows, err)
		}
	}
	for _, left := range []string{"/tmp/tidemark-refused.csv", "/tmp/tidemark-refused.db"} {
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s was written", left)
		}
	}
}

// TestLocked: the database itself refuses what Parse would let through.
func TestLocked(t *testing.T) {
	db, err := duckdb.Open(t.Context(), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Lock(t.Context(), []string{filepath.Join(t.TempDir(), "x")}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "COPY (SELECT 1) TO '/tmp/tidemark-refused.csv'",
		"ATTACH '/tmp/tidemark-refused.db'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
		"SET allowed_directories = ['/']", "SET lock_configuration = false", "SET memory_limit = '1TB'", "RESET memory_limit",
		"SET autoinstall_known_extensions = true", "EXPORT DATABASE '/tmp/tidemark-refused'",
	} {
		rows, err := db.Query(t.Context(), &duckdb.Statement{SQL: statement})
		if err == nil {
			for _, rowErr := range rows.All() {
				err = rowErr
			}
			rows.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
}

func TestErrors(t *testing.T) {
	l := ordersLake(t)
	tests := []struct {
		statement string
		want      string
		hint      string
	}{
		{"SELECT 1 FORM x", `line 1, column 15: syntax error at or near "x"`, ""},
		{"SELECT *\nFROM orders.landing\nWHERE nosuch = 1", "line 3, column 7: ", ""},
		{"SELECT 'é', nosuch FROM orders.landing", "line 1, column 13: ", ""},
		{"SELECT " + strings.Repeat("1+", 200) + "nosuch" + strings.Repeat("+1", 200) + " FROM orders.landing", "line 1, column 408: ", ""},
		{"SELECT 1\n  FROM orders.landed", "line 2, column 8: no table orders.landed in the lake", "orders.landing"},
		{"SELECT 1 FROM landing", "line 1, column 15: table landing is ambiguous", "orders.landing, other.landing"},
		{"SELECT CAST(status AS INT) FROM orders.landing", "Could not convert string 'CLOSED' to INT32", ""},
		{"SELECT * FROM read_csv('x')", "line 1, column 15: function read_csv is not allowed", "tables of the lake"},
		{"DROP TABLE x", "only SELECT is allowed", "read-only"},
	}
	for _, tt := range tests {
		_, _, err := l.csvOf(tt.statement)
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(tidemark.Hint(err), tt.hint) {
			t.Errorf("%.60s: err = %v (hint %q), want %q (hint %q)", tt.statement, err, tidemark.Hint(err), tt.want, tt.hint)
		}
	}
	if _, _, err := newLake(t).csvOf("SELECT 1 FROM a.b"); err == nil || !strings.Contains(tidemark.Hint(err), "no tables yet") {
		t.Errorf("empty lake: err = %v (hint %q)", err, tidemark.Hint(err))
	}
}

func TestCancel(t *testing.T) {
	l := ordersLake(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	// Hours of work, were it not for the context.
	r, err := Run(ctx, l.options(), "SELECT sum(a.range * b.range) FROM range(100000000) a, range(100000000) b")
	if err == nil {
		for _, err = range r.Rows() {
		}
		r.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want context.DeadlineExceeded", err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	l := ordersLake(t)
	l.check("SELECT count(*) FROM orders.landing", "3")
	if _, _, err := l.csvOf("SELECT nosuch FROM orders.landing"); err == nil {
		t.Error("no error")
	}
	if left, _ := filepath.Glob(filepath.Join(l.cache, "*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}
