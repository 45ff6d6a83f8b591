package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A way is how a table is kept in the lake.
type way struct {
	name, format, mode string

	sqlite bool // the catalog is a file
	rest   bool // the catalog is a REST server
	s3     bool
	lose   bool // each run finds a commit whose files were lost
	back   bool // what is stopped is a rewind over the newest commit

	mend bool // what is stopped is a repair
	fill bool // with mend: it is a backfill

	imports bool // what is stopped is an import of files into a table of their own
	drop    bool // what is stopped is a drop of the table
	comment bool // what is stopped is a comment on it

	sift   bool // a check sets a third of the rows aside, and what the lake holds is in two tables
	replay bool // with sift: what is stopped is the replay of those rows

	fetched bool // there is a table of watermarks, which says that older rows than those here are loaded

	maintain bool // it is not the run that is stopped, but the maintenance behind it

	only []string // prefixes of the failpoints that are tried; nil means all
}

// A shop is a table of a real server and a lake, and knows what the lake must hold.
//
// The table's cursor is set by the server, and all rows are younger than the slack of ten seconds, so that each run
// reads all rows again and must know those that it has loaded.
type shop struct {
	way
	binary string
	server *testenv.Server
	bucket *testenv.S3Server   // nil on disk
	tables *testenv.RESTServer // nil where the catalog is another

	database    string
	db          *sql.DB
	step        int // of the table: the first rows and each change have their own
	lakes       int
	dir         string   // with the config, and the lake if it is on disk
	environment []string // with the passwords

	seq  int64  // of the newest commit of this lake, as far as is known
	high string // likewise
}

// facts are what a table holds. Each version of each row has a number of its own.
type facts struct {
	Rows     int64 `json:"c"`
	Sum      int64 `json:"s"`
	Distinct int64 `json:"d"`
}

const (
	firstRows  = 3_000 // of the table
	newRows    = 40    // with each change
	changeRows = 10    // that are updated with each change
)

func newShop(t *testing.T, binary string, w way) *shop {
	t.Helper()
	server := testenv.MySQL(t)
	s := &shop{way: w, binary: binary, server: server, database: server.NewDatabase(t)}
	s.db = server.DB(t, s.database)
	if w.s3 {
		s.bucket = testenv.S3(t)
	}
	s.exec(t, `CREATE TABLE items (
		id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, step INT NOT NULL, part INT NOT NULL, note VARCHAR(40),
		at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`,
		"CREATE TABLE versions (n BIGINT NOT NULL PRIMARY KEY)",
		"CREATE TABLE fetch_details (tablename VARCHAR(40), last_fetched DATETIME(6))")
	return s
}

func (s *shop) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.db.Exec(statement); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	}
}

// change inserts some rows and updates others.
func (s *shop) change(t *testing.T) {
	t.Helper()
	s.step++
	s.exec(t, fmt.Sprintf("UPDATE items SET step = %d, n = %d + id WHERE id %% %d = %d", s.step, s.step*1_000_000, firstRows/changeRows, s.step))
	s.insert(t, firstRows+s.step*newRows, newRows)
}

// grow inserts some rows.
func (s *shop) grow(t *testing.T) {
	t.Helper()
	s.step++
	s.insert(t, firstRows+s.step*newRows, newRows)
}

func (s *shop) insert(t *testing.T, from, rows int) {
	t.Helper()
	var values strings.Builder
	for id := from; id < from+rows; id++ {
		fmt.Fprintf(&values, ",(%d,%d,%d,%d,'item %d')", id, s.step*1_000_000+id, s.step, id%3, id)
	}
	s.exec(t, "INSERT INTO items (id, n, step, part, note) VALUES "+values.String()[1:],
		fmt.Sprintf("INSERT INTO versions SELECT n FROM items WHERE step = %d", s.step))
}

// settle dates all rows back, so that all but the newest lie below settled.
func (s *shop) settle(t *testing.T) {
	t.Helper()
	s.exec(t, "UPDATE items SET at = '2024-01-01' + INTERVAL id SECOND")
}

// damage changes, deletes and inserts some rows where a cursor does not see it; it deletes none where a backfill would not
// take them out.
func (s *shop) damage(t *testing.T) {
	t.Helper()
	s.step++
	from := s.step * 30 % (firstRows - 100)
	if !s.fill || s.mode != "merge" {
		s.exec(t, fmt.Sprintf("DELETE FROM items WHERE id BETWEEN %d AND %d", from+10, from+14))
	}
	s.exec(t,
		fmt.Sprintf("UPDATE items SET n = %d + id, at = at WHERE id BETWEEN %d AND %d", s.step*1_000_000, from, from+9),
		fmt.Sprintf("INSERT INTO items (id, n, step, part, note, at) SELECT id + %[1]d, n + %[2]d, step, part, note, at FROM items WHERE id BETWEEN %[3]d AND %[3]d + 4",
			firstRows+s.step*newRows, s.step*10_000_000, from+20))
}

