package iceberg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// everything are options that leave no more than must be left.
var everything = UpkeepOptions{KeepLast: 1}

func maintain(t testing.TB, l *Lake, p tidemark.Pipeline, o UpkeepOptions) tidemark.Maintenance {
	t.Helper()
	m, err := l.Maintain(t.Context(), p, o, slogDiscard())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// files returns the numbers of data and delete files of the table's current snapshot.
func files(t testing.TB, l *Lake) (data, deletes int) {
	t.Helper()
	s, err := l.Snapshot(t.Context(), pipeline("").Target)
	if err != nil {
		t.Fatal(err)
	}
	return len(s.Data), len(s.Deletes)
}

// TestCompaction makes many small commits in each mode and puts them together: the rows are the same, the files few, and
// later runs go on.
func TestCompaction(t *testing.T) {
	for _, by := range [][]string{nil, {"day"}} {
		for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
			t.Run(fmt.Sprint(mode, by), func(t *testing.T) {
				everyLake(t, func(t *testing.T, o Options) { testCompaction(t, open(t, o), mode, by) })
			})
		}
	}
}

func testCompaction(t *testing.T, l *Lake, mode tidemark.Mode, by []string) {
	p := pipeline(mode)
	p.PartitionBy = by
	target := l.Target(p, slogDiscard())
	model := newModel(mode)
	partitions := 1
	if by != nil {
		partitions = 5
	}
	load := func(from, to int32, name string) {
		t.Helper()
		model.add(rowsOf(from, to, name))
		mustLoad(t, target, rowsOf(from, to, name))
	}
	load(0, 40, "first")
	for round := range int32(2) {
		for i := range int32(12) {
			load(i*3, i*3+5, fmt.Sprintf("%d-%d", round, i))
		}
		if planned := maintain(t, l, p, UpkeepOptions{KeepLast: 1, DryRun: true}); planned.Files == 0 {
			t.Errorf("a dry run plans %+v", planned)
		}
		before, _ := files(t, l)
		m := maintain(t, l, p, everything)
		data, deletes := files(t, l)
		if data > partitions || deletes > 0 || m.Files < before {
			t.Errorf("%d data files and %d of deletes are left of %d; %+v", data, deletes, before, m)
		}
		model.check(t, l)
		if again := maintain(t, l, p, everything); again.Files > 0 {
			t.Errorf("a second compaction does %+v", again)
		}
		if got, want := seq(t, target), int64(1+12*(round+1)); got != want {
			t.Errorf("the watermark is at %d, want %d", got, want)
		}
	}
	load(10, 14, "after")
	model.check(t, l)
}

// TestCompactionOfManyBins: small files that make several larger ones, in one commit.
func TestCompactionOfManyBins(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeAppend)
	target := l.Target(p, slogDiscard())
	model := newModel(p.Mode)
	for i := range int32(20) {
		model.add(rowsOf(i, i+1, "a"))
		mustLoad(t, target, rowsOf(i, i+1, "a"))
	}
	snapshot, err := l.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	p.FileSize = 5 * snapshot.Data[0].Bytes
	if m := maintain(t, l, p, everything); m.Files < 20 || m.Into < 3 {
		t.Errorf("%+v", m)
	}
	model.check(t, l)
}

// A model says what a table must hold.
type model struct {
	mode tidemark.Mode
	rows []row
}

func newModel(mode tidemark.Mode) *model { return &model{mode: mode} }

func (m *model) add(rows []row) {
	if m.mode == tidemark.ModeMerge {
		fresh := map[int32]bool{}
		for _, r := range rows {
			fresh[r.ID] = true
		}
		m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return fresh[r.ID] })
	}
	m.rows = append(m.rows, rows...)
}

func (m *model) check(t testing.TB, l *Lake) {
	t.Helper()
	want := slices.Clone(m.rows)
	sortRows(want)
	if diff := cmp.Diff(want, scan(t, l)); diff != "" {
		t.Fatalf("rows in the table (-want +got):\n%s", diff)
	}
}

// TestSequenceNumber is the danger of a compaction beside a merge: a run commits new versions of rows while the old
// ones are being written anew. It shows that with the sequence number of its own commit, which is what a rewrite gets
// that says nothing, the old versions come back; and that with ours they do not.
func TestSequenceNumber(t *testing.T) {
	for _, inherit := range []bool{false, true} {
		t.Run(fmt.Sprint("own number ", inherit), func(t *testing.T) {
			l, p := open(t, memOptions()), pipeline(tidemark.ModeMerge)
			target := l.Target(p, slogDiscard())
			for i := range 3 {
				mustLoad(t, target, rowsOf(0, 10, fmt.Sprint("old", i)))
			}
			r, id := prepared(t, l, p)
			mustLoad(t, target, rowsOf(0, 10, "new"))
			if inherit {
				rewriteAsNew(t, l, r)
			} else if _, err := publishRewrite(t, l, r, id); err != nil {
				t.Fatal(err)
			}
			got := scan(t, l)
			if want := rowsOf(0, 10, "new"); slices.Equal(got, want) == inherit {
				t.Errorf("rows with number %d: %v", r.inv.head, got)
			}
		})
	}
}

