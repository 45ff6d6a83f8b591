package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// TestFaults is the fault table: each request that a run makes of the store, and each swap of a catalog, is lost, or
// done but reported as failed; and then the run goes on, or the process is dead and another one comes. In the end each
// row is there once, no reader has ever seen a part of a commit, and the watermark has never gone back.
func TestFaults(t *testing.T) {
	histories := map[string][][]row{
		"first load": {rowsOf(0, 20, "a")},
		"increment":  {rowsOf(0, 20, "a"), rowsOf(20, 30, "b")},
		"update":     {rowsOf(0, 20, "a"), rowsOf(10, 30, "b")},
		"no rows":    {rowsOf(0, 20, "a"), nil},
		"large file": {nil, {{ID: 200, Name: noise(wholeFile * 3 / 2)}}}, // staged in parts
		"mend":       {rowsOf(0, 10, "a"), rowsOf(10, 20, "b"), rowsOf(20, 22, "c")},
	}
	cases := []struct {
		mode tidemark.Mode
		kind CatalogKind
		runs []string
	}{
		{tidemark.ModeAppend, CatalogFolder, []string{"first load", "increment", "no rows", "large file", "mend"}},
		{tidemark.ModeMerge, CatalogFolder, []string{"first load", "increment", "update", "no rows", "mend"}},
		{tidemark.ModeReplace, CatalogFolder, []string{"update", "no rows"}},
		{tidemark.ModeAppend, CatalogSQLite, []string{"first load", "mend"}},
		{tidemark.ModeMerge, CatalogSQLite, []string{"update"}},
		{tidemark.ModeAppend, CatalogGlue, []string{"first load", "mend"}},
		{tidemark.ModeMerge, CatalogGlue, []string{"update"}},
		{tidemark.ModeAppend, CatalogREST, []string{"first load", "mend"}},
		{tidemark.ModeMerge, CatalogREST, []string{"update"}},
	}
	for _, c := range cases {
		for _, run := range c.runs {
			t.Run(fmt.Sprintf("%s/%s/%s", c.mode, c.kind, run), func(t *testing.T) {
				t.Parallel()
				var out []int32 // what the last commit takes out
				if run == "mend" {
					out = []int32{3, 4, 15}
				}
				faultTable(t, c.mode, c.kind, histories[run], out)
			})
		}
	}
}

func faultTable(t *testing.T, mode tidemark.Mode, kind CatalogKind, history [][]row, out []int32) {
	last := len(history) - 1
	scene := func() *faultScene {
		s := newFaultScene(t, mode, kind, history[:last])
		s.out = out
		return s
	}
	s := scene()
	var writes []bool // by step
	s.faults = func(write bool) blobtest.Fault {
		writes = append(writes, write)
		return blobtest.None
	}
	s.mustFinish(history[last])
	if len(writes) < 5 {
		t.Fatalf("a run has %d steps, so this test tests nothing", len(writes))
	}
	for step, write := range writes {
		for _, fault := range []blobtest.Fault{blobtest.Lost, blobtest.Applied} {
			if fault == blobtest.Applied && !write {
				continue // a read is lost or not
			}
			for _, killed := range []bool{false, true} {
				faultRow(t, scene(), history[last], step, fault, killed)
			}
		}
	}
}

// faultRow is one row of the table: a run whose step meets a fault, and the run after it.
func faultRow(t *testing.T, s *faultScene, rows []row, step int, fault blobtest.Fault, killed bool) {
	at := -1
	s.faults = func(bool) blobtest.Fault {
		at++
		switch {
		case at == step:
			return fault
		case at > step && killed:
			return blobtest.Lost // a dead process sends nothing
		}
		return blobtest.None
	}
	err := s.attempt(rows, s.target())
	if killed {
		s.faults = noFaults
	}
	s.look("after the fault")
	s.mustFinish(rows)
	if t.Failed() {
		t.Fatalf("step %d %v, killed %v: the attempt ended with %v", step, fault, killed, err)
	}
}

func noFaults(bool) blobtest.Fault { return blobtest.None }