// expected is what a lake must hold that has seen all changes: in append every version of each row.
func (s *shop) expected(t *testing.T) facts {
	t.Helper()
	switch {
	case s.mode == "append":
		return s.count(t, "versions")
	case s.mode == "merge" && s.sift: // each version that was set aside stays so
		return s.count(t, "(SELECT n FROM items WHERE part < 2 UNION ALL SELECT n FROM versions WHERE n % 1000000 % 3 = 2) AS held")
	}
	return s.now(t)
}

// now is what the table holds, but for a row that was loaded elsewhere.
func (s *shop) now(t *testing.T) facts {
	t.Helper()
	return s.count(t, "items WHERE id >= 0")
}

func (s *shop) count(t *testing.T, table string) (f facts) {
	t.Helper()
	if err := s.db.QueryRow("SELECT COUNT(*), SUM(n), COUNT(DISTINCT n) FROM "+table).Scan(&f.Rows, &f.Sum, &f.Distinct); err != nil {
		t.Fatal(err)
	}
	return f
}

// newLake begins with an empty lake.
func (s *shop) newLake(t *testing.T) {
	t.Helper()
	s.lakes++
	s.seq, s.high = 0, ""
	s.dir = filepath.Join(t.TempDir(), fmt.Sprint(s.lakes))
	lake := "{type: file, path: lake}"
	s.environment = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "SHOP_PASSWORD=" + s.server.Password,
		"GOGC=400", // a process starts in half the time, and this test starts hundreds
	}
	if s.s3 {
		var keys []string
		lake, keys = s3Lake(s.bucket, fmt.Sprintf("lake%d", s.lakes))
		s.environment = append(s.environment, keys...)
	}
	config := fmt.Sprintf(`connections:
  shop: {type: mysql, url: "%s%s", password: "${env:SHOP_PASSWORD}"}
  lake: %s
pipelines:
  items:
    source: {connection: shop, table: items, cursor: at%s}
    target: {connection: lake, table: crash.items, format: %s, mode: %s%s}
%s    maintenance: off # which would come when enough runs have died
`, s.server.URL(), s.database, lake, s.fetches(t), s.format, s.mode, map[bool]string{true: ", partition_by: part"}[s.format == "parquet"],
		map[bool]string{true: "    checks: [{range: {column: part, max: 1}, on_fail: quarantine}]\n"}[s.sift])
	if s.rest {
		if s.tables == nil {
			s.tables = testenv.REST(t)
		}
		s.tables.Forget(t, "crash", "items")
		config += fmt.Sprintf("catalog: {type: rest, uri: %q, warehouse: %s, token: \"${env:REST_TOKEN}\"}\n", s.tables.URI, s.tables.Warehouse)
		s.environment = append(s.environment, "REST_TOKEN="+s.tables.Token)
	}
	if s.sqlite {
		config += "catalog: {type: sqlite, path: catalog.db}\n"
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "tidemark.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fetches lets a lake begin where a process kept by hand has come to, which is before all rows but one.
func (s *shop) fetches(t *testing.T) string {
	t.Helper()
	if !s.fetched {
		return ""
	}
	const loaded = "'2000-01-01'"
	s.exec(t, "INSERT IGNORE INTO items (id, n, step, part, at) VALUES (-1, -1, -1, 0, "+loaded+")",
		fmt.Sprintf("INSERT INTO fetch_details VALUES ('lake%d', %s)", s.lakes, loaded))
	return fmt.Sprintf(", watermark_table: {table: fetch_details, connection: shop, name: lake%d}", s.lakes)
}

// isMirrored looks whether the newest row of this lake in the table of watermarks is its high.
func (s *shop) isMirrored(t *testing.T) {
	t.Helper()
	var same bool
	err := s.db.QueryRow("SELECT MAX(last_fetched) = CAST(? AS DATETIME(6)) FROM fetch_details WHERE tablename = ?", s.high, fmt.Sprintf("lake%d", s.lakes)).Scan(&same)
	if err != nil || !same {
		t.Errorf("the table of watermarks does not say %s: %v", s.high, err)
	}
}

// An end is how a process ended.
type end struct {
	killed         bool
	code           int // when it was not killed
	stdout, stderr string
}

// start starts the binary in the folder of the lake. wait waits for its end.
func (s *shop) start(t *testing.T, environment []string, args ...string) (process *os.Process, wait func() end) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(s.binary, args...)
	cmd.Dir, cmd.Env = s.dir, append(environment, s.environment...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process, func() end {
		err := cmd.Wait()
		e := end{stdout: stdout.String(), stderr: stderr.String()}
		if failed := new(exec.ExitError); errors.As(err, &failed) {
			status, ok := failed.Sys().(syscall.WaitStatus)
			e.killed, e.code = ok && status.Signaled() && status.Signal() == syscall.SIGKILL, failed.ExitCode()
		} else if err != nil {
			e.code = -1
		}
		return e
	}
}

// run runs the pipeline.
func (s *shop) run(t *testing.T, environment ...string) end {
	t.Helper()
	_, wait := s.start(t, environment, "run", "--json")
	return wait()
}

// upkeep maintains the table, so that no more than must be is left.
func (s *shop) upkeep(t *testing.T, environment ...string) end {
	t.Helper()
	_, wait := s.start(t, environment, "maintain", "--json", "--keep-last", "1", "--keep-age", "0s")
	return wait()
}

// A result is the part of a run's JSON that is looked at.
type result struct {
	New       int64  `json:"rows_new"`
	Committed bool   `json:"committed"`
	Seq       int64  `json:"seq"`
	High      string `json:"high"`
	Error     string `json:"error"`
	Hint      string `json:"hint"`
	Kind      string `json:"kind"`
}

func (e end) result(t *testing.T) (r result) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.stdout), &r); err != nil {
		t.Fatalf("the run printed %q, %q: %v", e.stdout, e.stderr, err)
	}
	return r
}

