package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/iceberg"
)

// A lake is what a process sees of the storage: the real targets on a store whose operations may fail.
type lake struct {
	target   tidemark.Target
	catalog  tidemark.Catalog
	side     tidemark.SideFiles
	rejected tidemark.Target
}

type storage interface {
	blob.Store
	blob.Stager
}

var testTable = tidemark.TableID{Namespace: "shop", Name: "t"}

func pipelineOf(format tidemark.Format, mode tidemark.Mode) tidemark.Pipeline {
	return tidemark.Pipeline{
		ID: "p", Table: tidemark.TableName{Database: "db", Name: "t"}, Cursors: []string{"ts"}, Nulls: tidemark.NullsLoad,
		Target: testTable, Format: format, Mode: mode, Evolution: tidemark.SchemaEvolve,
		FileSize: 1 << 20, Splits: 2, OverlapLimit: 1000,
	}
}

func openLake(t *testing.T, store storage, p tidemark.Pipeline) lake {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	side := blob.NewSideFolder(store, p.ID)
	if p.Format == tidemark.FormatParquet {
		return lake{folder.NewTarget(store, p, log), folder.NewCatalog(store), side, folder.NewTarget(store, p.Rejects(), log)}
	}
	tables, err := iceberg.Open(context.Background(), iceberg.Options{Store: store, Root: "/lake"})
	if err != nil {
		t.Fatal(err)
	}
	return lake{tables.Target(p, log), tables, side, tables.Target(p.Rejects(), log)}
}

func (l lake) run(ctx context.Context, t *testing.T, p tidemark.Pipeline, source tidemark.Source) (tidemark.RunResult, error) {
	t.Helper()
	return engine.Run(ctx, p, engine.Parts{
		Transforms: transformsOf(p), Checks: checksOf(t, p), Rejected: l.rejected, Source: source, Target: l.target, Side: l.side, Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(),
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, new(engine.Progress))
}

// A fault strikes the nth write of one run of the scenario.
type fault struct {
	run, write int
	kind       blobtest.Fault
	kill       bool // the process dies there: nothing that it does later reaches the store
}

func (f fault) String() string {
	return fmt.Sprintf("run %d, write %d %s, kill %v", f.run, f.write, f.kind, f.kill)
}

// steps are what happens in the source before each run: rows that commit late, ties, an update, a row without a
// cursor, and nothing.
var steps = []func(*table){
	func(t *table) {
		t.insert(1, 2, 3, 4, 5, 6, 7, 8)
		t.rows = append(t.rows, row{id: 9, note: "no cursor"})
		t.pass(5)
		t.begin(20, 21)
		t.pass(1)
		t.insert(10)
	},
	func(t *table) {
		t.commit()
		t.insert(11) // in the same second as row 10
		t.pass(3)
		t.update(3, "second 3")
		t.insert(12, 13)
		t.pass(60)
	},
	func(*table) {},
}

// expected is what the lake must hold: in append every version that was there at a run, else the table as it is.
func expected(p tidemark.Pipeline, source *table, seen []row) []row {
	visible := slices.DeleteFunc(source.visible(), func(r row) bool { return p.Transforms == dropping && drops(r) })
	if p.Mode != tidemark.ModeAppend {
		return sorted(visible)
	}
	for _, r := range visible {
		if !slices.Contains(seen, r) {
			seen = append(seen, r)
		}
	}
	return sorted(seen)
}

// scenario runs all steps with one fault and returns how many writes each run made. After the run that the fault
// struck, another process runs the pipeline again; without a fault that happens behind each run.
func scenario(t *testing.T, p tidemark.Pipeline, f fault) (writes []int) {
	store, source := blob.NewMem(), newTable()
	var seen []row
	var last tidemark.Watermark
	for i, step := range steps {
		step(source)
		before := seen
		seen = expected(p, source, seen)
		writes = append(writes, runWithFault(t, store, source, p, f, i))
		if i < f.run {
			continue // as without a fault
		}
		again := f.run < 0 || i == f.run
		var r tidemark.RunResult
		if again {
			checkBetween(t, f, held(t, store, p), before, seen, p)
			var err error
			if r, err = openLake(t, store, p).run(context.Background(), t, p, source); err != nil {
				t.Fatalf("%v: the run behind it: %v", f, err)
			}
		}
		if got := held(t, store, p); !slices.Equal(got, seen) {
			t.Fatalf("%v: after run %d the lake holds\n%v, want\n%v", f, i, got, seen)
		}
		w, err := openLake(t, store, p).target.Watermark(context.Background())
		if err != nil || w.Seq < last.Seq || w.High.Less(last.High) || w.Settled.Less(last.Settled) {
			t.Fatalf("%v: the watermark went from %+v to %+v, %v", f, last, w, err)
		}
		if again && (r.Seq != w.Seq || r.Total != w.Total) {
			t.Fatalf("%v: the result tells of commit %d and %d rows, the watermark of %d and %d", f, r.Seq, r.Total, w.Seq, w.Total)
		}
		last = w
	}
	return writes
}

// runWithFault runs the pipeline once, with the fault if this is its run, and returns the number of writes.
func runWithFault(t *testing.T, store storage, source *table, p tidemark.Pipeline, f fault, run int) (writes int) {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	dead := false
	faulty := blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
		if dead {
			return blobtest.Lost
		}
		if !op.Writes() {
			return blobtest.None
		}
		writes++
		if run != f.run || writes != f.write {
			return blobtest.None
		}
		if f.kill {
			dead = true
			kill()
		}
		return f.kind
	})
	_, err := openLake(t, faulty, p).run(ctx, t, p, source)
	if err != nil && run != f.run {
		t.Fatalf("%v: run %d without a fault: %v", f, run, err)
	}
	return writes
}