// rewriteAsNew publishes a compaction whose files get the sequence number of its own snapshot.
func rewriteAsNew(t *testing.T, l *Lake, r *rewrite) {
	t.Helper()
	tx := loadTable(t, l).NewTransaction()
	commit := tx.NewRewrite(nil)
	for _, f := range slices.Concat(r.gone, r.job.merge, r.job.drop) {
		commit.DeleteFile(f.DataFile)
	}
	for _, f := range r.made {
		commit.AddDataFile(f.DataFile)
	}
	if err := commit.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// prepared makes the files of a compaction of the table's newest commits.
func prepared(t *testing.T, l *Lake, p tidemark.Pipeline) (*rewrite, string) {
	t.Helper()
	u := &upkeep{lake: l, p: p, log: slogDiscard()}
	inv, err := u.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := inv.newest()
	if j.empty() {
		if jobs := inv.small(p.FileSize); len(jobs) > 0 {
			j = jobs[0]
		}
	}
	r, id, err := u.rewrite(t.Context(), inv, j)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, id
}

func publishRewrite(t *testing.T, l *Lake, r *rewrite, id string) (bool, error) {
	t.Helper()
	base := loadTable(t, l)
	staged, err := r.stage(t.Context(), base, id)
	if err != nil {
		return false, err
	}
	v, err := l.tables.next(base, staged.Requirements, staged.Updates)
	if err != nil {
		return false, err
	}
	_, err = l.tables.publish(t.Context(), v)
	return err == nil, err
}

// TestLayers compacts a table whose old rows are many: what came last is put together, with its deletes, and the old
// file stays as long as few of its rows are deleted. Then it is written anew too, and no delete is left.
func TestLayers(t *testing.T) {
	l, p := open(t, fileOptions(t)), pipeline(tidemark.ModeMerge)
	target, model := l.Target(p, slogDiscard()), newModel(tidemark.ModeMerge)
	load := func(rows []row) {
		t.Helper()
		model.add(rows)
		mustLoad(t, target, rows)
	}
	wide := rowsOf(0, 50_000, "")
	for i := range wide {
		wide[i].Name = noise(1000) // beyond what is simply written anew
	}
	load(wide)
	old := loadTable(t, l).CurrentSnapshot().SequenceNumber
	for i := range int32(10) {
		load(rowsOf(i*100, i*100+150, fmt.Sprint(i)))
	}
	maintain(t, l, p, everything)
	s, err := l.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Data) != 2 || len(s.Deletes) != 1 || s.Deletes[0].Rows != 1050 || !slices.ContainsFunc(s.Data, func(f tidemark.LakeFile) bool { return f.Seq == old }) {
		t.Errorf("after the first compaction: %+v, %+v", s.Data, s.Deletes)
	}
	model.check(t, l)
	for i := range int32(10) {
		load(rowsOf(i*600, i*600+600, fmt.Sprint("again", i)))
	}
	maintain(t, l, p, everything)
	if data, deletes := files(t, l); deletes != 0 || data > 2 {
		t.Errorf("%d data files, %d of deletes", data, deletes)
	}
	model.check(t, l)
}

// TestPieces applies more deletes than are held in memory at a time.
func TestPieces(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeMerge)
	target, model := l.Target(p, slogDiscard()), newModel(tidemark.ModeMerge)
	for i := range int32(6) {
		rows := rowsOf(i*50, i*50+200, fmt.Sprint(i))
		model.add(rows)
		mustLoad(t, target, rows)
	}
	u := &upkeep{lake: l, p: p, log: slogDiscard()}
	inv, err := u.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, id, err := u.rewrite(t.Context(), inv, job{data: inv.data, merge: inv.deletes})
	if err != nil {
		t.Fatal(err)
	}
	r.piece = 100
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := publishRewrite(t, l, r, id); err != nil {
		t.Fatal(err)
	}
	model.check(t, l)
}