// A faultScene is a lake whose store and catalog fail as the test wants, and a plain view of the same lake.
type faultScene struct {
	t      *testing.T
	mode   tidemark.Mode
	lake   *Lake // the plain view
	shaky  *Lake
	faults func(write bool) blobtest.Fault

	out    []int32 // the rows that a run takes out
	states [][]row // what a reader may see after commit 0, 1, ...
	seen   int64   // the highest commit that was seen
}

func newFaultScene(t *testing.T, mode tidemark.Mode, kind CatalogKind, history [][]row) *faultScene {
	o := memOptions()
	switch kind {
	case CatalogSQLite:
		o = withSQLite(t, o)
	case CatalogGlue:
		o = withGlue(t, o)
	case CatalogREST:
		o = withREST(t, fileOptions(t))
	}
	s := &faultScene{t: t, mode: mode, lake: open(t, o), states: [][]row{nil}}
	s.faults = noFaults
	o.Store = blobtest.Faulty(o.Store, func(op blobtest.Op, _ string) blobtest.Fault { return s.faults(op.Writes()) })
	s.shaky = open(t, o)
	if kind != CatalogFolder {
		s.shaky.tables.heads = &faultyHeads{heads: s.shaky.tables.heads, scene: s}
	}
	for _, rows := range history {
		s.mustFinish(rows)
	}
	return s
}

// faultyHeads makes the swap of a catalog that is no store fail.
type faultyHeads struct {
	heads
	scene *faultScene
}

func (f *faultyHeads) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	fault := f.scene.faults(true)
	if fault == blobtest.Lost {
		return nil, "", blobtest.ErrInjected
	}
	metadata, location, err := f.heads.swap(ctx, v)
	if err == nil && fault == blobtest.Applied {
		return nil, "", blobtest.ErrInjected
	}
	return metadata, location, err
}

func (s *faultScene) target() *Target {
	return s.shaky.Target(pipeline(s.mode), slogDiscard())
}

// after returns what the table holds when rows were loaded on top of state.
func (s *faultScene) after(state, rows []row) []row {
	var all []row
	for _, r := range state {
		replaced := s.mode == tidemark.ModeMerge && slices.ContainsFunc(rows, func(n row) bool { return n.ID == r.ID })
		if s.mode != tidemark.ModeReplace && !replaced && !slices.Contains(s.out, r.ID) {
			all = append(all, r)
		}
	}
	all = append(all, rows...)
	sortRows(all)
	return all
}

// attempt loads rows as the next commit, unless it is there already.
func (s *faultScene) attempt(rows []row, target *Target) error {
	if n := len(s.states); n == int(s.seen)+1 {
		s.states = append(s.states, s.after(s.states[n-1], rows))
	}
	return s.load(rows, target)
}

func (s *faultScene) load(rows []row, target *Target) error {
	if err := target.Recover(s.t.Context()); err != nil {
		return err
	}
	base, err := target.Watermark(s.t.Context())
	if err != nil || base.Seq == int64(len(s.states)-1) {
		return err
	}
	c, err := write(s.t.Context(), target, base, rows)
	if err == nil && len(s.out) > 0 {
		err = takeRowsOut(s.t.Context(), target, &c, s.out...)
	}
	if err != nil {
		target.Discard(s.t.Context(), c.Files)
		return err
	}
	if err = target.Commit(s.t.Context(), c); errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrRestart) {
		target.Discard(s.t.Context(), c.Files) // as the engine does, since then nothing of them is visible
	}
	return err
}

// mustFinish is the next run, in a new process.
func (s *faultScene) mustFinish(rows []row) {
	s.t.Helper()
	if err := s.attempt(rows, s.target()); err != nil {
		s.t.Errorf("the run after the fault: %v", err)
	}
	s.look("after a run")
	if s.seen != int64(len(s.states)-1) {
		s.t.Errorf("the watermark is at commit %d, want %d", s.seen, len(s.states)-1)
	}
}

// look is a reader: it sees the rows of a whole commit, the one of the watermark, and never one that it has seen
// replaced before.
func (s *faultScene) look(when string) {
	s.t.Helper()
	now := seq(s.t, s.lake.Target(pipeline(s.mode), slogDiscard()))
	if now < s.seen || now >= int64(len(s.states)) {
		s.t.Errorf("%s: the watermark went from commit %d to %d", when, s.seen, now)
		return
	}
	s.seen = now
	if diff := cmp.Diff(s.states[now], scan(s.t, s.lake)); diff != "" {
		s.t.Errorf("%s: rows after commit %d (-want +got):\n%s", when, now, diff)
	}
}

