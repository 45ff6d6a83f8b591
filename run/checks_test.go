package run_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

// checkedOrders is a pipeline of the orders with checks.
func checkedOrders(format, mode string, checks ...string) string {
	return fmt.Sprintf(`  items:
    source: {connection: shop, table: DB.orders, cursor: order_date}
    checks:
      - %s
    target: {connection: lake, table: shop.orders, format: %s, mode: %s}
`, strings.Join(checks, "\n      - "), format, mode)
}

const fewOrders = "INSERT INTO orders VALUES (1, '2024-01-01', 10, 'OPEN'), (2, '2024-01-02', 20, 'CLOSED'), (3, '2024-01-03', 30, 'OPEN')"

// TestFailedCheckLeavesLake: each check fails on rows that are as they must not be, and no file of the lake is another one
// behind a run that it has stopped. With warn the same rows land.
func TestFailedCheckLeavesLake(t *testing.T) {
	for i, c := range []struct{ check, wrong, want string }{
		{"sql: SELECT order_id FROM rows WHERE order_status = ''", "(4, '2024-01-04', 40, '')", "sql: 1 failed, the first row is order_id=4"},
		{"{sql: 'SELECT l.order_id, l.order_status FROM lake l JOIN rows USING (order_customer_id)', lookups: {lake: {connection: lake, table: shop.orders}}}",
			"(4, '2024-01-04', 20, 'X')", `sql: 1 failed, the first row is order_id=2, order_status="CLOSED"`},
		{"sql: SELECT order_customer_id, count(*) AS n FROM orders GROUP BY ALL HAVING n > 1", "(4, '2024-01-04', 40, 'X'), (5, '2024-01-05', 40, 'Y')", "sql: 1 failed, the first row is order_customer_id=40, n=2"},
		{"{unique: order_customer_id}", "(4, '2024-01-04', 40, 'X'), (5, '2024-01-05', 40, 'Y')", "unique(order_customer_id): 1 failed, the run has order_customer_id = 40 2 times"},
		{"{unique: [order_customer_id], in: table}", "(4, '2024-01-04', 10, 'X'), (5, '2024-01-05', 50, 'Y')", "unique(order_customer_id) in table: 1 failed, the table has order_customer_id = 10"},
		{"{unique: [order_customer_id, order_status], in: table}", "(4, '2024-01-04', 10, 'X'), (5, '2024-01-05', 20, 'CLOSED')",
			`unique(order_customer_id, order_status) in table: 1 failed, the table has (order_customer_id, order_status) = (20, "CLOSED")`},
	} {
		for _, way := range []struct{ format, mode string }{{"iceberg", "append"}, {"iceberg", "merge"}, {"parquet", "append"}} {
			t.Run(fmt.Sprint(way.format, " ", way.mode, " ", i), func(t *testing.T) {
				s := newShop(t, checkedOrders(way.format, way.mode, c.check))
				s.exec(t, "CREATE TABLE orders "+ordersColumns+withKey, fewOrders)
				s.mustRun(t)
				before := s.listing(t)
				s.exec(t, "INSERT INTO orders VALUES "+c.wrong)
				for range 2 { // the second finds nothing that the first has left
					if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrChecks) || !strings.Contains(o.Err.Error(), c.want) {
						t.Fatalf("error %v, want %q", o.Err, c.want)
					}
				}
				if diff := cmp.Diff(before, s.listing(t)); diff != "" {
					t.Errorf("the lake is not as it was (-before +after):\n%s", diff)
				}
				warn := c.check + "\n        on_fail: warn"
				if strings.HasPrefix(c.check, "{") {
					warn = strings.TrimSuffix(c.check, "}") + ", on_fail: warn}"
				}
				s.configure(t, checkedOrders(way.format, way.mode, warn))
				r := s.mustRun(t)[0]
				if k := r.Checks; len(k) != 1 || k[0].Failed != 1 || !strings.HasSuffix(c.want, k[0].Detail) {
					t.Errorf("with warn: %+v", r)
				}
				if got := s.one(t, "SELECT count(*) FROM shop.orders"); got != fmt.Sprint(3+strings.Count(c.wrong, "2024")) {
					t.Errorf("with warn the lake has %s rows", got)
				}
			})
		}
	}
}