// TestSchemaChange compacts files from before a column was added and another one grew.
func TestSchemaChange(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeMerge)
	target, model := l.Target(p, slogDiscard()), newModel(tidemark.ModeMerge)
	load := func(rows []row) {
		model.add(rows)
		mustLoad(t, target, rows)
	}
	load(rowsOf(0, 20, "before"))
	addColumn(t, l)
	widenID(t, l)
	load(rowsOf(10, 30, "after"))
	load(rowsOf(5, 8, "after"))
	maintain(t, l, p, everything)
	if data, deletes := files(t, l); data != 1 || deletes != 0 {
		t.Errorf("%d data files, %d of deletes", data, deletes)
	}
	model.check(t, l)
}

func widenID(t *testing.T, l *Lake) {
	t.Helper()
	target := l.Target(pipeline(tidemark.ModeAppend), slogDiscard())
	s := source()
	s.Columns[0].Type = int64s
	if err := target.Prepare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// TestCompactionGivesUp: files that a run has replaced meanwhile are not brought back, and the new ones are removed.
func TestCompactionGivesUp(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeReplace)
	append1, replace := l.Target(pipeline(tidemark.ModeAppend), slogDiscard()), l.Target(p, slogDiscard())
	mustLoad(t, append1, rowsOf(0, 10, "a"))
	mustLoad(t, append1, rowsOf(0, 10, "b"))
	r, id := prepared(t, l, p)
	mustLoad(t, replace, rowsOf(3, 7, "all"))
	if _, err := publishRewrite(t, l, r, id); !errors.Is(err, errOvertaken) {
		t.Errorf("published, %v", err)
	}
	check(t, l, rowsOf(3, 7, "all"))
}

// TestCompactionBesideRewind: what a job took for deleted lives again when the table has gone back to before the delete.
func TestCompactionBesideRewind(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeMerge)
	target := l.Target(p, slogDiscard())
	mustLoad(t, target, rowsOf(0, 10, "old"))
	first := watermark(t, target)
	mustLoad(t, target, rowsOf(0, 5, "new"))
	u := &upkeep{lake: l, p: p, log: slogDiscard()}
	inv, err := u.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := slices.IndexFunc(inv.data, func(f liveFile) bool { return f.Count() == 10 })
	r, id, err := u.rewrite(t.Context(), inv, job{data: inv.data[old : old+1]}) // the deletes stay, as they do in a part of a large table
	if err != nil {
		t.Fatal(err)
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := watermark(t, target)
	next := first
	next.Seq, next.Run = base.Seq+1, "rewind"
	c := tidemark.Commit{Base: base, Watermark: next, KeepRows: true, Rewind: &tidemark.Rewind{To: first.Seq}}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := publishRewrite(t, l, r, id); !errors.Is(err, errOvertaken) {
		t.Errorf("published, %v", err)
	}
	check(t, l, rowsOf(0, 10, "old"))
}

func watermark(t *testing.T, target *Target) tidemark.Watermark {
	t.Helper()
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestMaintainBesideRuns lets a compaction and a run commit against each other, again and again.
func TestMaintainBesideRuns(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
		t.Run(string(mode)+"/file", func(t *testing.T) { t.Parallel(); besideRuns(t, fileOptions(t), mode, 200) })
		t.Run(string(mode)+"/s3", func(t *testing.T) { t.Parallel(); besideRuns(t, s3Options(t), mode, 20) })
		t.Run(string(mode)+"/sqlite", func(t *testing.T) { t.Parallel(); besideRuns(t, withSQLite(t, fileOptions(t)), mode, 40) })
	}
}

func besideRuns(t *testing.T, o Options, mode tidemark.Mode, rounds int) {
	if testing.Short() || testenv.Race {
		rounds = min(rounds, 20)
	}
	p, model := pipeline(mode), newModel(mode)
	target, other := open(t, o).Target(p, slogDiscard()), open(t, o)
	mustLoad(t, target, rowsOf(0, 100, "first"))
	model.add(rowsOf(0, 100, "first"))
	times := 0
	for i := range rounds {
		from := rand.Int32N(100)
		rows := rowsOf(from, from+20, fmt.Sprint(i))
		model.add(rows)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := loadRows(t.Context(), target, rows); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
		wg.Go(func() {
			m, err := other.Maintain(t.Context(), p, UpkeepOptions{KeepLast: 3, LeftoverAge: time.Hour}, slogDiscard())
			if err != nil {
				t.Errorf("maintain beside run %d: %v", i, err)
			}
			if m.Files > 0 {
				times++
			}
		})
		wg.Wait()
		if i%10 == 9 || t.Failed() {
			model.check(t, open(t, o))
		}
	}
	model.check(t, open(t, o))
	if got := seq(t, target); got != int64(rounds+1) {
		t.Errorf("commit %d, want %d", got, rounds+1)
	}
	t.Logf("%d compactions beside %d commits", times, rounds)
	if times < rounds/2 {
		t.Errorf("only %d compactions beside %d commits", times, rounds)
	}
}