// TestFailpoints hits each named place once with an error.
func TestFailpoints(t *testing.T) {
	places := map[string][]CatalogKind{
		"iceberg.prepare.before": {CatalogFolder, CatalogSQLite},
		"iceberg.prepare.after":  {CatalogFolder, CatalogSQLite},
		"iceberg.write":          {CatalogFolder},
		"iceberg.commit.before":  {CatalogFolder},
		"iceberg.commit.staged":  {CatalogFolder},
		"iceberg.folder.hint":    {CatalogFolder},
		"iceberg.pointer.swap":   {CatalogSQLite, CatalogGlue},
		"iceberg.commit.swapped": {CatalogFolder, CatalogSQLite, CatalogGlue, CatalogREST},
		"iceberg.rest.sent":      {CatalogREST},
		"iceberg.commit.after":   {CatalogFolder},
	}
	for place, kinds := range places {
		for _, kind := range kinds {
			t.Run(place+"/"+string(kind), func(t *testing.T) {
				s := newFaultScene(t, tidemark.ModeAppend, kind, nil)
				if err := failpoint.Arm(place + "=error@1"); err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := failpoint.Arm(""); err != nil {
						t.Error(err)
					}
				}()
				err := s.attempt(rowsOf(0, 5, "a"), s.target())
				s.look("behind the failpoint")
				s.mustFinish(rowsOf(0, 5, "a"))
				t.Logf("the attempt ended with %v", err)
				if failpoint.Hit(place) != nil {
					t.Errorf("the place was never reached")
				}
			})
		}
	}
}

// TestUnknownOutcome: when the answer to a swap is lost and the table cannot be loaded any more, the run must not go
// on, and its files stay, because they may be live.
func TestUnknownOutcome(t *testing.T) {
	s := newFaultScene(t, tidemark.ModeAppend, CatalogFolder, nil)
	target := s.target()
	base, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.states = append(s.states, rowsOf(0, 5, "a"))
	c, err := write(t.Context(), target, base, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	var dead bool
	o := Options{Root: string(s.lake.root)}
	o.Store = blobtest.Faulty(s.lake.store, func(op blobtest.Op, key string) blobtest.Fault {
		swap := op == blobtest.OpPut && versionOf(key) == 2
		defer func() { dead = dead || swap }()
		switch {
		case dead:
			return blobtest.Lost
		case swap:
			return blobtest.Applied
		}
		return blobtest.None
	})
	target.lake = open(t, o)
	if err := target.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrFatal) {
		t.Fatalf("Commit = %v, want ErrFatal", err)
	}
	s.look("after the lost answer")
	if s.seen != 1 {
		t.Errorf("the reader sees commit %d, want 1", s.seen)
	}
}

// TestHint: the hint may be stale, missing or nonsense.
func TestHint(t *testing.T) {
	o := memOptions()
	l := open(t, o)
	target := l.Target(pipeline(tidemark.ModeAppend), slogDiscard())
	for i := range int32(4) {
		mustLoad(t, target, rowsOf(i, i+1, "a"))
	}
	for _, hint := range []string{"5", "1", "4", "0", "-3", "999", "", "v5", "99999999999999999999"} {
		if err := o.Store.Put(t.Context(), hintKey(target.p.Target), []byte(hint), blob.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := seq(t, target); got != 4 {
			t.Errorf("with the hint %q the table is at commit %d, want 4", hint, got)
		}
	}
	if err := o.Store.Delete(t.Context(), hintKey(target.p.Target)); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, target, rowsOf(4, 5, "a"))
	check(t, l, rowsOf(0, 5, "a"))
	// Older versions may be gone.
	for n := range int64(4) {
		if err := o.Store.Delete(t.Context(), versionKey(target.p.Target, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Store.Delete(t.Context(), hintKey(target.p.Target)); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, target, rowsOf(5, 6, "a"))
	check(t, l, rowsOf(0, 6, "a"))
}