// checkBetween looks at the lake as the struck run left it. An Iceberg table is what it was or what it shall be; in a
// folder a reader may see a part of a commit, and in two tables of one only, but never a row twice and never one that is not
// committed.
func checkBetween(t *testing.T, f fault, got, before, after []row, p tidemark.Pipeline) {
	t.Helper()
	if p.Format == tidemark.FormatIceberg && p.Transforms != sifting {
		if !slices.Equal(got, before) && !slices.Equal(got, after) {
			t.Fatalf("%v: a reader sees\n%v, which is neither\n%v nor\n%v", f, got, before, after)
		}
		return
	}
	for i, r := range got {
		if !slices.Contains(before, r) && !slices.Contains(after, r) {
			t.Fatalf("%v: a reader sees %v, which was never there", f, r)
		}
		if i > 0 && got[i-1] == r {
			t.Fatalf("%v: a reader sees %v twice", f, r)
		}
	}
}

// TestFaultTable strikes each write of each run once, lost or done but reported failed, in a process that goes on and
// in one that dies. The writes are counted, not listed, so that a new one is covered from its first day.
func TestFaultTable(t *testing.T) {
	tests := []struct {
		format     tidemark.Format
		mode       tidemark.Mode
		transforms string
	}{
		{tidemark.FormatIceberg, tidemark.ModeAppend, ""},
		{tidemark.FormatIceberg, tidemark.ModeMerge, ""},
		{tidemark.FormatIceberg, tidemark.ModeReplace, ""},
		{tidemark.FormatParquet, tidemark.ModeAppend, ""},
		{tidemark.FormatParquet, tidemark.ModeReplace, ""},
		{tidemark.FormatIceberg, tidemark.ModeMerge, dropping},
		{tidemark.FormatParquet, tidemark.ModeAppend, dropping},
		{tidemark.FormatIceberg, tidemark.ModeAppend, whole},
		{tidemark.FormatIceberg, tidemark.ModeAppend, sifting},
		{tidemark.FormatIceberg, tidemark.ModeMerge, sifting},
		{tidemark.FormatParquet, tidemark.ModeAppend, sifting},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s %s", tt.format, tt.mode, tt.transforms), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			p.Transforms = tt.transforms
			writes := scenario(t, p, fault{run: -1})
			if writes[0] < 5 || writes[1] < 5 {
				t.Fatalf("the runs made only %v writes", writes)
			}
			struck := 0
			for run, n := range writes {
				for write := range n {
					for _, f := range waysOf(write) {
						scenario(t, p, fault{run, write + 1, f.kind, f.kill})
						struck++
					}
				}
			}
			t.Logf("%d faults struck, in runs of %v writes", struck, writes)
		})
	}
}
