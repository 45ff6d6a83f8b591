package run_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/iceberg"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// The tables of this test: the real orders by month; customers and items that are merged, so that they have equality
// deletes; items that get a column and a wider one on the way; products that are a folder of Parquet files by category.
const askedPipelines = `  orders:
    source: {connection: shop, table: DB.orders, cursor: order_date}
    target: {connection: lake, table: retail.orders, partition_by: [month(order_date)]}
  customers:
    source: {connection: shop, table: DB.customers, cursor: updated}
    target: {connection: lake, table: retail.customers, mode: merge}
  items:
    source: {connection: shop, table: DB.items, cursor: updated}
    target: {connection: lake, table: retail.items, mode: merge}
  products:
    source: {connection: shop, table: DB.products, cursor: product_id}
    target: {connection: lake, table: retail.products, format: parquet, partition_by: [category]}
`

// asked are the questions, the same for both.
var asked = []string{
	"SELECT count(*), sum(order_id), count(DISTINCT order_date) FROM retail.orders",
	"SELECT order_status, count(*), sum(order_customer_id) FROM retail.orders GROUP BY order_status",
	"SELECT * FROM retail.orders WHERE order_id = 35000",
	"SELECT * FROM retail.orders WHERE order_date = TIMESTAMP '2013-11-01 00:00:00' AND order_status IN ('CLOSED', 'PENDING')",
	"SELECT count(*) FROM retail.orders WHERE order_date BETWEEN '2014-01-10' AND '2014-01-20'",
	"SELECT count(*) FROM retail.orders WHERE order_date < '2013-08-01' OR order_date >= DATE '2014-07-01'",
	"SELECT date_trunc('month', order_date) AS month, count(*) FROM retail.orders WHERE order_date >= '2014-03-01' GROUP BY month",
	"SELECT max(order_date), min(order_date) FROM retail.orders",
	"SELECT order_customer_id, count(*) AS n FROM retail.orders GROUP BY ALL HAVING count(*) > 13",
	"SELECT order_id FROM retail.orders WHERE order_id % 10007 = 5",
	"SELECT count(*) FROM retail.orders WHERE order_status LIKE '%FRAUD' AND order_date > TIMESTAMP '2014-07-01' + INTERVAL 5 DAY",
	"SELECT order_id, row_number() OVER (PARTITION BY order_status ORDER BY order_id) AS n FROM retail.orders WHERE order_id < 50",
	"SELECT order_id, order_date FROM retail.orders WHERE order_customer_id = 11599 ORDER BY order_id LIMIT 3",
	"SELECT * FROM retail.customers",
	"SELECT count(*), sum(credit), count(city) FROM retail.customers",
	"SELECT city, count(*) FROM retail.customers WHERE credit > 100.50 GROUP BY city",
	"SELECT customer_id, name FROM retail.customers WHERE city IS NULL",
	"SELECT * FROM retail.customers WHERE customer_id IN (3, 77, 1999)",
	"SELECT * FROM retail.items WHERE order_id = 12",
	"SELECT count(*), sum(quantity), sum(price), max(note) FROM retail.items",
	"SELECT note, count(*) FROM retail.items GROUP BY note",
	"SELECT order_id, line FROM retail.items WHERE quantity > 2147483647",
	"SELECT product_id, sum(quantity * price) FROM retail.items GROUP BY ALL",
	"SELECT count(*) FROM retail.items WHERE updated >= '2024-01-02' AND note IS NOT NULL",
	"SELECT * FROM retail.products",
	"SELECT category, count(*), avg(price) FROM retail.products GROUP BY category",
	"SELECT * FROM retail.products WHERE category = 'toys & games'",
	"SELECT product_id FROM retail.products WHERE category IS NULL OR category = 'ä/ö'",
	"SELECT c.city, count(*), sum(i.quantity) FROM retail.orders o JOIN retail.customers c ON c.customer_id = o.order_customer_id JOIN retail.items i ON i.order_id = o.order_id WHERE o.order_id < 500 GROUP BY c.city",
	"SELECT c.customer_id FROM retail.customers c LEFT JOIN retail.orders o ON o.order_customer_id = c.customer_id AND o.order_id < 2000 WHERE o.order_id IS NULL",
	"SELECT p.category, sum(i.quantity) FROM retail.items i LEFT JOIN retail.products p USING (product_id) WHERE i.order_id BETWEEN 10 AND 60 GROUP BY ALL",
	"SELECT customer_id FROM retail.customers c WHERE EXISTS (FROM retail.orders o WHERE o.order_customer_id = c.customer_id AND order_status = 'SUSPECTED_FRAUD' AND order_date < '2013-10-01')",
	"WITH last AS (SELECT order_customer_id, max(order_date) AS newest FROM retail.orders GROUP BY ALL) SELECT count(*) FROM last WHERE newest < '2014-01-01'",
	"SELECT customer_id FROM retail.customers EXCEPT SELECT order_customer_id FROM retail.orders WHERE order_date > '2014-01-01'",
	"SELECT customer_id, credit FROM retail.customers QUALIFY rank() OVER (ORDER BY credit DESC NULLS LAST, customer_id) <= 5",
	"SELECT a.order_id, b.order_id FROM retail.orders a ASOF JOIN retail.orders b ON a.order_customer_id = b.order_customer_id AND a.order_id > b.order_id WHERE a.order_id BETWEEN 3000 AND 3010",
}