// TestUniqueInReplace: a table that each run replaces is the rows of the run.
func TestUniqueInReplace(t *testing.T) {
	s := newShop(t, checkedOrders("iceberg", "replace", "{unique: [order_customer_id], in: table}"))
	s.exec(t, "CREATE TABLE orders "+ordersColumns+noKey, fewOrders)
	s.mustRun(t)
	s.mustRun(t)
	s.exec(t, fewOrders)
	if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrChecks) || !strings.Contains(o.Err.Error(), "unique(order_customer_id) in table: 3 failed, the run has order_customer_id = 10 2 times, 20 2 times, 30 2 times") {
		t.Errorf("error %v", o.Err)
	}
}

// TestUniqueAcrossPipelines: the rows of other pipelines in the same table count.
func TestUniqueAcrossPipelines(t *testing.T) {
	s := newShop(t, checkedOrders("iceberg", "append", "{unique: [order_customer_id], in: table}")+`  older:
    source: {connection: shop, table: DB.older, cursor: order_date}
    target: {connection: lake, table: shop.orders}
`)
	s.exec(t, "CREATE TABLE orders "+ordersColumns+withKey, "CREATE TABLE older "+ordersColumns+withKey, fewOrders, "INSERT INTO older SELECT order_id + 10, order_date, order_customer_id + 1, order_status FROM orders")
	s.mustRun(t)
	s.exec(t, "INSERT INTO orders VALUES (4, '2024-01-04', 21, 'OPEN')")
	if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrChecks) || !strings.HasSuffix(o.Err.Error(), "the table has order_customer_id = 21") {
		t.Errorf("error %v", o.Err)
	}
}

// TestUniqueAfterDeletes: in a merge, rows that a later commit has replaced are none of the table's, and a new schema is
// no obstacle.
func TestUniqueAfterDeletes(t *testing.T) {
	s := newShop(t, checkedOrders("iceberg", "merge", "{unique: [order_customer_id], in: table}"))
	s.exec(t, "CREATE TABLE orders "+ordersColumns+withKey, fewOrders)
	s.mustRun(t)
	s.exec(t, "UPDATE orders SET order_customer_id = 11, order_date = '2024-01-05' WHERE order_id = 1")
	s.mustRun(t)
	s.exec(t, "INSERT INTO orders VALUES (4, '2024-01-06', 10, 'OPEN')") // that of the older version of order 1
	s.mustRun(t)
	s.exec(t, "ALTER TABLE orders MODIFY order_customer_id BIGINT, ADD note TEXT", "INSERT INTO orders VALUES (5, '2024-01-07', 11, 'OPEN', 'x')")
	if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrChecks) || !strings.HasSuffix(o.Err.Error(), "the table has order_customer_id = 11") {
		t.Errorf("error %v", o.Err)
	}
	s.exec(t, "UPDATE orders SET order_customer_id = 5000000000 WHERE order_id = 5")
	s.mustRun(t)
	if got := s.one(t, "SELECT count(*) || ' ' || max(order_customer_id) FROM shop.orders"); got != "5 5000000000" {
		t.Errorf("the lake has %s", got)
	}
}

// TestSQLChecksOfRepairAndBackfill: what a person loads is checked like what a run loads.
func TestSQLChecksOfRepairAndBackfill(t *testing.T) {
	for _, mode := range []string{"append", "merge"} {
		t.Run(mode, func(t *testing.T) {
			s := newShop(t, checkedOrders("iceberg", mode, "sql: SELECT order_id FROM rows WHERE order_status = ''", "{unique: [order_customer_id], in: table}"))
			s.exec(t, "CREATE TABLE orders "+ordersColumns+withKey, fewOrders)
			s.mustRun(t)
			refused := func(change, want string) {
				t.Helper()
				s.exec(t, change)
				before := s.listing(t)
				r := s.open(t)
				if _, err := r.Repair(t.Context(), "items", run.RepairOptions{}, run.By{}); !errors.Is(err, tidemark.ErrChecks) || !strings.Contains(err.Error(), want) {
					t.Errorf("repair: %v, want %s", err, want)
				}
				b := s.planBackfill(t, run.BackfillRange{})
				if _, err := b.Commit(t.Context(), run.By{}); !errors.Is(err, tidemark.ErrChecks) || !strings.Contains(err.Error(), want) {
					t.Errorf("backfill: %v, want %s", err, want)
				}
				if diff := cmp.Diff(before, s.listing(t)); diff != "" {
					t.Errorf("the lake is not as it was (-before +after):\n%s", diff)
				}
			}
			refused("UPDATE orders SET order_status = '' WHERE order_id = 2", "sql: 1 failed, the first row is order_id=2")
			s.exec(t, "UPDATE orders SET order_status = 'BACK' WHERE order_id = 2")
			s.repaired(t, run.RepairOptions{})
			if mode == "merge" {
				refused("UPDATE orders SET order_customer_id = 30 WHERE order_id = 2", "order_customer_id = 30")
			}
			s.exec(t, "UPDATE orders SET order_customer_id = 21 WHERE order_id = 2")
			s.backfill(t, run.BackfillRange{})
			if got := s.one(t, "SELECT string_agg(order_customer_id || order_status, ' ' ORDER BY order_id) FROM shop.orders"); got != "10OPEN 21BACK 30OPEN" {
				t.Errorf("once it is mended the lake has %s", got)
			}
		})
	}
}

