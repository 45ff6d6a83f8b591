package run_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// plan makes the plan of the one pipeline, and checks that this leaves the lake as it was.
func (s *shop) plan(t *testing.T) run.Plan {
	t.Helper()
	before := s.listing(t)
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plans, err := r.Plan(t.Context(), nil)
	if err != nil || len(plans) != 1 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	if diff := cmp.Diff(before, s.listing(t)); diff != "" {
		t.Errorf("the plan has written (-before +after):\n%s", diff)
	}
	return plans[0]
}

// listing returns all files of the lake, with what is in them.
func (s *shop) listing(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(s.lake, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// agree compares a plan with what the run behind it did.
func agree(t *testing.T, p run.Plan, r tidemark.RunResult) {
	t.Helper()
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	if !p.Exact || p.Rows != r.Read || p.Written.Rows != r.New || p.Written.Files > int64(r.Files) || (p.Written.Files == 0) != (r.New == 0) {
		t.Errorf("planned %d rows, %+v; the run had %+v", p.Rows, p.Written, r)
	}
	if p.Settled != r.Settled || p.SettledBy != r.SettledBy {
		t.Errorf("settled: planned %q by %q, the run %q by %q", p.Settled, p.SettledBy, r.Settled, r.SettledBy)
	}
}

// A plan says what the run behind it does, whatever the mode and the format, and writes nothing.
func TestPlanIsWhatRunDoes(t *testing.T) {
	for _, format := range []string{"iceberg", "parquet"} {
		for _, mode := range []string{"append", "merge", "replace"} {
			if format == "parquet" && mode == "merge" {
				continue
			}
			t.Run(format+" "+mode, func(t *testing.T) {
				s := newShop(t, itemsPipeline(format, mode))
				s.exec(t, "CREATE TABLE items (id INT PRIMARY KEY, note VARCHAR(20), at DATETIME(6), KEY (at))",
					"INSERT INTO items SELECT seq, CONCAT('note ', seq), '2024-01-01' + INTERVAL seq SECOND FROM ("+numbers(500)+") AS x")
				first := s.plan(t)
				if !first.New || first.Changes != nil || first.Overlap != 0 || first.Written.Deletes || !strings.Contains(first.Written.Basis, "rule of thumb") {
					t.Errorf("the first plan: %+v", first)
				}
				agree(t, first, s.mustRun(t)[0])

				s.exec(t, "INSERT INTO items VALUES (1000, 'new', '2024-02-01'), (1001, 'new', '2024-02-02')", "ALTER TABLE items ADD COLUMN more INT")
				second := s.plan(t)
				if second.New || len(second.Changes) != 1 || !strings.Contains(second.Changes[0], `"more"`) || second.Written.Deletes != (mode == "merge") ||
					!strings.Contains(second.Written.Basis, "table's files") {
					t.Errorf("the second plan: %+v", second)
				}
				if mode != "replace" && (second.Overlap != 1 || second.OverlapReason == "") {
					t.Errorf("overlap %d, %q", second.Overlap, second.OverlapReason)
				}
				agree(t, second, s.mustRun(t)[0])
				if mode == "replace" {
					return
				}
				third := s.plan(t)
				if third.Changes != nil || third.Written.Rows != 0 || third.Written.Bytes != 0 {
					t.Errorf("the third plan: %+v", third)
				}
				agree(t, third, s.mustRun(t)[0])
			})
		}
	}
}

// Who holds settled back has a name, before the run and, as the reason of the overlap, behind it.
func TestPlanNamesTheHolder(t *testing.T) {
	s := newShop(t, itemsPipeline("iceberg", "append"))
	s.exec(t, "CREATE TABLE items (id INT PRIMARY KEY, note VARCHAR(20), at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (at))")
	tx, err := s.server.DB(t, s.database).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO items (id, note) VALUES (1, 'open')"); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "INSERT INTO items (id, note) VALUES (2, 'b'), (3, 'c')")
	p := s.plan(t)
	if p.Err != nil || p.HeldBy == "" {
		t.Fatalf("held by %q, %v", p.HeldBy, p.Err)
	}
	if r := s.mustRun(t)[0]; r.HeldBy == "" || !p.Settled.Less(r.High) {
		t.Errorf("settled at most %s, held by %q; the run %+v", p.Settled, p.HeldBy, r)
	}
	if p = s.plan(t); p.Overlap != 2 || !strings.Contains(p.OverlapReason, "held back by ") {
		t.Errorf("overlap %d, %q", p.Overlap, p.OverlapReason)
	}
}

// What would stop the run at its first write stops its plan.
func TestPlanStops(t *testing.T) {
	s := newShop(t, strings.Replace(itemsPipeline("iceberg", "append"), "mode:", "schema: freeze, mode:", 1))
	s.exec(t, "CREATE TABLE items (id INT PRIMARY KEY, note VARCHAR(20), at DATETIME, KEY (at))", "INSERT INTO items VALUES (1, 'a', '2024-01-01')")
	s.mustRun(t)
	s.exec(t, "ALTER TABLE items ADD COLUMN more INT")
	if p := s.plan(t); !errors.Is(p.Err, tidemark.ErrInvalid) || !strings.Contains(p.Error, "the schema is frozen") {
		t.Errorf("%v", p.Err)
	}
}