// TestQueryAgreesWithDuckDB asks another DuckDB, which reads the data files by itself, the same.
func TestQueryAgreesWithDuckDB(t *testing.T) {
	ask := testenv.DuckDB(t)
	s := askedShop(t)
	var script strings.Builder
	script.WriteString("SET TimeZone = 'UTC';\n.mode list\n.headers off\n.nullvalue NULL\nCREATE SCHEMA retail;\n")
	for _, name := range []string{"orders", "customers", "items", "products"} {
		script.WriteString(s.filesOf(t, name))
	}
	const between = "--- next ---"
	for _, q := range asked {
		fmt.Fprintf(&script, ".print %s\n%s;\n", between, inWords(q))
	}
	answers := strings.Split(ask(script.String()), between+"\n")[1:]
	if len(answers) != len(asked) || len(asked) < 30 {
		t.Fatalf("%d answers to %d questions", len(answers), len(asked))
	}
	for i, q := range asked {
		want := strings.Split(strings.TrimSuffix(answers[i], "\n"), "\n")
		got := s.query(t, inWords(q))
		slices.Sort(want)
		slices.Sort(got)
		if len(got) == 0 || answers[i] == "" {
			t.Errorf("%s: no rows: this shows nothing", q)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-duckdb +tidemark)\n%.2000s", q, diff)
		}
	}
}

// inWords makes both write values the same way.
func inWords(q string) string { return "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + q + ")" }

