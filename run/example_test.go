package run_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

// A pipeline of YAML text. Run loads what is new each time, and nothing twice.
func ExampleParse() {
	done := exampleShop()
	defer done()
	r, err := run.Parse(`
connections:
  shop: {type: mysql, url: "mysql://etl@127.0.0.1/shop", password: "${env:SHOP_PASSWORD}"}
  lake: {type: file, path: lake}
pipelines:
  orders:
    source: {connection: shop, table: orders, cursor: updated_at}
    target: {connection: lake, table: shop.orders, mode: merge}
`, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		outcomes, err := r.Run(context.Background(), nil)
		if err != nil {
			log.Fatal(err)
		}
		for _, o := range outcomes {
			switch {
			case errors.Is(o.Err, tidemark.ErrChecks):
				log.Fatal("the rows do not pass the checks: ", o.Err)
			case o.Err != nil:
				log.Fatal(o.Err, tidemark.Hint(o.Err))
			}
			fmt.Println(o.Result.Pipeline, o.Result.New, "new rows")
		}
	}
	// Output:
	// orders 2 new rows
	// orders 0 new rows
}

// A config that is built in Go, with a step that is a Go func; and a query of what it has loaded.
func ExampleOpen() {
	done := exampleShop()
	defer done()
	mask := run.EachRow([]arrow.Field{{Name: "email", Type: arrow.BinaryTypes.String}}, func(_ context.Context, row run.Row) error {
		_, domain, _ := strings.Cut(row.Text("email"), "@")
		row.Set("email", "…@"+domain)
		return nil
	})
	r, err := run.Open(run.Config{
		Connections: run.Connections{
			"shop": run.MySQL{URL: "mysql://etl@127.0.0.1/shop", Password: "${env:SHOP_PASSWORD}"},
			"lake": run.Folder{Path: "lake"},
		},
		Pipelines: map[string]run.Pipeline{
			"orders": {
				Source:     run.Source{Connection: "shop", Table: "orders", Cursor: []string{"updated_at"}},
				Transforms: []run.Step{{Go: "mask"}},
				Target:     run.Target{Connection: "lake", Table: "shop.orders"},
			},
		},
	}, run.Options{Steps: run.Steps{"mask": mask}})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	outcomes, err := r.Run(context.Background(), []string{"orders"})
	if err != nil || outcomes[0].Err != nil {
		log.Fatal(err, outcomes)
	}
	result, err := r.Query(context.Background(), "lake", "SELECT id, email FROM shop.orders ORDER BY id")
	if err != nil {
		log.Fatal(err)
	}
	defer result.Close()
	for row, err := range result.Rows() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row[0], row[1])
	}
	// Output:
	// 1 …@example.com
	// 2 …@example.org
}

// How far each pipeline has come.
func ExampleRunner_Watermarks() {
	done := exampleShop()
	defer done()
	r, err := run.Parse(`
connections:
  shop: {type: mysql, url: "mysql://etl@127.0.0.1/shop", password: "${env:SHOP_PASSWORD}"}
  lake: {type: file, path: lake}
pipelines:
  orders:
    source: {connection: shop, table: orders, cursor: updated_at}
    target: {connection: lake, table: shop.orders}
`, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Run(context.Background(), nil); err != nil {
		log.Fatal(err)
	}
	rows, err := r.Watermarks(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range rows {
		fmt.Println(row.Pipeline, "commit", row.Watermark.Seq, "up to", row.Watermark.High)
	}
	// Output:
	// orders commit 1 up to 2024-01-02 00:00:00
}

// exampleShop makes a table of orders in a database of its own, leads the connection shop of a config there, and goes to an
// empty folder. The caller calls what it returns when the example is over.
func exampleShop() func() {
	t := &exampleTB{}
	server := testenv.MySQL(t)
	database := server.NewDatabase(t)
	server.Exec(t, "USE "+database,
		"CREATE TABLE orders (id INT PRIMARY KEY, email VARCHAR(40) NOT NULL, updated_at DATETIME NOT NULL)",
		"INSERT INTO orders VALUES (1, 'ada@example.com', '2024-01-01'), (2, 'bob@example.org', '2024-01-02')")
	t.Setenv("SHOP_PASSWORD", server.Password)
	t.Setenv("TIDEMARK_CONNECTIONS_SHOP_URL", server.URL()+database)
	dir, err := os.MkdirTemp("", "tidemark-example-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chdir(here); err != nil {
			t.Fatal(err)
		}
	})
	return t.done
}

// An exampleTB is a testing.TB where no test runs.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (*exampleTB) Helper()                   {}
func (*exampleTB) Context() context.Context  { return context.Background() }
func (*exampleTB) Name() string              { return "Example" }
func (*exampleTB) Logf(string, ...any)       {}
func (*exampleTB) Log(...any)                {}
func (*exampleTB) Fatal(args ...any)         { log.Panic(args...) }
func (*exampleTB) Fatalf(f string, a ...any) { log.Panicf(f, a...) }
func (*exampleTB) Error(args ...any)         { log.Panic(args...) }
func (*exampleTB) Errorf(f string, a ...any) { log.Panicf(f, a...) }
func (*exampleTB) Skip(args ...any)          { log.Panic(args...) }
func (*exampleTB) Skipf(f string, a ...any)  { log.Panicf(f, a...) }
func (t *exampleTB) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }

func (t *exampleTB) Setenv(key, value string) {
	if err := os.Setenv(key, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Unsetenv(key) })
}

func (t *exampleTB) done() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
