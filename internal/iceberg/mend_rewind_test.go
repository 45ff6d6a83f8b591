package iceberg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestMendKeepsWhatRewindNeeds: the files that were replaced stay as long as the snapshot that has them, and go with it.
func TestMendKeepsWhatRewindNeeds(t *testing.T) {
	for _, by := range [][]string{nil, {"day"}} {
		o := memOptions()
		l, p := open(t, o), pipeline(tidemark.ModeAppend)
		p.PartitionBy = by
		target := l.Target(p, testLog(t))
		mustLoad(t, target, rowsOf(0, 10, "a"))
		mustLoad(t, target, rowsOf(10, 20, "b"))
		whole := scan(t, l)
		mustMend(t, target, rowsOf(30, 33, "c"), 2, 3, 14)
		mendedRows := scan(t, l)
		maintain(t, l, p, UpkeepOptions{KeepLast: 10})
		check(t, l, mendedRows)
		plan, err := target.PlanRewind(t.Context(), 2)
		if err != nil || plan.Restored.Rows != 20 || plan.Taken.Rows != 20 {
			t.Errorf("the plan is %+v, %v", plan, err)
		}
		for _, step := range []struct {
			to   int64
			want []row
		}{{2, whole}, {3, mendedRows}, {1, rowsOf(0, 10, "a")}, {3, mendedRows}, {0, nil}, {3, mendedRows}} {
			if err := goBack(t, target, step.to); err != nil {
				t.Fatalf("to %d: %v", step.to, err)
			}
			check(t, l, step.want)
			maintain(t, l, p, UpkeepOptions{KeepAge: time.Hour})
			check(t, l, step.want)
		}
		maintain(t, l, p, everything)
		mustLoad(t, target, rowsOf(40, 41, "d"))
		maintain(t, l, p, everything)
		check(t, l, mendedRows, rowsOf(40, 41, "d"))
		data, _ := files(t, l)
		if got := parquetFiles(t, o); len(got) > 2*data+1 { // and those of the newest run's snapshot, which is kept
			t.Errorf("files are left beside %d: %q", data, got)
		}
	}
}

// TestRewindOverMends goes back over commits that take rows out, in both directions, in tables of one pipeline and of
// two, some of whose commits touch the other's rows. Either it is refused, or each thing that the taken commits did is
// undone and nothing else. In a table of its own a pipeline can always go back.
func TestRewindOverMends(t *testing.T) {
	for _, pipelines := range []int{1, 2} {
		t.Run(fmt.Sprint(pipelines), func(t *testing.T) {
			scripts, exact, refused := 30, 0, 0
			if testing.Short() || testenv.Race {
				scripts = 8
			}
			for seed := range uint64(scripts) {
				script := newScript(seed, pipelines)
				for p := range pipelines {
					for to := range script.commits(p) + 1 {
						l := open(t, memOptions())
						script.play(t, l)
						target := l.Target(scriptPipeline(p), slogDiscard())
						err := goBack(t, target, to)
						switch {
						case err == nil:
							exact++
							check(t, l, script.after(p, to))
							mustLoad(t, target, rowsOf(9000, 9001, "later"))
						case errors.Is(err, tidemark.ErrNotFound) && script.commits(0)+script.commits(1) == 0: // no table
						case errors.Is(err, tidemark.ErrInvalid):
							refused++
							check(t, l, script.after(0, 1<<40))
						default:
							t.Error(err)
						}
						if t.Failed() {
							t.Fatalf("seed %d, pipeline %d to %d: %v\n%+v", seed, p, to, err, script.steps)
						}
					}
				}
			}
			t.Logf("%d exact, %d refused", exact, refused)
			if exact < 20 || pipelines == 1 != (refused == 0) {
				t.Errorf("%d exact, %d refused", exact, refused)
			}
		})
	}
}

// A script is what happens to a table: loads, mends of rows of anybody's, compactions.
type script struct{ steps []scriptStep }

type scriptStep struct {
	pipeline int // -1: a compaction
	in, out  []int32
}

func newScript(seed uint64, pipelines int) *script {
	random := rand.New(rand.NewPCG(seed, 1))
	s := &script{}
	next := int32(0)
	for range 3 + random.IntN(5) {
		step := scriptStep{pipeline: random.IntN(pipelines)}
		switch random.IntN(6) {
		case 0:
			step.pipeline = -1
		case 1, 2:
			live := s.after(0, 1<<40)
			for range min(len(live), 1+random.IntN(5)) {
				step.out = append(step.out, live[random.IntN(len(live))].ID)
			}
			if random.IntN(2) == 0 {
				break
			}
			fallthrough
		default:
			for range 1 + random.IntN(4) {
				step.in, next = append(step.in, next), next+1
			}
		}
		s.steps = append(s.steps, step)
	}
	return s
}

func scriptPipeline(n int) tidemark.Pipeline {
	p := pipeline(tidemark.ModeAppend)
	p.ID = tidemark.PipelineID(fmt.Sprint("p", n))
	return p
}

func (s *script) commits(pipeline int) (n int64) {
	for _, step := range s.steps {
		if step.pipeline == pipeline {
			n++
		}
	}
	return n
}

// after returns the rows when everything that a pipeline did after a commit is undone.
func (s *script) after(pipeline int, to int64) []row {
	seqs := map[int]int64{}
	live := map[int32]bool{}
	var out []int32
	for _, step := range s.steps {
		seqs[step.pipeline]++
		if step.pipeline == pipeline && seqs[pipeline] > to {
			continue
		}
		for _, id := range step.in {
			live[id] = true
		}
		out = append(out, step.out...)
	}
	for _, id := range out {
		delete(live, id)
	}
	var rows []row
	for id := range live {
		rows = append(rows, rowsOf(id, id+1, "")...)
	}
	sortRows(rows)
	return rows
}

func (s *script) play(t *testing.T, l *Lake) {
	t.Helper()
	for _, step := range s.steps {
		if step.pipeline < 0 {
			if _, err := l.Maintain(t.Context(), scriptPipeline(0), UpkeepOptions{KeepLast: 100, KeepAge: time.Hour, LeftoverAge: time.Hour}, slogDiscard()); err != nil && !errors.Is(err, tidemark.ErrNotFound) {
				t.Fatal(err)
			}
			continue
		}
		var rows []row
		for _, id := range step.in {
			rows = append(rows, rowsOf(id, id+1, "")...)
		}
		target := l.Target(scriptPipeline(step.pipeline), slogDiscard())
		if len(step.out) == 0 {
			mustLoad(t, target, rows)
			continue
		}
		mustMend(t, target, rows, step.out...)
	}
	check(t, l, s.after(0, 1<<40))
}
