package run_test

import (
	"fmt"
	"testing"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// What the real orders data set holds.
const (
	ordersRows  = 68_883
	ordersFacts = "68883|2372468286|364" // count, SUM(order_id), distinct dates
)

const (
	ordersColumns = "(order_id INT NOT NULL, order_date DATETIME NOT NULL, order_customer_id INT NOT NULL, order_status VARCHAR(45) NOT NULL"
	noKey         = ")"
	withKey       = ", PRIMARY KEY (order_id))"
)

var ways = []struct{ format, mode, key string }{
	{"iceberg", "append", noKey},
	{"iceberg", "append", withKey},
	{"iceberg", "merge", withKey},
	{"iceberg", "replace", noKey},
	{"parquet", "append", noKey},
	{"parquet", "append", withKey},
	{"parquet", "replace", withKey},
}

func ordersPipeline(format, mode string) string {
	return fmt.Sprintf(`  orders:
    source: {connection: shop, table: DB.orders, cursor: order_date}
    target: {connection: lake, table: orders.landing, format: %s, mode: %s}
`, format, mode)
}

const factsQuery = "SELECT COUNT(*), SUM(order_id), COUNT(DISTINCT order_date) FROM orders.landing"

// TestOrdersArrive loads the real data set in each format and mode, and again.
func TestOrdersArrive(t *testing.T) {
	data := testenv.Dataset(t)
	for _, way := range ways {
		t.Run(way.format+" "+way.mode+way.key, func(t *testing.T) {
			s := newShop(t, ordersPipeline(way.format, way.mode))
			s.exec(t, "CREATE TABLE orders "+ordersColumns+way.key)
			s.server.LoadOrders(t, s.database, "orders", data)
			first := s.mustRun(t)[0]
			if first.Read != ordersRows || first.New != ordersRows || !first.Committed || (way.mode != "replace" && first.High.String() != "2014-07-24 00:00:00") {
				t.Errorf("first run: %+v", first)
			}
			if got := s.one(t, factsQuery); got != ordersFacts {
				t.Errorf("the lake holds %s, want %s", got, ordersFacts)
			}
			again := s.mustRun(t)[0]
			if way.mode != "replace" && (again.New != 0 || again.Committed || again.Seq != 1 || again.Suppressed == 0) {
				t.Errorf("a run without news: %+v", again)
			}
			if got := s.one(t, factsQuery); got != ordersFacts {
				t.Errorf("after a run without news the lake holds %s, want %s", got, ordersFacts)
			}
		})
	}
}

// pieces cuts n rows into parts whose edges lie in the midst of ties.
func pieces(n int) (parts [][2]int) {
	for from := 0; from < n; {
		size := min(4_000+1_177*len(parts), n-from)
		parts = append(parts, [2]int{from, size})
		from += size
	}
	return parts
}

// TestOrdersInPieces inserts the orders by date, up to 347 of which share a value, and runs between the pieces.
func TestOrdersInPieces(t *testing.T) {
	data := testenv.Dataset(t)
	for _, way := range ways {
		if way.mode == "replace" {
			continue
		}
		t.Run(way.format+" "+way.mode+way.key, func(t *testing.T) {
			s := newShop(t, ordersPipeline(way.format, way.mode))
			s.exec(t, "CREATE TABLE orders "+ordersColumns+way.key, "CREATE TABLE all_orders "+ordersColumns+noKey)
			s.server.LoadOrders(t, s.database, "all_orders", data)
			parts := pieces(ordersRows)
			if len(parts) < 8 {
				t.Fatalf("only %d pieces", len(parts))
			}
			loaded := int64(0)
			for _, part := range parts {
				s.exec(t, fmt.Sprintf("INSERT INTO orders SELECT * FROM all_orders ORDER BY order_date, order_id LIMIT %d OFFSET %d", part[1], part[0]))
				result := s.mustRun(t)[0]
				if result.New != int64(part[1]) {
					t.Errorf("piece %v: %d new rows", part, result.New)
				}
				loaded += result.New
			}
			if got := s.one(t, factsQuery); got != ordersFacts || loaded != ordersRows {
				t.Errorf("the lake holds %s, want %s; %d were loaded", got, ordersFacts, loaded)
			}
		})
	}
}

// TestBackDatedOrders inserts the orders by number, so that many carry a date that lies behind what is settled. A
// cursor cannot see those; the run loads exactly the others.
func TestBackDatedOrders(t *testing.T) {
	data := testenv.Dataset(t)
	s := newShop(t, ordersPipeline("iceberg", "append"))
	s.exec(t, "CREATE TABLE orders "+ordersColumns+noKey, "CREATE TABLE all_orders "+ordersColumns+noKey)
	s.server.LoadOrders(t, s.database, "all_orders", data)
	db := s.server.DB(t, s.database)
	settled := "0001-01-01"
	lost := int64(0)
	for _, part := range pieces(ordersRows) {
		piece := fmt.Sprintf("SELECT * FROM all_orders ORDER BY order_id LIMIT %d OFFSET %d", part[1], part[0])
		var want int64
		if err := db.QueryRow("SELECT COUNT(*) FROM (" + piece + ") p WHERE order_date >= '" + settled + "'").Scan(&want); err != nil {
			t.Fatal(err)
		}
		s.exec(t, "INSERT INTO orders "+piece)
		result := s.mustRun(t)[0]
		if result.New != want {
			t.Errorf("piece %v, settled %s: %d new rows, want %d", part, settled, result.New, want)
		}
		lost += int64(part[1]) - result.New
		settled = result.Settled.String()
	}
	if want := fmt.Sprint(ordersRows - lost); s.one(t, "SELECT COUNT(*) FROM orders.landing") != want || lost == 0 {
		t.Errorf("the lake must hold all but the %d back-dated rows, %s", lost, want)
	}
}
