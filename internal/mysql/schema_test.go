package mysql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func makeShop(t *testing.T, server *testenv.Server) string {
	t.Helper()
	database := server.NewDatabase(t)
	server.Exec(t, "SET sql_mode = ''", "USE "+database,
		`CREATE TABLE orders (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY COMMENT 'who', ref VARCHAR(20) NOT NULL, price FLOAT NOT NULL, day DATE,
			changed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), created DATETIME DEFAULT CURRENT_TIMESTAMP,
			took TIME, y YEAR, maybe INT, hidden INT INVISIBLE, UNIQUE (ref), UNIQUE (maybe), UNIQUE short (ref(3), day), UNIQUE pair (ref, price),
			KEY (changed), KEY both_ways (created, maybe))`,
		"CREATE TABLE nokey (id INT, at DATETIME)",
		"CREATE TABLE `Other Table` (id INT)",
		"CREATE TABLE old (id INT PRIMARY KEY, at DATETIME) ENGINE = MyISAM",
		"CREATE VIEW seen AS SELECT id, changed FROM orders",
		"INSERT INTO nokey VALUES (1, '2024-01-01'), (2, NULL), (3, 0)")
	return database
}

func TestSchema(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		source := openSource(t, configOf(server), incremental(database, "orders", "updated_at", "CHANGED"))
		s, err := source.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cursor := &tidemark.Cursor{Column: "changed", Index: 4, Kind: tidemark.CursorTimestamp, Nullable: true, Granularity: time.Millisecond, ServerSet: true, Indexed: true}
		if diff := cmp.Diff(cursor, s.Cursor); diff != "" {
			t.Errorf("cursor (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"id"}, s.Key); diff != "" {
			t.Error(diff)
		}
		for _, key := range [][]string{{"id"}, {"ref"}, {"price", "ref"}} {
			if !s.IsUnique(key) {
				t.Errorf("%v is unique", key)
			}
		}
		for _, key := range [][]string{{"maybe"}, {"ref", "day"}} {
			if s.IsUnique(key) {
				t.Errorf("%v is not unique: NULLs or a prefix", key)
			}
		}
		id, _ := s.Column("id")
		if id.Nullable || !strings.HasPrefix(id.SourceType, "int") || id.Comment != "who" {
			t.Errorf("column %+v", id)
		}
		if _, ok := s.Column("hidden"); !ok {
			t.Error("the invisible column is missing")
		}
		if s.Origin.Server == "" || s.Origin.Table != database+".orders" {
			t.Errorf("origin %+v", s.Origin)
		}
	})
}

func TestSchemaErrors(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		for _, c := range []struct {
			name   string
			change func(*tidemark.Pipeline)
			kind   error
			text   string
			hint   string
		}{
			{"table", func(p *tidemark.Pipeline) { p.Table.Name = "order" }, tidemark.ErrNotFound, "table " + database + ".order", `did you mean "orders"?`},
			{"database", func(p *tidemark.Pipeline) { p.Table.Database = "no_such" }, tidemark.ErrNotFound, "no_such.orders", "no table of database"},
			{"cursor", func(p *tidemark.Pipeline) { p.Cursors = []string{"changd"} }, tidemark.ErrNotFound, "changd", `did you mean "changed"?`},
			{"string cursor", func(p *tidemark.Pipeline) { p.Cursors = []string{"ref"} }, tidemark.ErrInvalid, "varchar(20)", "use a column of type TIMESTAMP"},
			{"float cursor", func(p *tidemark.Pipeline) { p.Cursors = []string{"price"} }, tidemark.ErrInvalid, "float", "use a column"},
			{"time cursor", func(p *tidemark.Pipeline) { p.Cursors = []string{"took"} }, tidemark.ErrInvalid, "time", "use a column"},
			{"no cursor", func(p *tidemark.Pipeline) { p.Cursors = nil }, tidemark.ErrInvalid, "without a cursor", "mode: replace"},
			{"columns", func(p *tidemark.Pipeline) { p.Columns = []string{"id", "prise", "changed"} }, tidemark.ErrNotFound, `"prise"`, `did you mean "price"?`},
			{"cursor not read", func(p *tidemark.Pipeline) { p.Columns = []string{"id"} }, tidemark.ErrInvalid, `"changed" is not read`, "add it"},
			{"merge without key", func(p *tidemark.Pipeline) { p.Mode, p.Table.Name, p.Cursors = "merge", "nokey", []string{"at"} }, tidemark.ErrInvalid, "no primary key", "mode: append"},
			{"merge by nullable", func(p *tidemark.Pipeline) { p.Mode, p.Key = "merge", []string{"maybe"} }, tidemark.ErrInvalid, "unique and NOT NULL", "[id]"},
			{"merge by float", func(p *tidemark.Pipeline) { p.Mode, p.Key = "merge", []string{"ref", "price"} }, tidemark.ErrInvalid, "not compared exactly", "append"},
			{"merge by unknown", func(p *tidemark.Pipeline) { p.Mode, p.Key = "merge", []string{"idd"} }, tidemark.ErrNotFound, `"idd"`, `"id"`},
			{"where", func(p *tidemark.Pipeline) { p.Where = "nonsense = 1" }, tidemark.ErrNotFound, "nonsense", "where:"},
			{"where syntax", func(p *tidemark.Pipeline) { p.Where = "id = ) 1" }, tidemark.ErrInvalid, "id = )", "where:"},
			{"where placeholder", func(p *tidemark.Pipeline) { p.Where = "id = ?" }, tidemark.ErrInvalid, "a ? stands for", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				p := incremental(database, "orders", "changed")
				c.change(&p)
				_, err := openSource(t, configOf(server), p).Schema(t.Context())
				if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) || !strings.Contains(tidemark.Hint(err), c.hint) {
					t.Errorf("schema: %v (hint: %s)\nwant %v with %q, hint %q", err, tidemark.Hint(err), c.kind, c.text, c.hint)
				}
			})
		}
	})
}