// mustRun runs the pipeline, which must succeed. The watermark may only go forward.
func (s *shop) mustRun(t *testing.T) {
	t.Helper()
	e := s.run(t)
	if e.killed || e.code != exitOK {
		t.Fatalf("run: exit code %d with %s%s", e.code, e.stdout, e.stderr)
	}
	r := e.result(t)
	if r.Seq < s.seq || r.High < s.high || r.Seq == 0 {
		t.Errorf("the watermark went from commit %d at %q to commit %d at %q", s.seq, s.high, r.Seq, r.High)
	}
	if s.seq, s.high = r.Seq, r.High; s.fetched {
		s.isMirrored(t)
	}
}

// look asks the lake, as `tidemark query --json` does. A table that is not there yet holds nothing.
func (s *shop) look(t *testing.T) (f facts) {
	t.Helper()
	if s.sift {
		if f, ok := s.ask(t, "(SELECT n FROM crash.items UNION ALL SELECT n FROM crash.items__rejected)", true); ok {
			return f
		}
	}
	f, _ = s.ask(t, "crash.items", s.seq == 0)
	return f
}

// ask counts rows of the lake; false where a table is not there, which it may be.
func (s *shop) ask(t *testing.T, from string, missing bool) (f facts, ok bool) {
	t.Helper()
	environment := map[string]string{}
	for _, variable := range s.environment {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	var stdout, stderr bytes.Buffer
	a := &app{out: &stdout, err: &stderr, env: func(name string) (string, bool) {
		value, found := environment[name]
		return value, found
	}}
	code := a.main(context.Background(), []string{"query", "--json", "-c", filepath.Join(s.dir, "tidemark.yaml"),
		"SELECT COUNT(*) AS c, COALESCE(SUM(n), 0)::BIGINT AS s, COUNT(DISTINCT n) AS d FROM " + from})
	if code == exitUsage && missing && strings.Contains(stderr.String(), "no table crash.items") {
		return facts{}, false
	}
	if code != exitOK {
		t.Fatalf("query: exit code %d with %s", code, &stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), &f); err != nil {
		t.Fatalf("query printed %q: %v", &stdout, err)
	}
	return f, true
}

func (s *shop) lakeIs(t *testing.T, when string, want facts) {
	t.Helper()
	if got := s.look(t); got != want {
		t.Errorf("%s: the lake holds %+v, want %+v", when, got, want)
	}
}

// readFiles reads data files with nothing but DuckDB.
func readFiles(t *testing.T, files []string) (f facts) {
	t.Helper()
	db, err := duckdb.Open(t.Context(), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var list []string
	for _, file := range files {
		list = append(list, duckdb.Literal(file))
	}
	rows, err := db.Query(t.Context(), &duckdb.Statement{
		SQL: "SELECT COUNT(*), SUM(n)::BIGINT, COUNT(DISTINCT n) FROM read_parquet([" + strings.Join(list, ", ") + "], hive_partitioning = false)",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(duckdb.Text(row[0])+" "+duckdb.Text(row[1])+" "+duckdb.Text(row[2]), &f.Rows, &f.Sum, &f.Distinct); err != nil {
			t.Fatal(err)
		}
	}
	return f
}