// askedShop loads the tables with some runs, and checks on the way that each commit is found again.
func askedShop(t *testing.T) *shop {
	s := newShop(t, askedPipelines)
	s.exec(t,
		"CREATE TABLE orders "+ordersColumns+withKey,
		"CREATE TABLE customers (customer_id INT PRIMARY KEY, name VARCHAR(40), city VARCHAR(20), credit DECIMAL(10,2), updated DATETIME NOT NULL)",
		"CREATE TABLE items (order_id INT, line INT, product_id INT, quantity INT, price DECIMAL(8,2), updated DATETIME NOT NULL, PRIMARY KEY (order_id, line))",
		"CREATE TABLE products (product_id INT PRIMARY KEY, category VARCHAR(20), price DECIMAL(8,2))",
		"CREATE TABLE n (n INT)",
		"INSERT INTO n VALUES "+countUp(2000),
		"INSERT INTO customers SELECT n, CONCAT('customer ', n), ELT(1 + n % 5, 'Köln', 'Bern', NULL, 'Lima', 'Oslo'), n * 7 % 1000 + 0.25, '2024-01-01 00:00:00' FROM n",
		"INSERT INTO items SELECT n % 400, n, 1 + n % 50, n % 9, n % 300 + 0.99, '2024-01-01 00:00:00' FROM n",
		"INSERT INTO products SELECT n, ELT(1 + n % 4, 'toys & games', 'books', NULL, 'ä/ö'), n + 0.5 FROM n WHERE n <= 60",
	)
	s.server.LoadOrders(t, s.database, "orders", testenv.Orders(t))
	counts := map[string][]string{}
	run := func(statements ...string) {
		s.exec(t, statements...)
		for _, r := range s.mustRun(t) {
			if name := string(r.Pipeline); r.Committed {
				counts[name] = append(counts[name], s.one(t, "SELECT count(*) FROM retail."+name))
			}
		}
	}
	run()
	run("UPDATE customers SET credit = credit + 1, city = 'Rom', updated = '2024-01-02 00:00:00' WHERE customer_id % 3 = 0",
		"ALTER TABLE items ADD COLUMN note VARCHAR(20), MODIFY quantity BIGINT",
		"UPDATE items SET quantity = quantity * 1000000000, note = 'many', updated = '2024-01-02 00:00:00' WHERE line % 40 = 8",
		"INSERT INTO orders VALUES (70001, '2014-07-25 10:00:00', 256, 'CLOSED'), (70002, '2014-08-01 00:00:00', 257, 'PENDING')",
		"INSERT INTO products VALUES (61, 'new', 7), (62, 'books', 8)")
	run("UPDATE customers SET name = 'twice', updated = '2024-01-03 00:00:00' WHERE customer_id % 6 = 0",
		"INSERT INTO customers VALUES (3000, 'late', NULL, NULL, '2024-01-03 00:00:00')",
		"INSERT INTO items VALUES (12, 5000, 7, 1, 1, '2024-01-03 00:00:00', 'more')")
	for name, want := range counts {
		for i, n := range want {
			if got := s.one(t, fmt.Sprintf("SELECT count(*) FROM retail.%s FOR VERSION AS OF %d", name, i+1)); got != n {
				t.Errorf("%s as of commit %d has %s rows, want %s", name, i+1, got, n)
			}
		}
		if len(want) < 2 {
			t.Errorf("%s has %d commits: this shows little", name, len(want))
		}
	}
	return s
}

// countUp returns the rows (1), (2), … in SQL.
func countUp(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d)", i+1)
	}
	return strings.Join(rows, ", ")
}

// filesOf defines a table for a DuckDB that knows nothing of the lake but its data files. What they are, and which deletes
// there are, is in the table's metadata; how a delete applies is written out here once more.
func (s *shop) filesOf(t *testing.T, name string) string {
	t.Helper()
	store, err := blob.OpenFile(s.lake)
	if err != nil {
		t.Fatal(err)
	}
	id := tidemark.TableID{Namespace: "retail", Name: name}
	var snapshot *tidemark.Snapshot
	if name == "products" {
		snapshot, err = folder.NewCatalog(store).Snapshot(context.Background(), id)
	} else {
		var tables *iceberg.Lake
		if tables, err = iceberg.Open(context.Background(), iceberg.Options{Store: store, Root: s.lake, Catalog: "folder"}); err != nil {
			t.Fatal(err)
		}
		snapshot, err = tables.Snapshot(context.Background(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, f := range snapshot.Schema.Fields() {
		columns = append(columns, duckdb.Ident(f.Name))
	}
	view := fmt.Sprintf("CREATE VIEW retail.%s AS SELECT %s FROM (%s) d", name, strings.Join(columns, ", "), s.numbered(snapshot.Data))
	if (name == "customers" || name == "items") != (len(snapshot.Deletes) > 0) {
		t.Errorf("%s has %d delete files", name, len(snapshot.Deletes))
	}
	for i, d := range snapshot.Deletes {
		var same []string
		for _, key := range d.Equality {
			same = append(same, fmt.Sprintf("d.%[1]s = x%[2]d.%[1]s", key, i))
		}
		word := "AND"
		if i == 0 {
			word = "WHERE"
		}
		view += fmt.Sprintf(" %s NOT EXISTS (FROM (%s) x%d WHERE d.seq < %d AND %s)", word, s.numbered([]tidemark.LakeFile{d}), i, d.Seq, strings.Join(same, " AND "))
	}
	return view + ";\n"
}

// numbered reads files, each row with the sequence number of its file.
func (s *shop) numbered(files []tidemark.LakeFile) string {
	var parts []string
	for _, f := range files {
		parts = append(parts, fmt.Sprintf("SELECT *, %d AS seq FROM read_parquet(%s, hive_partitioning = false)", f.Seq, duckdb.Literal(filepath.Join(s.lake, f.Key))))
	}
	return strings.Join(parts, " UNION ALL BY NAME ")
}
