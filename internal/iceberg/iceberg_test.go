package iceberg

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/glue"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// A row of the test table.
type row struct {
	ID   int32
	Name string
	Day  int32 // days since 1970
}

// rows returns rows from to to-1, all of one name.
func rowsOf(from, to int32, name string) []row {
	var rows []row
	for id := from; id < to; id++ {
		rows = append(rows, row{ID: id, Name: name, Day: 16000 + id%5})
	}
	return rows
}

// source is the schema of the test table in the source.
func source() *tidemark.Schema {
	return &tidemark.Schema{
		Columns: []tidemark.Column{
			{Name: "id", Type: arrow.PrimitiveTypes.Int32, SourceType: "int", Comment: "the order"},
			{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true, SourceType: "varchar(25)"},
			{Name: "day", Type: arrow.FixedWidthTypes.Date32, SourceType: "date"},
		},
		Key:    []string{"id"},
		Origin: tidemark.Origin{Server: "server-1", Table: "shop.orders"},
	}
}

func batchOf(rows []row) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, source().Arrow())
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int32Builder).Append(r.ID)
		b.Field(1).(*array.StringBuilder).Append(r.Name)
		b.Field(2).(*array.Date32Builder).Append(arrow.Date32(r.Day))
	}
	return b.NewRecordBatch()
}

func batches(rows ...[]row) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, r := range rows {
			if !yield(batchOf(r), nil) {
				return
			}
		}
	}
}

func pipeline(mode tidemark.Mode) tidemark.Pipeline {
	return tidemark.Pipeline{
		ID: "orders", Mode: mode, Format: tidemark.FormatIceberg, Evolution: tidemark.SchemaEvolve,
		Target: tidemark.TableID{Namespace: "shop", Name: "orders"}, FileSize: 128 << 20, Splits: 1,
	}
}

// testLog logs to the test.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// testTime is when the runs of tests begin.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// memOptions are those of a fresh lake in memory.
func memOptions() Options { return Options{Store: blob.NewMem(), Root: "s3://lake/warehouse"} }

func open(t testing.TB, o Options) *Lake {
	t.Helper()
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// everyLake runs a test on each kind of store and each kind of catalog.
func everyLake(t *testing.T, test func(t *testing.T, o Options)) {
	lakes := map[string]func(t *testing.T) Options{
		"mem folder":  func(*testing.T) Options { return memOptions() },
		"file folder": fileOptions,
		"file sqlite": func(t *testing.T) Options { return withSQLite(t, fileOptions(t)) },
		"s3 folder":   s3Options,
		"mem glue":    func(t *testing.T) Options { return withGlue(t, memOptions()) },
		"file rest":   func(t *testing.T) Options { return withREST(t, fileOptions(t)) },
	}
	for name, options := range lakes {
		t.Run(name, func(t *testing.T) { test(t, options(t)) })
	}
}

func withSQLite(t *testing.T, o Options) Options {
	o.Catalog, o.SQLitePath = CatalogSQLite, filepath.Join(t.TempDir(), "catalog.db")
	return o
}

func withGlue(t testing.TB, o Options) Options {
	g := testenv.Glue(t)
	o.Catalog, o.Glue = CatalogGlue, glueClient(t, g)
	return o
}

func withREST(t testing.TB, o Options) Options {
	return restOptions(o, testenv.REST(t))
}

func restOptions(o Options, s *testenv.RESTServer) Options {
	o.Catalog, o.REST = CatalogREST, RESTOptions{URI: s.URI, Warehouse: s.Warehouse, Token: s.Token}
	return o
}

func glueClient(t testing.TB, g *testenv.GlueServer) *glue.Client {
	t.Helper()
	c, err := glue.Open(t.Context(), glue.Options{
		Access: amazon.Access{Region: g.Region, AccessKey: g.AccessKey, SecretKey: g.SecretKey}, Endpoint: g.Endpoint, DatabasePrefix: g.DatabasePrefix,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func fileOptions(t *testing.T) Options {
	dir := filepath.Join(t.TempDir(), "lake")
	store, err := blob.OpenFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return Options{Store: store, Root: dir}
}

func s3Options(t *testing.T) Options {
	s := testenv.S3(t)
	store, err := blob.OpenS3(t.Context(), blob.S3Config{
		Bucket: s.Bucket, Prefix: "warehouse", Region: s.Region, Endpoint: s.Endpoint, PathStyle: true,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return Options{Store: store, Root: "s3://" + s.Bucket + "/warehouse"}
}

// loadRows is a run: it loads rows, split by split, and commits. It returns what the commit said.
func loadRows(ctx context.Context, target *Target, splits ...[]row) error {
	base, err := target.Watermark(ctx)
	if err != nil {
		return err
	}
	c, err := write(ctx, target, base, splits...)
	if err != nil {
		return err
	}
	return target.Commit(ctx, c)
}

// write is a run up to its commit, which it returns.
func write(ctx context.Context, target *Target, base tidemark.Watermark, splits ...[]row) (tidemark.Commit, error) {
	if err := target.Prepare(ctx, source()); err != nil {
		return tidemark.Commit{}, err
	}
	c := tidemark.Commit{Base: base, Watermark: base}
	c.Watermark.Pipeline, c.Watermark.Seq, c.Watermark.Run = target.p.ID, base.Seq+1, tidemark.NewRunID(time.Now())
	c.Watermark.Mode, c.Watermark.Rows = target.p.Mode, 0
	c.Watermark.Settlements = []tidemark.Settlement{{T0: time.Unix(1, 0).UTC()}}
	for _, split := range splits {
		files, err := target.Write(ctx, c.Watermark.Run, batches(split))
		if err != nil {
			return c, err
		}
		c.Files = append(c.Files, files...)
		for _, f := range files {
			c.Watermark.Rows += f.Rows()
		}
	}
	c.Watermark.Total += c.Watermark.Rows
	return c, nil
}

func mustLoad(t testing.TB, target *Target, splits ...[]row) {
	t.Helper()
	if err := loadRows(t.Context(), target, splits...); err != nil {
		t.Fatal(err)
	}
}

// scan reads the table with iceberg-go's own reader, which applies deletes, sorted by id and name.
func scan(t testing.TB, l *Lake) []row {
	t.Helper()
	tbl, err := l.load(t.Context(), pipeline("").Target)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return scanTable(t, tbl)
}

func scanTable(t testing.TB, tbl *table.Table) []row {
	t.Helper()
	_, records, err := tbl.Scan(table.WithSelectedFields("id", "name", "day")).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for b, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			r := row{Name: b.Column(1).ValueStr(i), Day: int32(b.Column(2).(*array.Date32).Value(i))}
			fmt.Sscan(b.Column(0).ValueStr(i), &r.ID)
			rows = append(rows, r)
		}
		b.Release()
	}
	sortRows(rows)
	return rows
}

func sortRows(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		if a.ID != b.ID {
			return int(a.ID - b.ID)
		}
		return strings.Compare(a.Name, b.Name)
	})
}

func check(t testing.TB, l *Lake, want ...[]row) {
	t.Helper()
	all := slices.Concat(want...)
	sortRows(all)
	if diff := cmp.Diff(all, scan(t, l)); diff != "" {
		t.Errorf("rows in the table (-want +got):\n%s", diff)
	}
}

func seq(t testing.TB, target *Target) int64 {
	t.Helper()
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w.Seq
}

// noise returns a text of n bytes that a codec makes a quarter smaller and no more.
func noise(n int) string {
	b := make([]byte, n*3/4+3)
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rand.Uint64())
	}
	return base64.StdEncoding.EncodeToString(b)[:n]
}

func slogDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }
