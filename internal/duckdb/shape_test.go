package duckdb

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// lookups makes the tables rows, customers (customer_id, name) and, for statements that are described, no rows at all.
func lookups(t *testing.T, db *DB) {
	t.Helper()
	customers := arrow.NewSchema([]arrow.Field{
		{Name: "customer_id", Type: arrow.PrimitiveTypes.Int32}, {Name: "name", Type: arrow.BinaryTypes.String},
	}, nil)
	if err := db.Load(t.Context(), "customers", customers, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Register(t.Context(), "rows", ordersSchema, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), "CREATE TEMP MACRO watermark() AS TIMESTAMP '2024-01-01'"); err != nil {
		t.Fatal(err)
	}
}

func TestRowByRow(t *testing.T) {
	db := open(t, Options{})
	lookups(t, db)
	if err := db.Lock(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]bool{
		"SELECT * FROM rows": true,
		"FROM rows":          true,
		"SELECT order_id + 1 AS n, upper(order_status) AS s FROM ROWS AS r WHERE r.customer_id BETWEEN 1 AND 5 OR order_status IS NULL":  true,
		"SELECT * EXCLUDE (customer_id) REPLACE (lower(order_status) AS order_status) FROM rows WHERE order_last_updated >= watermark()": true,
		"SELECT CASE WHEN order_id > 3 THEN 'a' ELSE CAST(order_id AS VARCHAR) END AS c, nullif(order_id, 0) FROM rows":                  true,
		"SELECT r.*, c.name FROM rows r LEFT JOIN customers c USING (customer_id)":                                                       true,
		"SELECT r.*, c.name FROM customers c JOIN rows r USING (customer_id)":                                                            true,
		"SELECT r.*, c.name FROM customers c RIGHT JOIN rows r USING (customer_id)":                                                      true,
		"SELECT * FROM rows SEMI JOIN customers USING (customer_id)":                                                                     true,
		"SELECT * FROM rows WHERE customer_id IN (SELECT customer_id FROM customers)":                                                    true,
		"SELECT *, (SELECT max(name) FROM customers c WHERE c.customer_id = rows.customer_id) AS n FROM rows":                            true,
		"SELECT list_transform([order_id], lambda x: x + 1) FROM rows":                                                                   true,
		"SELECT COLUMNS('order.*') FROM rows":                                                                                            true,

		"SELECT 1": false, "SELECT * FROM customers": false,
		"SELECT DISTINCT * FROM rows": false, "SELECT * FROM rows ORDER BY 1": false, "SELECT * FROM rows LIMIT 1": false, "SELECT * FROM rows OFFSET 1": false,
		"SELECT count(*) FROM rows": false, "SELECT sum(order_id) + 1 FROM rows": false, "SELECT order_status FROM rows GROUP BY 1": false,
		"SELECT order_status FROM rows GROUP BY ALL": false, "SELECT max(order_id) FROM rows HAVING true": false,
		"SELECT row_number() OVER () FROM rows": false, "SELECT * FROM rows QUALIFY row_number() OVER () = 1": false,
		"SELECT * FROM rows USING SAMPLE 10%": false, "SELECT * FROM rows TABLESAMPLE 10%": false, "SELECT * FROM rows UNION ALL FROM rows": false,
		"SELECT * FROM rows UNION ALL SELECT * FROM rows r2": false, "SELECT * FROM rows WHERE order_id = (SELECT max(order_id) FROM rows)": false,
		"SELECT a.* FROM rows a JOIN rows b USING (order_id)": false, "WITH r AS (FROM rows) SELECT * FROM r": false, "WITH rows AS (SELECT 1) SELECT * FROM rows": false,
		"SELECT * FROM (SELECT * FROM rows)": false, "SELECT * FROM customers c LEFT JOIN rows r USING (customer_id)": false,
		"SELECT * FROM rows FULL JOIN customers USING (customer_id)": false, "SELECT * FROM rows RIGHT JOIN customers USING (customer_id)": false,
		"SELECT * FROM customers SEMI JOIN rows USING (customer_id)": false, "SELECT * FROM rows POSITIONAL JOIN customers": false,
		"SELECT random() FROM rows": false, "SELECT now() FROM rows": false, "SELECT current_timestamp FROM rows": false, "SELECT current_date FROM rows": false,
		"SELECT uuid() FROM rows": false, "DESCRIBE rows": false, "SUMMARIZE rows": false, "SELECT * FROM customers WHERE EXISTS (FROM rows)": false,
		"PIVOT rows ON order_status IN ('a') USING count(*)": false, "SELECT * FROM rows WHERE order_id IN (SELECT random())": true,
		"SELECT approx_count_distinct(order_id) FROM rows": false, "SELECT list(order_id) FROM rows": false, "SELECT any_value(order_id) FROM rows": false,
		"SELECT * FROM x.rows": false, "FROM rows SELECT order_id GROUP BY GROUPING SETS ((), (order_id))": false,
	} {
		got, err := db.RowByRow(t.Context(), parse(t, db, sql, "watermark"), "rows")
		if err != nil || got != want {
			t.Errorf("%s: RowByRow = %t, %v, want %t", sql, got, err, want)
		}
	}
	if got, err := db.RowByRow(t.Context(), parse(t, db, "SELECT watermark() FROM rows"), "rows"); got || err != nil {
		t.Errorf("a macro that is not the caller's: RowByRow = %t, %v, want false", got, err)
	}
}

func TestLineage(t *testing.T) {
	db := open(t, Options{})
	lookups(t, db)
	all := []string{"order_id", "order_last_updated", "customer_id", "order_status"}
	none := func(n int) []string { return make([]string, n) }
	tests := []struct {
		sql  string
		want []string
	}{
		{"SELECT * FROM rows", all},
		{"FROM rows WHERE order_id > 1 ORDER BY 1 LIMIT 3", all},
		{"SELECT rows.* FROM rows", all},
		{"SELECT ORDER_ID AS id, r.order_status, order_id + 0 AS n, CAST(order_id AS BIGINT) AS c FROM rows r", []string{"order_id", "order_status", "", ""}},
		{"SELECT order_id, order_id FROM rows", []string{"order_id", "order_id"}},
		{"SELECT * EXCLUDE (customer_id) REPLACE (lower(order_status) AS order_status) RENAME (order_id AS id) FROM rows", []string{"order_id", "order_last_updated", ""}},
		{"SELECT 1 AS one, * FROM rows", append([]string{""}, all...)},
		{"SELECT r.*, c.name FROM rows r LEFT JOIN customers c USING (customer_id)", append(slices.Clone(all), "")},
		{"SELECT c.name, r.order_id, order_status FROM rows r JOIN customers c ON r.customer_id = c.customer_id", []string{"", "order_id", ""}},
		{"SELECT order_status, count(*) AS n FROM rows GROUP BY ALL", []string{"order_status", ""}},
		{"SELECT DISTINCT customer_id FROM rows", []string{"customer_id"}},
		{"SELECT customer_id AS order_id, order_id AS customer_id FROM rows", []string{"customer_id", "order_id"}},

		{"SELECT * FROM rows JOIN customers USING (customer_id)", none(5)},
		{"SELECT c.*, r.order_id FROM rows r JOIN customers c USING (customer_id)", none(3)},
		{"SELECT COLUMNS('order.*') FROM rows", none(3)},
		{"SELECT COLUMNS('order_(id|status)'), customer_id FROM rows", none(3)},
		{"SELECT id FROM rows r(id)", none(1)},
		{"SELECT * FROM rows UNION ALL FROM rows", none(4)},
		{"WITH rows AS (SELECT 1 AS order_id) SELECT order_id FROM rows", none(1)},
		{"SELECT order_id FROM (SELECT 1 AS order_id) AS rows", none(1)},
		{"SELECT r.order_id FROM customers c LEFT JOIN rows r USING (customer_id)", none(1)},
		{"SELECT unnest({'a': 1, 'b': 2}), order_id FROM rows", none(3)},
		{"SELECT name FROM customers", none(1)},
	}
	for _, tt := range tests {
		s := parse(t, db, tt.sql)
		out, err := db.Describe(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if got := s.Lineage("rows", ordersSchema, out); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Lineage = %q, want %q", tt.sql, got, tt.want)
		}
	}
	// A column that is named as the table is, and has parts, could be what is meant.
	odd := arrow.NewSchema([]arrow.Field{{Name: "r", Type: structOf(arrow.PrimitiveTypes.Int64)}, {Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	if err := db.Register(t.Context(), "rows", odd, nil); err != nil {
		t.Fatal(err)
	}
	s := parse(t, db, "SELECT r.a, a FROM rows r")
	out, err := db.Describe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Lineage("rows", odd, out); !slices.Equal(got, []string{"", "a"}) {
		t.Errorf("Lineage = %q", got)
	}
}
