package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

var importedTable = tidemark.TableID{Namespace: "shop", Name: "old"}

// foreign puts a Parquet file as another program writes it, with rows of JSON.
func foreign(t *testing.T, store blob.Store, key string, fields []arrow.Field, rows ...string) {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	var data bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &data, nil, pqarrow.DefaultWriterProps())
	if err == nil {
		err = errors.Join(w.Write(b), w.Close())
	}
	if err == nil {
		err = store.Put(context.Background(), key, data.Bytes(), blob.PutOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func intField(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int32}
}

func plan(t *testing.T, store blob.Store, prefix string) *Import {
	t.Helper()
	i, err := PlanImport(t.Context(), store, importedTable, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func imported(t *testing.T, store blob.Store, prefix string) tidemark.Watermark {
	t.Helper()
	w, err := plan(t, store, prefix).Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestImport: files are taken in where they lie, each once, with the columns of their folders, and the table grows with them.
func TestImport(t *testing.T) {
	store := blob.NewMem()
	fields := []arrow.Field{intField("id"), {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}}
	foreign(t, store, "landing/orders/year=2023/region=eu%2Fwest/a.parquet", fields, `{"id":1,"name":"x"}`)
	foreign(t, store, "landing/orders/year=2024/region=us/b.snappy.parquet", fields, `{"id":2,"name":"y"}`, `{"id":3}`)
	foreign(t, store, "landing/orders/year=2024/region=__HIVE_DEFAULT_PARTITION__/c.parquet", fields, `{"id":4}`)
	for _, key := range []string{"_SUCCESS", "_temporary/x.parquet", ".part/y.parquet", "readme.txt"} {
		if err := store.Put(t.Context(), "landing/orders/"+key, []byte("no"), blob.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	i := plan(t, store, "/landing/orders/")
	if i.New.Files != 3 || i.New.Rows != 4 || i.Skipped != 1 || !cmp.Equal(i.Paths, []string{"region", "year"}) {
		t.Errorf("plan %+v", i)
	}
	if w := imported(t, store, "landing/orders"); w.Seq != 1 || w.Total != 4 {
		t.Errorf("watermark %+v", w)
	}
	if i := plan(t, store, "landing/orders"); !i.Nothing() || i.Known.Files != 3 {
		t.Errorf("again: %+v", i)
	}
	foreign(t, store, "landing/orders/year=2025/region=us/d.parquet", append(fields, intField("more")), `{"id":5,"more":7}`)
	if i := plan(t, store, "landing/orders"); !cmp.Equal(i.Changes, []string{`column "more" is new`}) {
		t.Errorf("changes %q", i.Changes)
	}
	if w := imported(t, store, "landing/orders"); w.Seq != 2 || w.Rows != 1 || w.Total != 5 {
		t.Errorf("watermark %+v", w)
	}
	s, err := NewCatalog(store).Snapshot(t.Context(), importedTable)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.Schema.Fields() {
		names = append(names, f.Name+" "+f.Type.String())
	}
	if diff := cmp.Diff([]string{"id int32", "name utf8", "more int32", "region utf8", "year int32"}, names); diff != "" {
		t.Error(diff)
	}
	var places []string
	for at, f := range s.Data {
		region := "NULL"
		if f.Path["region"] != nil {
			region = *f.Path["region"]
		}
		bounds, known := s.Bounds(at, "year")
		places = append(places, fmt.Sprintf("%s %s %s %v %d", f.Key[len("landing/orders/"):], region, *f.Path["year"], known && *bounds.Lower == *f.Path["year"], f.Rows))
	}
	want := []string{
		"year=2023/region=eu%2Fwest/a.parquet eu/west 2023 true 1", "year=2024/region=__HIVE_DEFAULT_PARTITION__/c.parquet NULL 2024 true 1",
		"year=2024/region=us/b.snappy.parquet us 2024 true 2", "year=2025/region=us/d.parquet us 2025 true 1",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Error(diff)
	}
}

// TestImportRefuses: what does not fit is said with the file, and nothing has changed.
func TestImportRefuses(t *testing.T) {
	text := arrow.Field{Name: "id", Type: arrow.BinaryTypes.String}
	for name, tt := range map[string]struct {
		make func(t *testing.T, store blob.Store)
		kind error
		want string
	}{
		"nothing there": {func(*testing.T, blob.Store) {}, tidemark.ErrNotFound, "no Parquet files in landing/"},
		"no Parquet": {func(t *testing.T, store blob.Store) {
			if err := store.Put(t.Context(), "landing/text.parquet", []byte("id,name and so on"), blob.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}, tidemark.ErrInvalid, "file landing/text.parquet: read footer"},
		"two types": {func(t *testing.T, store blob.Store) {
			foreign(t, store, "landing/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`)
			foreign(t, store, "landing/b.parquet", []arrow.Field{text}, `{"id":"x"}`)
		}, tidemark.ErrInvalid, `file landing/b.parquet does not fit to those before it, the first of which is landing/a.parquet: column "id"`},
		"two kinds of folders": {func(t *testing.T, store blob.Store) {
			foreign(t, store, "landing/year=2024/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`)
			foreign(t, store, "landing/b.parquet", []arrow.Field{intField("id")}, `{"id":2}`)
		}, tidemark.ErrInvalid, "lies in folders of"},
		"a column here in the file, there in the folder": {func(t *testing.T, store blob.Store) {
			foreign(t, store, "landing/year=2023/a.parquet", []arrow.Field{intField("id"), intField("year")}, `{"id":1,"year":2023}`)
			foreign(t, store, "landing/year=2024/b.parquet", []arrow.Field{intField("id")}, `{"id":2}`)
		}, tidemark.ErrInvalid, `file landing/year=2024/b.parquet lacks column "year"`},
		"names that differ in case": {func(t *testing.T, store blob.Store) {
			foreign(t, store, "landing/a.parquet", []arrow.Field{intField("id"), intField("ID")}, `{"id":1,"ID":2}`)
		}, tidemark.ErrInvalid, "differ in case only"},
	} {
		store := blob.NewMem()
		tt.make(t, store)
		_, err := PlanImport(t.Context(), store, importedTable, "landing")
		if !errors.Is(err, tt.kind) || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: %v, want %v with %q", name, err, tt.kind, tt.want)
		}
		if tables, err := NewCatalog(store).Tables(t.Context()); err != nil || len(tables) > 0 {
			t.Errorf("%s: tables %v, %v", name, tables, err)
		}
	}
}

// TestImportTypes: the values of folders have the narrowest type that holds them all, and a later one must fit.
func TestImportTypes(t *testing.T) {
	for want, texts := range map[string][]string{
		"int32": {"1", "-7", "2024"}, "int64": {"1", "3000000000"}, "date": {"2024-02-29", "2024-03-01"}, "string": {"01", "2"},
	} {
		if got := typeOfTexts(texts); got != want {
			t.Errorf("%q: %s, want %s", texts, got, want)
		}
	}
	store := blob.NewMem()
	foreign(t, store, "landing/day=2024-02-29/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`)
	imported(t, store, "landing")
	foreign(t, store, "landing/day=today/b.parquet", []arrow.Field{intField("id")}, `{"id":2}`)
	if _, err := PlanImport(t.Context(), store, importedTable, "landing"); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `folder day=today: the table has "day" as date`) {
		t.Errorf("error %v", err)
	}
}

// TestImportTogether: of imports at the same time one takes a file.
func TestImportTogether(t *testing.T) {
	store := blob.NewMem()
	foreign(t, store, "landing/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`)
	imported(t, store, "landing")
	for n := range 20 {
		foreign(t, store, fmt.Sprintf("landing/b%d.parquet", n), []arrow.Field{intField("id")}, `{"id":2}`)
		var all sync.WaitGroup
		for range 3 {
			i := plan(t, store, "landing")
			all.Go(func() {
				if _, err := i.Commit(context.Background()); err != nil && !errors.Is(err, tidemark.ErrConflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s, err := NewCatalog(store).Snapshot(t.Context(), importedTable)
		if err != nil || len(s.Data) != n+2 {
			t.Fatalf("%d files, %v, want %d", len(s.Data), err, n+2)
		}
	}
}

// TestImportStands: no pipeline writes to an imported table, a changed file is told, and a drop leaves the files alone.
func TestImportStands(t *testing.T) {
	store := blob.NewMem()
	foreign(t, store, "shop/old/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`) // in the folder of its own name
	imported(t, store, "shop/old")
	p := tidemark.Pipeline{ID: "p", Target: importedTable, Format: tidemark.FormatParquet, Mode: tidemark.ModeAppend, Evolution: tidemark.SchemaEvolve}
	err := NewTarget(store, p, slog.New(slog.DiscardHandler)).Prepare(t.Context(), &tidemark.Schema{Columns: []tidemark.Column{{Name: "id", Type: arrow.PrimitiveTypes.Int32}}})
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "it was imported from shop/old/") {
		t.Errorf("prepare: %v", err)
	}
	foreign(t, store, "shop/old/a.parquet", []arrow.Field{intField("id")}, `{"id":1}`, `{"id":2}`, `{"id":3}`)
	if i := plan(t, store, "shop/old"); !cmp.Equal(i.Gone, []string{"shop/old/a.parquet"}) || !i.Nothing() {
		t.Errorf("a changed file: %+v", i)
	}
	c := NewCatalog(store)
	d, err := c.PlanDrop(t.Context(), importedTable)
	if err != nil || !d.Imported {
		t.Fatalf("plan %+v, %v", d, err)
	}
	if err := c.Drop(t.Context(), d, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), "shop/old/a.parquet"); err != nil {
		t.Errorf("the file: %v", err)
	}
	if i := plan(t, store, "shop/old"); i.New.Files != 1 || i.New.Rows != 3 {
		t.Errorf("behind the drop: %+v", i)
	}
}