// TestSuggestedChecks: what the orders suggest is what a person would say of them, and they pass it: those in the table, and
// all of them in another lake.
func TestSuggestedChecks(t *testing.T) {
	data := testenv.Orders(t)
	for _, way := range []struct{ format, mode, key, rows string }{
		{"iceberg", "append", noKey, "{row_count: {max: 200000}, on_fail: warn}"},
		{"iceberg", "merge", withKey, "{row_count: {max: 200000}, on_fail: warn}"},
		{"iceberg", "replace", noKey, "row_count: {min: 34441, max: 200000}"},
		{"parquet", "append", withKey, "{row_count: {max: 200000}, on_fail: warn}"},
	} {
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, ordersPipeline(way.format, way.mode))
			s.exec(t, "CREATE TABLE orders "+ordersColumns+way.key)
			s.server.LoadOrders(t, s.database, "orders", data)
			s.mustRun(t)
			suggested, err := s.open(t).Suggest(t.Context(), "orders", run.SuggestOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if suggested.Rows != ordersRows || suggested.Sampled != ordersRows || suggested.Pipeline != "orders" || suggested.Table.String() != "orders.landing" {
				t.Errorf("%+v", suggested)
			}
			text := "    checks:\n"
			for _, r := range suggested.Rules {
				text += "      " + r.YAML() + "\n"
			}
			want := `    checks:
      - not_null: [order_id, order_date, order_customer_id, order_status]
      - unique: [order_id]
      - accepted_values: {column: order_status, values: [CANCELED, CLOSED, COMPLETE, ON_HOLD, PAYMENT_REVIEW, PENDING, PENDING_PAYMENT, PROCESSING, SUSPECTED_FRAUD]}
      - range: {column: order_id, min: 0}
      - range: {column: order_date, min: "2013-01-01"}
      - range: {column: order_customer_id, min: 0, max: 50000}
      - ` + way.rows + "\n"
			if diff := cmp.Diff(want, text); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			passed := func(where string) {
				t.Helper()
				r := s.mustRun(t)[0]
				if len(r.Checks) != len(suggested.Rules) || slices.ContainsFunc(r.Checks, func(c tidemark.CheckResult) bool { return c.Failed > 0 }) {
					t.Errorf("%s: %+v", where, r.Checks)
				}
			}
			s.configure(t, ordersPipeline(way.format, way.mode)+text)
			passed("in the same lake")
			config, err := os.ReadFile(s.file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.file, []byte(strings.Replace(string(config), "path: lake", "path: other", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			passed("in another one")
		})
	}
}

// TestSuggestedFreshness: a source that brings news all the time suggests how old the newest row may be, and the pipeline
// passes that.
func TestSuggestedFreshness(t *testing.T) {
	s := newShop(t, ordersPipeline("iceberg", "append"))
	s.exec(t, "CREATE TABLE orders "+ordersColumns+withKey)
	for i := range 6 {
		s.exec(t, fmt.Sprintf("INSERT INTO orders VALUES (%d, NOW(), 1, 'OPEN')", i))
		s.mustRun(t)
	}
	suggested, err := s.open(t).Suggest(t.Context(), "orders.landing", run.SuggestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	last := suggested.Rules[len(suggested.Rules)-1]
	if last.YAML() != "- {freshness: 10m, on_fail: warn}" {
		t.Errorf("%+v", suggested.Rules)
	}
	s.configure(t, ordersPipeline("iceberg", "append")+"    checks:\n      "+last.YAML()+"\n")
	if r := s.mustRun(t)[0]; len(r.Checks) != 1 || r.Checks[0].Failed != 0 {
		t.Errorf("%+v", r.Checks)
	}
}
