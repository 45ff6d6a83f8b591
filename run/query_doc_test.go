package run_test

import (
	"os"
	"regexp"
	"testing"
	"time"
)

// TestQueryDoc runs all SQL of the page on queries.
func TestQueryDoc(t *testing.T) {
	page, err := os.ReadFile("../docs/query.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t, `  orders:
    source: {connection: shop, table: DB.orders, cursor: order_last_updated}
    target: {connection: lake, table: shop.orders, mode: merge}
  customers:
    source: {connection: shop, table: DB.customers, cursor: customer_id}
    target: {connection: lake, table: shop.customers}
`)
	s.exec(t,
		"CREATE TABLE orders (order_id INT PRIMARY KEY, customer_id INT, status VARCHAR(20), amount DECIMAL(8,2), order_last_updated DATETIME)",
		"CREATE TABLE customers (customer_id INT PRIMARY KEY, name VARCHAR(20))",
		"INSERT INTO orders VALUES (1, 1, 'NEW', 10, '2014-07-23 00:00:00'), (2, 1, 'CLOSED', 20.5, '2014-07-24 00:00:00')",
		"INSERT INTO customers VALUES (1, 'Ada')")
	s.mustRun(t)
	s.exec(t, "UPDATE orders SET status = 'COMPLETE', order_last_updated = '2014-07-25 00:00:00' WHERE order_id = 1")
	s.mustRun(t)
	time.Sleep(1100 * time.Millisecond) // an example asks for a second ago
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 8 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		if rows := s.query(t, string(b[1])); len(rows) == 0 {
			t.Errorf("no rows: %s", b[1])
		}
	}
}
