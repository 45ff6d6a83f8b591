package mysql

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// checkSent compares the statement of a forecast with what the server's own log says that Read has sent, and the rows
// that it finds with those of Read.
func checkSent(t *testing.T, server *testenv.Server, source *Source, sp tidemark.Split, sql string) {
	t.Helper()
	read := rowsOf(t, source, sp)
	found, err := connectTo(t, server).query(t.Context(), sql)
	if err != nil || len(found.rows) != len(read) {
		t.Errorf("%d rows, Read has %d, %v: %s", len(found.rows), len(read), err, sql)
	}
	if server == testenv.PrivateMariaDB(t) { // others use the external one, whose log we leave alone
		if sent := executed(t, server, func() { rowsOf(t, source, sp) }); !slices.ContainsFunc(sent, func(one string) bool { return plainTimes(one) == plainTimes(sql) }) {
			t.Errorf("Read sends\n%s\nand the forecast says\n%s", strings.Join(sent, "\n"), sql)
		}
	}
}

var timeForm = regexp.MustCompile(`(?:TIMESTAMP|DATE|TIME)?'([-0-9: ]+)(?:\.0+)?'`)

// plainTimes writes times in one of the forms that they can have.
func plainTimes(sql string) string { return timeForm.ReplaceAllString(sql, "'$1'") }

// executed returns the statements that the server executes meanwhile, by its log.
func executed(t *testing.T, server *testenv.Server, do func()) []string {
	t.Helper()
	server.Exec(t, "SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = ON")
	defer server.Exec(t, "SET GLOBAL general_log = OFF")
	do()
	res, err := connectTo(t, server).query(t.Context(), "SELECT argument FROM mysql.general_log WHERE command_type IN ('Execute', 'Query')")
	if err != nil {
		t.Fatal(err)
	}
	return texts(res)
}

// TestForecastSplits cuts a table along its key: the statements are what Read sends, and their rows, as counted, add up.
func TestForecastSplits(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		for _, name := range []string{"dense", "sparse", "huge", "exactly", "instant", "pair"} {
			t.Run(name, func(t *testing.T) {
				source := openSource(t, configOf(server), incremental(database, name, "n"))
				total := int64(0)
				for _, sp := range splitsOf(t, source, 3) {
					sp.limit = statementRows
					var f SplitForecast
					err := source.with(t.Context(), func(c *conn) error {
						x, err := explained(t.Context(), c, sp)
						if err == nil {
							f, err = forecastOf(t.Context(), c, sp, x)
						}
						return err
					})
					if err != nil || !f.Exact || f.Access != `range of index "PRIMARY"` {
						t.Fatalf("%+v, %v", f, err)
					}
					total += f.Rows
					if !strings.Contains(f.SQL, "?") { // text in keys is not shown
						checkSent(t, server, source, sp, f.SQL)
					}
				}
				if total != 1000 {
					t.Errorf("the splits have %d rows together", total)
				}
			})
		}
	})
}

