package serve_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/serve"
)

const (
	manyPipelines = 500
	manyTables    = 2_000
	manyRuns      = 100_000
)

// TestConsoleMany tells how long the pages of the console take to show something with 500 pipelines, 100,000 runs and 2,000
// tables. It judges nothing: the figures are for docs/performance.md. TIDEMARK_TEST_MANY lets it run, for some minutes.
func TestConsoleMany(t *testing.T) {
	if os.Getenv("TIDEMARK_TEST_MANY") == "" {
		t.Skip("takes minutes, and TIDEMARK_TEST_MANY is not set")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium here")
	}
	var pipelines strings.Builder
	fmt.Fprint(&pipelines, "  all: {source: {connection: shop, tables: [\"DB.t_*\"], cursor: at}, target: {connection: lake, table: \"shop.{table}\"}}\n")
	for n := range manyPipelines - 1 {
		fmt.Fprintf(&pipelines, "  p%03d: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.p%03d}, freshness: 1h, triggers: [{cron: \"@hourly\"}]}\n", n, n)
	}
	s := prepareSite(t, "", pipelines.String())
	s.write(t, strings.ReplaceAll(s.text(t), "DB.t_", s.database+".t_"))
	s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO orders VALUES (1, '2024-01-01')")
	for n := range manyTables {
		s.exec(t, fmt.Sprintf("CREATE TABLE t_%04d (id INT PRIMARY KEY, at DATETIME NOT NULL, note VARCHAR(20), KEY (at)) ENGINE=Aria", n),
			fmt.Sprintf("INSERT INTO t_%04d VALUES (1, '2024-01-01', 'x'), (2, '2024-01-02', 'y')", n))
	}
	s.serve(t, serve.Options{})
	s.ask(t, 202, "POST", "/api/v1/pipelines/all/runs", "", nil)
	for all := (runsBody{Runs: make([]tidemark.Run, 1)}); len(all.Runs) > 0; time.Sleep(time.Second) { // which has much to do
		s.ask(t, 200, "GET", "/api/v1/runs?state=queued&limit=1", "", &all)
	}
	s.stop()
	s.fillStore(t)
	s.listen = strings.TrimPrefix(s.base, "http://")
	s.serve(t, serve.Options{})
	cmd := exec.CommandContext(t.Context(), "node", "node_modules/@playwright/test/cli.js", "test", "many.spec.ts")
	cmd.Dir = filepath.Join("..", "web")
	cmd.Env = append(os.Environ(), "CONSOLE_URL="+s.base, "CONSOLE_BROWSER="+browser, "CONSOLE_OUTPUT="+t.TempDir(), "CONSOLE_MANY=1", "CI=true")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// fillStore puts runs that have ended into the store of a server that has ended.
func (s *site) fillStore(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, ".tidemark", "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began := time.Now().Add(-30 * 24 * time.Hour).UnixMicro()
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?)
		INSERT INTO runs (n, id, pipeline, state, priority, queued, started, ended, result, error, end_number)
		SELECT 1000000 + i, printf('0000run%08d', i), printf('p%03d', i % ?), iif(i % 97 = 0, 'failed', 'succeeded'), 0,
			?3 + i * 25000000, ?3 + i * 25000000 + 20000, ?3 + i * 25000000 + 900000,
			'{"pipeline": "p", "rows_read": 12, "rows_new": 2, "committed": true, "seq": 7, "started": "2026-01-01T00:00:00Z"}',
			iif(i % 97 = 0, 'the table is not there', ''), 1000000 + i FROM k`, manyRuns, manyPipelines-1, began)
	if err != nil {
		t.Fatal(err)
	}
}