func TestCursorKinds(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		for _, c := range []tidemark.Cursor{
			{Column: "id", Index: 0, Kind: tidemark.CursorInteger, ServerSet: true, Indexed: true},
			{Column: "day", Index: 3, Kind: tidemark.CursorDate, Nullable: true, Granularity: 24 * time.Hour},
			{Column: "created", Index: 5, Kind: tidemark.CursorDatetime, Nullable: true, Granularity: time.Second, Indexed: true},
			{Column: "y", Index: 7, Kind: tidemark.CursorInteger, Nullable: true},
		} {
			s, err := openSource(t, configOf(server), incremental(database, "orders", c.Column)).Schema(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c, s.Cursor); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.Column, diff)
			}
		}
	})
}

func TestNotices(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		for table, want := range map[string]string{"old": "MyISAM", "seen": "is a view", "orders": ""} {
			source := openSource(t, configOf(server), pipelineOf(database, table))
			for range 2 {
				if _, err := source.Schema(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			notices := source.Notices()
			if want == "" && len(notices) > 0 || want != "" && (len(notices) != 1 || !strings.Contains(notices[0], want)) {
				t.Errorf("%s: %q, want %q", table, notices, want)
			}
		}
	})
}

// TestNullCursors: rows without a cursor come in every window, or stop the run.
func TestNullCursors(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		later := tidemark.TemporalValue(tidemark.CursorDatetime, 1767225600e6) // 2026
		p := incremental(database, "nokey", "at")
		source := openSource(t, configOf(server), p)
		rows := readRows(t, source, tidemark.Window{From: later, Nulls: tidemark.NullsLoad}, 1)
		if diff := cmp.Diff([][]string{{"2", "NULL"}, {"3", "NULL"}}, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if rows := readRows(t, source, tidemark.Window{Nulls: tidemark.NullsLoad}, 1); len(rows) != 3 {
			t.Errorf("first load: %v", rows)
		}
		p.Nulls = tidemark.NullsError
		for _, from := range []tidemark.CursorValue{{}, later} {
			_, err := tryRead(t.Context(), openSource(t, configOf(server), p), tidemark.Window{From: from, Nulls: tidemark.NullsError}, 1)
			if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `2 rows have no value in cursor column "at"`) {
				t.Errorf("read = %v", err)
			}
		}
	})
}

// TestImpossibleCursor: a date that does not exist has no place in the order of changes.
func TestImpossibleCursor(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		server.Exec(t, "SET sql_mode = 'ALLOW_INVALID_DATES'", "INSERT INTO "+database+".nokey VALUES (4, '2021-02-31 10:00:00')")
		_, err := tryRead(t.Context(), openSource(t, configOf(server), incremental(database, "nokey", "at")), tidemark.Window{}, 1)
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "2021-02-31 10:00:00") {
			t.Errorf("read = %v", err)
		}
	})
}

func TestListTables(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		tables, err := ListTables(t.Context(), configOf(server), []string{database + ".*"}, []string{database + ".no*"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range tables {
			got = append(got, name.Name)
		}
		if diff := cmp.Diff([]string{"Other Table", "old", "orders"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := ListTables(t.Context(), configOf(server), []string{database + ".nix*"}, nil); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("no match: %v", err)
		}
		if _, err := ListTables(t.Context(), configOf(server), []string{"orders"}, nil); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("no database: %v", err)
		}
	})
}

// TestLimitedServer: the global settings that cut results do not.
func TestLimitedServer(t *testing.T) {
	server := testenv.StartMariaDB(t)
	server.Exec(t, "SET GLOBAL sql_select_limit = 10", "SET GLOBAL max_statement_time = 0.001")
	database := server.NewDatabase(t)
	server.Exec(t, "SET max_statement_time = 0", "USE "+database, "CREATE TABLE n (id INT PRIMARY KEY, at DATETIME)",
		"INSERT INTO n SELECT seq, '2024-01-01' FROM seq_1_to_50000")
	if rows := readRows(t, openSource(t, configOf(server), incremental(database, "n", "at")), tidemark.Window{}, 3); len(rows) != 50000 {
		t.Errorf("%d rows, want 50000", len(rows))
	}
}
