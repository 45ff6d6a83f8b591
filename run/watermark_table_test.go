package run_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

// A fetchShop is a shop that has a table fetch_details. The source's user may only read it, and user writer insert into it.
type fetchShop struct {
	*shop
	writer string
}

// newFetchShop makes a table of orders and one of fetches; in the pipelines WRITER stands for the writer's connection.
func newFetchShop(t *testing.T, orders, lastFetched, pipelines string) fetchShop {
	t.Helper()
	s := fetchShop{shop: newShop(t, "")}
	s.exec(t, orders, "CREATE TABLE fetch_details (tablename VARCHAR(64) NOT NULL, last_fetched "+lastFetched+")")
	reader := "r_" + s.database[len(s.database)-12:]
	s.writer = "w_" + s.database[len(s.database)-12:]
	for _, user := range []string{reader, s.writer} {
		s.exec(t, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", user, s.server.Password))
		t.Cleanup(func() { s.server.Exec(t, fmt.Sprintf("DROP USER '%s'@'%%'", user)) })
	}
	s.exec(t, fmt.Sprintf("GRANT SELECT ON %s.* TO '%s'@'%%'", s.database, reader), fmt.Sprintf("GRANT PROCESS ON *.* TO '%s'@'%%'", reader))
	s.grant(t)
	s.configure(t, pipelines)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	as := func(user string) string {
		return strings.Replace(s.server.URL(), "//"+s.server.User+"@", "//"+user+"@", 1) + s.database
	}
	config := strings.Replace(string(text), s.server.URL()+s.database, as(reader), 1)
	config = strings.Replace(config, "  lake:\n", fmt.Sprintf("  writer: {type: mysql, url: %q, password: \"${env:%s}\"}\n  lake:\n", as(s.writer), passwordVariable), 1)
	if err := os.WriteFile(s.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s fetchShop) grant(t *testing.T) {
	t.Helper()
	s.exec(t, fmt.Sprintf("GRANT SELECT, INSERT ON %s.fetch_details TO '%s'@'%%'", s.database, s.writer))
}

// fetched returns the rows of the table of fetches, the oldest first.
func (s fetchShop) fetched(t *testing.T) string {
	t.Helper()
	rows, err := s.server.DB(t, s.database).Query("SELECT CONCAT(tablename, ' ', last_fetched) FROM fetch_details ORDER BY tablename, last_fetched")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// TestFetchDetails goes on from a table that a process kept by hand which had loaded all 68,883 orders.
func TestFetchDetails(t *testing.T) {
	data := testenv.Dataset(t)
	for first, want := range map[string]struct{ before, after string }{
		"after": {"0", "2"},
		"from":  {"185", "187"},
		"none":  {"68883", "68885"},
	} {
		t.Run(first, func(t *testing.T) {
			s := newFetchShop(t, "CREATE TABLE orders "+ordersColumns+noKey, "DATETIME", fmt.Sprintf(`  orders:
    source: {connection: shop, table: DB.orders, cursor: order_date, watermark_table: {table: fetch_details, connection: writer, first: %s}}
    target: {connection: lake, table: orders.landing}
`, first))
			s.server.LoadOrders(t, s.database, "orders", data)
			s.exec(t, "INSERT INTO fetch_details VALUES ('orders', '2014-01-01'), ('orders', '2014-07-24'), ('customers', '2030-01-01')")
			if r := s.mustRun(t)[0]; fmt.Sprint(r.New) != want.before || r.High.String() != "2014-07-24 00:00:00" || r.Mirrored != r.High {
				t.Errorf("the first run: %+v", r)
			}
			const before = "customers 2030-01-01 00:00:00, orders 2014-01-01 00:00:00, orders 2014-07-24 00:00:00"
			if got := s.fetched(t); got != before {
				t.Errorf("the table has %s", got)
			}
			if r := s.mustRun(t)[0]; r.New != 0 || r.Committed {
				t.Errorf("a run without news: %+v", r)
			}
			s.exec(t, "INSERT INTO orders VALUES (68884, '2014-07-24', 1, 'NEW'), (68885, '2024-07-31 17:50:18', 1, 'NEW')")
			if r := s.mustRun(t)[0]; r.New != 2 || r.Mirrored.String() != "2024-07-31 17:50:18" {
				t.Errorf("two orders more: %+v", r)
			}
			if got := s.fetched(t); got != before+", orders 2024-07-31 17:50:18" {
				t.Errorf("the table has %s", got)
			}
			if got := s.one(t, "SELECT COUNT(DISTINCT order_id) || '|' || COUNT(*) FROM orders.landing"); got != want.after+"|"+want.after {
				t.Errorf("the lake holds %s, want %s", got, want.after)
			}
		})
	}
}

const fetchItems = `  items:
    source: {connection: shop, table: DB.items, cursor: at, watermark_table: %s}
    target: {connection: lake, table: items.landing, mode: %s}
`

// TestFetchDetailsOfEachKind has cursors and columns of different kinds.
func TestFetchDetailsOfEachKind(t *testing.T) {
	const now = " NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
	for _, c := range []struct {
		cursor, fetched, value string
		rows                   []string // values of the cursor; the first two count as loaded
		then                   string
	}{
		{"DATETIME(6)", "DATETIME", "2014-07-24 00:00:00", []string{"2014-07-23 00:00:00", "2014-07-24 00:00:00", "2014-07-24 00:00:00.000001", "2014-07-24 00:00:00.9"}, "2014-07-24 00:00:00"},
		{"DATETIME", "DATETIME(6)", "2014-07-24 00:00:00.5", []string{"2014-07-23 00:00:00", "2014-07-24 00:00:00", "2014-07-24 00:00:01"}, "2014-07-24 00:00:01.000000"},
		{"DATE", "DATETIME", "2014-07-24 10:00:00", []string{"2014-07-23", "2014-07-24", "2014-07-25"}, "2014-07-25 00:00:00"},
		{"DATE", "DATE", "2014-07-24", []string{"2014-07-23", "2014-07-24", "2014-07-25"}, "2014-07-25"},
		{"TIMESTAMP" + now, "TIMESTAMP" + now, "2014-07-24 00:00:00", []string{"2014-07-23 00:00:00", "2014-07-24 00:00:00", "2014-07-24 00:00:01"}, "2014-07-24 00:00:01"},
		{"INT", "BIGINT", "7", []string{"-1", "7", "8"}, "8"},
	} {
		for _, mode := range []string{"append", "merge"} {
			t.Run(c.cursor+" from "+c.fetched+" "+mode, func(t *testing.T) {
				s := newFetchShop(t, "CREATE TABLE items (id INT NOT NULL PRIMARY KEY, at "+c.cursor+")", c.fetched,
					fmt.Sprintf(fetchItems, "{table: DB.fetch_details, connection: writer}", mode))
				s.exec(t, "INSERT INTO fetch_details VALUES ('items', '"+c.value+"')")
				for i, at := range c.rows {
					s.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d, '%s')", i, at))
				}
				r := s.mustRun(t)[0]
				if r.New != int64(len(c.rows)-2) {
					t.Errorf("%+v", r)
				}
				if coarse := len(c.cursor) == 11 && c.fetched == "DATETIME"; coarse != strings.Contains(strings.Join(r.Notices, "; "), "cannot be told") {
					t.Errorf("notices %q", r.Notices)
				}
				if again := s.mustRun(t)[0]; again.New != 0 || again.Mirrored != r.Mirrored {
					t.Errorf("again: %+v", again)
				}
				if got := s.fetched(t); !strings.HasSuffix(got, "items "+c.then) {
					t.Errorf("the table has %s, want %s", got, c.then)
				}
			})
		}
	}
}

// TestFetchDetailsIsNotWritten leaves the table alone where nothing is said about a connection, and goes on where the writer may
// not write.
func TestFetchDetailsIsNotWritten(t *testing.T) {
	const items = "CREATE TABLE items (id INT, at DATETIME)"
	s := newFetchShop(t, items, "DATETIME", fmt.Sprintf(fetchItems, "DB.fetch_details", "append"))
	s.exec(t, "INSERT INTO items VALUES (1, '2014-07-24'), (2, '2014-07-25'), (3, NULL)", "INSERT INTO fetch_details VALUES ('items', '2014-07-24')")
	if r := s.mustRun(t)[0]; r.New != 2 || !r.Mirrored.IsZero() || s.fetched(t) != "items 2014-07-24 00:00:00" {
		t.Errorf("read only: %+v, the table has %s", r, s.fetched(t))
	}

	s = newFetchShop(t, items, "DATETIME", fmt.Sprintf(fetchItems, `{table: DB.fetch_details, connection: writer, name: "{database}.{table}"}`, "append"))
	s.exec(t, "INSERT INTO items VALUES (1, '2014-07-24')", fmt.Sprintf("REVOKE INSERT ON %s.fetch_details FROM '%s'@'%%'", s.database, s.writer))
	r := s.mustRun(t)[0]
	if got := strings.Join(r.Notices, "; "); r.New != 1 || !r.Mirrored.IsZero() || !strings.Contains(got, "GRANT INSERT") {
		t.Errorf("without INSERT: %+v", r)
	}
	s.grant(t)
	if r = s.mustRun(t)[0]; r.Committed || s.fetched(t) != s.database+".items 2014-07-24 00:00:00" {
		t.Errorf("with INSERT: %+v, the table has %s", r, s.fetched(t))
	}
}

// TestFetchDetailsRefused stops before the first commit, and says what to do.
func TestFetchDetailsRefused(t *testing.T) {
	for value, hint := range map[string]string{"UTC_TIMESTAMP() + INTERVAL 2 DAY": "first: none", "NULL": "largest cursor value"} {
		s := newFetchShop(t, "CREATE TABLE items (id INT, at DATETIME)", "DATETIME", fmt.Sprintf(fetchItems, "DB.fetch_details", "append"))
		s.exec(t, "INSERT INTO items VALUES (1, '2014-07-24')", "INSERT INTO fetch_details VALUES ('items', "+value+")")
		if o := s.run(t)[0]; o.Err == nil || !strings.Contains(tidemark.Hint(o.Err), hint) || o.Result.Committed {
			t.Errorf("%s: %+v (hint %q)", value, o, tidemark.Hint(o.Err))
		}
	}
}

// TestFetchDetailsIsTold reads what check and plan say before the first run.
func TestFetchDetailsIsTold(t *testing.T) {
	s := newFetchShop(t, "CREATE TABLE items (id INT, at DATETIME, KEY (at))", "DATETIME", fmt.Sprintf(fetchItems, "{table: fetch_details, connection: writer}", "append"))
	s.exec(t, "INSERT INTO items VALUES (1, '2014-07-24'), (2, '2014-07-24'), (3, '2014-07-25')", "INSERT INTO fetch_details VALUES ('items', '2014-07-24')")
	told := func() (detail string, err error) {
		r, err := run.Load(s.file, run.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Check(t.Context(), func(f run.Finding) {
			if f.Step == "watermark table" {
				detail, err = f.Detail, f.Err
			}
		}); err != nil {
			t.Error(err)
		}
		return detail, err
	}
	want := fmt.Sprintf("items in %[1]s.fetch_details at 2014-07-24 00:00:00, which 2 rows of %[1]s.items share; rows are inserted by connection writer", s.database)
	if got, err := told(); err != nil || got != want {
		t.Errorf("check says %q, %v; want %q", got, err, want)
	}
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plans, err := r.Plan(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := plans[0]
	if p.Err != nil || p.From.String() != "2014-07-24 00:00:00" || p.Rows != 3 || p.Overlap != 2 || p.Written.Rows != 1 || !strings.Contains(strings.Join(p.Warnings, "; "), "begins after 2014-07-24 00:00:00") {
		t.Errorf("the plan: %+v", p)
	}
	s.exec(t, fmt.Sprintf("REVOKE INSERT ON %s.fetch_details FROM '%s'@'%%'", s.database, s.writer))
	if _, err := told(); err == nil || !strings.Contains(tidemark.Hint(err), "GRANT SELECT, INSERT") {
		t.Errorf("without INSERT check says %v (hint %q)", err, tidemark.Hint(err))
	}
}