// TestForecastWarns: what makes a run slow has a name, and where there is a cure, the statement that brings it.
func TestForecastWarns(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		hide := "ALTER TABLE hidden ALTER INDEX at INVISIBLE"
		if server.Flavor == "mariadb" {
			hide = "ALTER TABLE hidden ALTER INDEX at IGNORED"
		}
		server.Exec(t, "USE "+database,
			"CREATE TABLE plain (id INT PRIMARY KEY, code VARCHAR(20), at TIMESTAMP(6) NULL, KEY (code))",
			"INSERT INTO plain VALUES (1, '1', '2024-01-01'), (2, '2', '2024-01-02'), (3, '3', NULL)",
			"CREATE TABLE good LIKE plain", "ALTER TABLE good ADD KEY (at)", "INSERT INTO good SELECT * FROM plain",
			"CREATE TABLE hidden LIKE good", hide, "CREATE VIEW v AS SELECT MAX(id) AS id, at FROM plain GROUP BY at",
			"ANALYZE TABLE plain, good")
		from := tidemark.Window{From: tidemark.TemporalValue(tidemark.CursorTimestamp, 1704067200e6), Nulls: tidemark.NullsLoad}
		for _, c := range []struct {
			name, table string
			change      func(*tidemark.Pipeline)
			want        []string // each in a warning
			not         string   // in none
		}{
			{"good", "good", nil, nil, "index"},
			{"no index", "plain", nil, []string{"CREATE INDEX `at` ON " + ident(database) + ".`plain` (`at`)"}, ""},
			{"ignored", "hidden", nil, []string{`index "at" begins with it, but the server is told to ignore it`}, "CREATE"},
			{"view", "v", nil, []string{"no index begins with", "filesort or temporary"}, "CREATE"},
			{"cast", "plain", func(p *tidemark.Pipeline) { p.Mode, p.Where = tidemark.ModeReplace, "code = 1" }, []string{"conversion"}, "CREATE"},
		} {
			t.Run(c.name, func(t *testing.T) {
				if c.name == "cast" && server.Flavor == "mariadb" {
					t.Skip("MariaDB does not tell")
				}
				p := incremental(database, c.table, "at")
				if c.change != nil {
					c.change(&p)
				}
				f, err := openSource(t, configOf(server), p).Forecast(t.Context(), from, 2)
				if err != nil {
					t.Fatal(err)
				}
				all := strings.Join(f.Warnings, "\n")
				for _, want := range c.want {
					if !strings.Contains(all, want) {
						t.Errorf("no warning with %s in\n%s", want, all)
					}
				}
				if c.not != "" && strings.Contains(all, c.not) {
					t.Errorf("a warning with %s in\n%s", c.not, all)
				}
				if c.name == "good" && (f.Max.String() != "2024-01-02T00:00:00Z" || f.Nulls != 1 || f.Rows != 3 || !f.Exact) {
					t.Errorf("%+v", f)
				}
			})
		}
	})
}

// TestForecastLarge: what is too much to be counted is the server's guess, and said to be one.
func TestForecastLarge(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		server.Exec(t, "USE "+database,
			"CREATE TABLE ten (n INT)", "INSERT INTO ten VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
			"CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, n INT)",
			"INSERT INTO big (n) SELECT a.n FROM ten a, ten b, ten c, ten d, ten e, (SELECT n FROM ten LIMIT 2) f", "ANALYZE TABLE big")
		source := openSource(t, configOf(server), incremental(database, "big", "id"))
		for from, want := range map[int64]int64{0: 200_000, 1: 200_000, 199_001: 1_000} {
			w := tidemark.Window{Nulls: tidemark.NullsLoad}
			if from > 0 {
				w.From = tidemark.IntegerValue(from)
			}
			f, err := source.Forecast(t.Context(), w, 1)
			exact := want <= countUpTo
			if err != nil || f.Exact != exact || exact && f.Rows != want || f.Rows < want/3 || f.Rows > want*2 {
				t.Errorf("from %d: %+v, %v", from, f, err)
			}
		}
	})
}

// TestForecastWritesNothing makes a forecast and settles as a user who may read, and looks at what the server was sent.
func TestForecastWritesNothing(t *testing.T) {
	server := testenv.PrivateMariaDB(t)
	database := server.NewDatabase(t)
	server.Exec(t, "USE "+database, "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME NULL, KEY (at))", "INSERT INTO t VALUES (1, '2024-01-01')")
	sent := executed(t, server, func() {
		source := openSource(t, configOf(server), incremental(database, "t", "at"))
		if _, err := source.Settle(t.Context(), tidemark.Watermark{}); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Forecast(t.Context(), tidemark.Window{From: tidemark.TemporalValue(tidemark.CursorDatetime, 1), Nulls: tidemark.NullsLoad}, 2); err != nil {
			t.Fatal(err)
		}
	})
	reads := []string{"SELECT", "EXPLAIN", "SHOW", "SET", "START TRANSACTION", "COMMIT", "ROLLBACK", "TRUNCATE mysql.general_log"}
	for _, statement := range sent {
		if !slices.ContainsFunc(reads, func(verb string) bool { return strings.HasPrefix(strings.TrimSpace(statement), verb) }) || strings.HasPrefix(statement, "SET GLOBAL l") {
			t.Errorf("a plan sends %s", statement)
		}
	}
	if len(sent) < 10 {
		t.Errorf("the log shows %d statements", len(sent))
	}
}
