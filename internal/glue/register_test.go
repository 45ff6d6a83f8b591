package glue_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsglue "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/glue"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

const lakeRoot = "s3://lake/warehouse"

func open(t *testing.T, server *testenv.GlueServer) *glue.Client {
	t.Helper()
	c, err := glue.Open(t.Context(), glue.Options{
		Access:   amazon.Access{Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey},
		Endpoint: server.Endpoint, DatabasePrefix: server.DatabasePrefix,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func pipeline() tidemark.Pipeline {
	return tidemark.Pipeline{
		ID: "orders", Mode: tidemark.ModeAppend, Format: tidemark.FormatParquet, Evolution: tidemark.SchemaEvolve,
		Target: tidemark.TableID{Namespace: "shop", Name: "orders"}, PartitionBy: []string{"day(created)", "region"},
	}
}

// load is a run that loads one row for each day, with an amount of that type.
func load(ctx context.Context, target *folder.Target, amount arrow.DataType, region string, days ...int32) error {
	if err := target.Recover(ctx); err != nil {
		return err
	}
	base, err := target.Watermark(ctx)
	if err != nil {
		return err
	}
	s := &tidemark.Schema{Columns: []tidemark.Column{
		{Name: "Amount", Type: amount, Comment: "in cents"},
		{Name: "created", Type: arrow.FixedWidthTypes.Date32}, {Name: "region", Type: arrow.BinaryTypes.String},
	}}
	if err := target.Prepare(ctx, s); err != nil {
		return err
	}
	c := tidemark.Commit{Base: base, Watermark: base}
	c.Watermark.Pipeline, c.Watermark.Seq, c.Watermark.Run, c.Watermark.Mode = "orders", base.Seq+1, tidemark.NewRunID(time.Now()), tidemark.ModeAppend
	if c.Files, err = target.Write(ctx, c.Watermark.Run, rows(s, region, days)); err != nil {
		return err
	}
	return target.Commit(ctx, c)
}

func rows(s *tidemark.Schema, region string, days []int32) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
		defer b.Release()
		for _, day := range days {
			if err := b.Field(0).AppendValueFromString("7"); err != nil {
				yield(nil, err)
				return
			}
			b.Field(1).(*array.Date32Builder).Append(arrow.Date32(day))
			b.Field(2).(*array.StringBuilder).Append(region)
		}
		yield(b.NewRecordBatch(), nil)
	}
}

func newTarget(store folder.Store, c *glue.Client) *folder.Target {
	t := folder.NewTarget(store, pipeline(), slog.New(slog.DiscardHandler))
	if c != nil {
		t.RegisterWith(glue.NewRegistrar(c, lakeRoot))
	}
	return t
}

// seen is what Athena would find: type by column, partitions with location and the type of the first column.
func seen(t *testing.T, c *glue.Client) (columns map[string]string, partitions map[string]string) {
	t.Helper()
	table, err := c.Get(t.Context(), pipeline().Target, lakeRoot)
	if err != nil {
		t.Fatal(err)
	}
	columns, partitions = map[string]string{}, map[string]string{}
	for _, column := range append(table.StorageDescriptor.Columns, table.PartitionKeys...) {
		columns[*column.Name] = *column.Type
	}
	pages := awsglue.NewGetPartitionsPaginator(c.API, &awsglue.GetPartitionsInput{DatabaseName: table.DatabaseName, TableName: table.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Partitions {
			partitions[strings.Join(p.Values, " ")] = *p.StorageDescriptor.Location + " " + *p.StorageDescriptor.Columns[0].Type
		}
	}
	return columns, partitions
}

// place is where a partition is expected, and the type of its amount.
func place(path, amount string) string { return lakeRoot + "/shop/orders/" + path + "/ " + amount }

// TestRegister: each commit shows in the catalog at once, wider columns included.
func TestRegister(t *testing.T) {
	c := open(t, testenv.Glue(t))
	store := blob.NewMem()
	steps := []struct {
		amount     arrow.DataType
		region     string
		days       []int32
		columns    map[string]string
		partitions map[string]string
	}{
		{
			arrow.PrimitiveTypes.Int32, "eu", []int32{0, 1},
			map[string]string{"amount": "int", "created": "date", "created_day": "date", "region": "string"},
			map[string]string{
				"1970-01-01 eu": place("created_day=1970-01-01/region=eu", "int"),
				"1970-01-02 eu": place("created_day=1970-01-02/region=eu", "int"),
			},
		},
		{
			arrow.PrimitiveTypes.Int64, "a/b", []int32{1},
			map[string]string{"amount": "bigint", "created": "date", "created_day": "date", "region": "string"},
			map[string]string{
				"1970-01-01 eu":  place("created_day=1970-01-01/region=eu", "bigint"),
				"1970-01-02 eu":  place("created_day=1970-01-02/region=eu", "bigint"),
				"1970-01-02 a/b": place("created_day=1970-01-02/region=a%2Fb", "bigint"),
			},
		},
	}
	for _, step := range steps {
		for range 2 { // again into partitions that the catalog has
			if err := load(t.Context(), newTarget(store, c), step.amount, step.region, step.days...); err != nil {
				t.Fatal(err)
			}
			columns, partitions := seen(t, c)
			if diff := cmp.Diff(step.columns, columns); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(step.partitions, partitions); diff != "" {
				t.Errorf("partitions (-want +got):\n%s", diff)
			}
		}
	}
}

// TestRegisterLate: what was loaded before there was a catalog is registered with the first commit behind it.
func TestRegisterLate(t *testing.T) {
	c := open(t, testenv.Glue(t))
	store := blob.NewMem()
	if err := load(t.Context(), newTarget(store, nil), arrow.PrimitiveTypes.Int32, "eu", 0, 1, 2); err != nil {
		t.Fatal(err)
	}
	if err := load(t.Context(), newTarget(store, c), arrow.PrimitiveTypes.Int32, "eu", 3); err != nil {
		t.Fatal(err)
	}
	if _, partitions := seen(t, c); len(partitions) != 4 {
		t.Errorf("the catalog has %d partitions, want 4: %v", len(partitions), partitions)
	}
}

// TestRegisterInterrupted lets each request of a registration fail once, so that nothing behind it happens in that run.
// The commit stays, and the next run, which has no news, registers all of it.
func TestRegisterInterrupted(t *testing.T) {
	actions := []string{"CreateDatabase", "CreateTable", "GetTable", "BatchCreatePartition", "GetPartitions", "BatchUpdatePartition", "UpdateTable"}
	for _, action := range actions {
		for _, first := range []bool{true, false} {
			if !first && (action == "CreateDatabase" || action == "CreateTable") || first && (action == "GetPartitions" || action == "BatchUpdatePartition") {
				continue // not of this step
			}
			t.Run(action+map[bool]string{true: "/first commit", false: "/wider"}[first], func(t *testing.T) {
				interrupted(t, action, first)
			})
		}
	}
}

func interrupted(t *testing.T, action string, first bool) {
	server := testenv.Glue(t)
	failing := false
	refused := 0
	server.Refuse = func(a string) (string, string) {
		if failing && a == action {
			refused++
			return "AccessDeniedException", "no " + a
		}
		return "", ""
	}
	c := open(t, server)
	store := blob.NewMem()
	amount, commits := arrow.DataType(arrow.PrimitiveTypes.Int32), int64(1)
	if !first {
		if err := load(t.Context(), newTarget(store, c), amount, "eu", 0); err != nil {
			t.Fatal(err)
		}
		amount, commits = arrow.PrimitiveTypes.Int64, 2
	}
	failing = true
	err := load(t.Context(), newTarget(store, c), amount, "eu", 1)
	if refused == 0 {
		t.Fatalf("the step does not send the request; it ended with %v", err)
	}
	if !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(err), "glue:"+action) {
		t.Errorf("the run ended with %v, hint %q, want ErrDenied with what to allow", err, tidemark.Hint(err))
	}
	failing = false
	next := newTarget(store, c)
	if err := next.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, err := next.Watermark(t.Context()); err != nil || w.Seq != commits {
		t.Errorf("the watermark is at commit %d, %v, want %d", w.Seq, err, commits)
	}
	columns, partitions := seen(t, c)
	if want := folder.HiveType(amount); columns["amount"] != want || len(partitions) != int(commits) {
		t.Errorf("the catalog has amount %s and %d partitions, want %s and %d", columns["amount"], len(partitions), want, commits)
	}
	for values, p := range partitions {
		if !strings.HasSuffix(p, " "+folder.HiveType(amount)) {
			t.Errorf("partition %s is %s, want the type of the table, or Athena refuses it", values, p)
		}
	}
}

// TestRegisterTogether: processes with an old and a new form of a table register it at the same time; the new stays.
func TestRegisterTogether(t *testing.T) {
	c := open(t, testenv.Glue(t))
	store := blob.NewMem()
	if err := load(t.Context(), newTarget(store, c), arrow.PrimitiveTypes.Int32, "eu", 0); err != nil {
		t.Fatal(err)
	}
	if err := load(t.Context(), newTarget(store, nil), arrow.PrimitiveTypes.Int64, "eu", 1); err != nil {
		t.Fatal(err)
	}
	r := glue.NewRegistrar(c, lakeRoot)
	form := func(context.Context) (glue.Form, error) {
		return glue.Form{
			Columns: []glue.Column{{Name: "amount", Type: "bigint"}, {Name: "created", Type: "date"}},
			Keys:    []glue.Column{{Name: "created_day", Type: "date"}, {Name: "region", Type: "string"}},
		}, nil
	}
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			errs[i] = r.Register(context.Background(), pipeline().Target, glue.Registration{
				Form: form, Folder: "shop/orders/", Partitions: []string{"created_day=1970-01-02/region=eu"},
				All: func(context.Context) ([]string, error) { return nil, errors.New("all were known") },
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	columns, partitions := seen(t, c)
	if columns["amount"] != "bigint" || len(partitions) != 2 {
		t.Errorf("the catalog has amount %s and %d partitions, want bigint and 2", columns["amount"], len(partitions))
	}
}

// TestRegisterForeign: a table of the same name that is not this folder is left as it is.
func TestRegisterForeign(t *testing.T) {
	server := testenv.Glue(t)
	c := open(t, server)
	foreign := &types.TableInput{Name: aws.String("orders"), StorageDescriptor: &types.StorageDescriptor{Location: aws.String("s3://other/orders")}}
	if _, err := c.Create(t.Context(), pipeline().Target, foreign, lakeRoot); err != nil {
		t.Fatal(err)
	}
	err := load(t.Context(), newTarget(blob.NewMem(), c), arrow.PrimitiveTypes.Int32, "eu", 0)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "s3://other/orders") || !strings.Contains(tidemark.Hint(err), "drop it") {
		t.Errorf("the run ended with %v, hint %q", err, tidemark.Hint(err))
	}
	table, err := c.Get(t.Context(), pipeline().Target, lakeRoot)
	if err != nil || *table.StorageDescriptor.Location != "s3://other/orders" {
		t.Errorf("the foreign table is now %+v, %v", table, err)
	}
}

// TestDropUnregisters: a drop that was stopped anywhere is finished by the next, and takes the registration along. A run that
// had the form of the table in its hands before may have put it back.
func TestDropUnregisters(t *testing.T) {
	stopped := errors.New("stopped")
	for name, last := range map[string]error{"at once": nil, "in two goes": stopped} {
		t.Run(name, func(t *testing.T) {
			c := open(t, testenv.Glue(t))
			store, r := blob.NewMem(), glue.NewRegistrar(c, lakeRoot)
			if err := load(t.Context(), newTarget(store, c), arrow.PrimitiveTypes.Int32, "eu", 0, 1); err != nil {
				t.Fatal(err)
			}
			catalog := folder.NewCatalog(store).RegisteredWith(r)
			late := func() error {
				if _, err := c.Get(t.Context(), pipeline().Target, lakeRoot); !errors.Is(err, tidemark.ErrNotFound) {
					t.Errorf("in the midst of the drop Glue has the table: %v", err)
				}
				form := func(context.Context) (glue.Form, error) {
					return glue.Form{Columns: []glue.Column{{Name: "amount", Type: "int"}}}, nil
				}
				none := func(context.Context) ([]string, error) { return nil, nil }
				if err := r.Register(t.Context(), pipeline().Target, glue.Registration{Folder: "shop/orders/", Form: form, All: none}); err != nil {
					t.Error(err)
				}
				return last
			}
			if err := drop(t, catalog, late); !errors.Is(err, last) {
				t.Fatal(err)
			}
			if last != nil {
				if err := drop(t, catalog, func() error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if table, err := c.Get(t.Context(), pipeline().Target, lakeRoot); !errors.Is(err, tidemark.ErrNotFound) {
				t.Errorf("Glue has %+v, %v", table, err)
			}
			for o := range store.List(t.Context(), "") {
				t.Errorf("the lake has %s", o.Key)
			}
			if err := load(t.Context(), newTarget(store, c), arrow.PrimitiveTypes.Int64, "us", 3); err != nil {
				t.Fatal(err)
			}
			if columns, partitions := seen(t, c); columns["amount"] != "bigint" || len(partitions) != 1 {
				t.Errorf("the table that was made anew has amount %s and %d partitions", columns["amount"], len(partitions))
			}
		})
	}
}

func drop(t *testing.T, c *folder.Catalog, last func() error) error {
	d, err := c.PlanDrop(t.Context(), pipeline().Target)
	if err != nil {
		return err
	}
	return c.Drop(t.Context(), d, last)
}

// TestDropLeavesForeign: what has the name of a dropped folder in the catalog, but is another table, stays; and a denial stops
// the drop where it can be finished.
func TestDropLeavesForeign(t *testing.T) {
	iceberg := &types.TableInput{Name: aws.String("orders"), Parameters: map[string]string{"table_type": "ICEBERG"},
		StorageDescriptor: &types.StorageDescriptor{Location: aws.String(lakeRoot + "/shop/orders")}}
	elsewhere := &types.TableInput{Name: aws.String("orders"), StorageDescriptor: &types.StorageDescriptor{Location: aws.String(lakeRoot + "/shop/orders2/")}}
	for _, foreign := range []*types.TableInput{iceberg, elsewhere} {
		c := open(t, testenv.Glue(t))
		store := blob.NewMem()
		if err := load(t.Context(), newTarget(store, nil), arrow.PrimitiveTypes.Int32, "eu", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Create(t.Context(), pipeline().Target, foreign, lakeRoot); err != nil {
			t.Fatal(err)
		}
		if err := drop(t, folder.NewCatalog(store).RegisteredWith(glue.NewRegistrar(c, lakeRoot)), func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), pipeline().Target, lakeRoot); err != nil {
			t.Errorf("the foreign table %s: %v", *foreign.StorageDescriptor.Location, err)
		}
	}

	server := testenv.Glue(t)
	var denied atomic.Bool
	server.Refuse = func(action string) (string, string) {
		if action == "DeleteTable" && !denied.Swap(true) {
			return "AccessDeniedException", "not authorized"
		}
		return "", ""
	}
	c := open(t, server)
	store := blob.NewMem()
	if err := load(t.Context(), newTarget(store, c), arrow.PrimitiveTypes.Int32, "eu", 0); err != nil {
		t.Fatal(err)
	}
	catalog := folder.NewCatalog(store).RegisteredWith(glue.NewRegistrar(c, lakeRoot))
	if err := drop(t, catalog, func() error { return nil }); !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(err), "glue:DeleteTable") {
		t.Errorf("the denied drop: %v, hint %q", err, tidemark.Hint(err))
	}
	if err := drop(t, catalog, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), pipeline().Target, lakeRoot); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("Glue still has the table, %v", err)
	}
}

// TestNames: a name that Glue would fold to another one is refused before anything is written.
func TestNames(t *testing.T) {
	c := open(t, testenv.Glue(t))
	p := pipeline()
	p.Target.Name = "Orders"
	store := blob.NewMem()
	target := folder.NewTarget(store, p, slog.New(slog.DiscardHandler)).RegisterWith(glue.NewRegistrar(c, lakeRoot))
	if err := load(t.Context(), target, arrow.PrimitiveTypes.Int32, "eu", 0); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "lower case") {
		t.Errorf("the run ended with %v", err)
	}
	for o, err := range store.List(t.Context(), "") {
		t.Errorf("the refused run has left %s, %v", o.Key, err)
	}
}

// TestLakeFormation: its denials come from behind IAM and say nothing of what to grant.
func TestLakeFormation(t *testing.T) {
	for action, want := range map[string]string{
		"CreateTable": "CREATE_TABLE", "GetTable": "DESCRIBE", "CreateDatabase": "CREATE_DATABASE", "BatchCreatePartition": "INSERT",
	} {
		server := testenv.Glue(t)
		server.Refuse = func(a string) (string, string) {
			if a == action {
				return "AccessDeniedException", "Insufficient Lake Formation permission(s): Required Something on shop"
			}
			return "", ""
		}
		err := load(t.Context(), newTarget(blob.NewMem(), open(t, server)), arrow.PrimitiveTypes.Int32, "eu", 0)
		if !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(err.Error(), "Required Something") {
			t.Errorf("%s: %v, want ErrDenied with the message of AWS", action, err)
		}
		if hint := tidemark.Hint(err); !strings.Contains(hint, "in Lake Formation, grant") || !strings.Contains(hint, want) {
			t.Errorf("%s: hint %q, want %s", action, hint, want)
		}
	}
}
