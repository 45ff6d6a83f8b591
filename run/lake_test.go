package run_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// A shop is a database of a real server and a lake in a temporary folder, as a user's config joins them.
type shop struct {
	server   *testenv.Server
	database string
	lake     string // folder
	file     string // the config
}

// passwordVariable is where the config refers to.
const passwordVariable = "TIDEMARK_TEST_SHOP_PASSWORD"

// newShop makes a database and writes a config whose pipelines are in YAML, indented as under "pipelines:". In it
// DB stands for the database.
func newShop(t *testing.T, pipelines string) *shop {
	t.Helper()
	server := testenv.MySQL(t)
	t.Setenv(passwordVariable, server.Password)
	dir := t.TempDir()
	s := &shop{server: server, database: server.NewDatabase(t), lake: filepath.Join(dir, "lake"), file: filepath.Join(dir, "tidemark.yaml")}
	s.configure(t, pipelines)
	return s
}

func (s *shop) configure(t *testing.T, pipelines string) {
	t.Helper()
	text := fmt.Sprintf(`connections:
  shop:
    type: mysql
    url: %s%s
    password: ${env:%s}
  lake:
    type: file
    path: lake
pipelines:
%s`, s.server.URL(), s.database, passwordVariable, strings.ReplaceAll(pipelines, "DB", s.database))
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit changes the config.
func (s *shop) edit(t *testing.T, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) exec(t *testing.T, statements ...string) {
	t.Helper()
	s.server.Exec(t, append([]string{"USE " + s.database}, statements...)...)
}

// run runs all pipelines once, in a fresh Runner, as a new process would.
func (s *shop) run(t *testing.T) []run.Outcome {
	t.Helper()
	r, err := run.Load(s.file, run.Options{Parallel: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	outcomes, err := r.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// mustRun runs all pipelines and returns their results.
func (s *shop) mustRun(t *testing.T) []tidemark.RunResult {
	t.Helper()
	var results []tidemark.RunResult
	for _, o := range s.run(t) {
		if o.Err != nil {
			t.Fatalf("run %s: %v (%s)", o.Result.Pipeline, o.Err, tidemark.Hint(o.Err))
		}
		results = append(results, o.Result)
	}
	return results
}

// query returns the rows of a query over the lake, the values of each joined by "|".
func (s *shop) query(t *testing.T, sql string) []string {
	t.Helper()
	r, err := run.Load(s.file, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	result, err := r.Query(context.Background(), "", sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer result.Close()
	var rows []string
	for values, err := range result.Rows() {
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			if texts[i] = duckdb.Text(v); v == nil {
				texts[i] = "NULL"
			}
		}
		rows = append(rows, strings.Join(texts, "|"))
	}
	return rows
}

// one returns the only row of a query over the lake.
func (s *shop) one(t *testing.T, sql string) string {
	t.Helper()
	rows := s.query(t, sql)
	if len(rows) != 1 {
		t.Fatalf("%s: %d rows, want 1", sql, len(rows))
	}
	return rows[0]
}
