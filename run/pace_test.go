package run_test

import (
	"strings"
	"testing"
	"time"
)

// TestReadRate: two pipelines of one connection together are no faster than its read_rate.
func TestReadRate(t *testing.T) {
	s := newShop(t, `
  a: {source: {connection: shop, table: items, cursor: at}, target: {connection: lake, table: shop.a}}
  b: {source: {connection: shop, table: items, cursor: at}, target: {connection: lake, table: shop.b}}
`)
	s.exec(t, "CREATE TABLE items (id INT PRIMARY KEY, note TEXT NOT NULL, at DATETIME NOT NULL, KEY (at))",
		"INSERT INTO items WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT n, REPEAT('x', 10000), '2024-01-01' FROM s")
	s.edit(t, func(text string) string {
		return strings.Replace(text, "type: mysql", "type: mysql\n    read_rate: 1000", 1)
	})
	begun := time.Now()
	for _, r := range s.mustRun(t) {
		if r.New != 1000 {
			t.Errorf("%s has loaded %d rows", r.Pipeline, r.New)
		}
	}
	// Behind the last batch, of at most 4 MiB of rows, there is nothing to wait for.
	if took := time.Since(begun); took < time.Second {
		t.Errorf("2,000 rows at 1,000 per second took %s", took)
	}
}
