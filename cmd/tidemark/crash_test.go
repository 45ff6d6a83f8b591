package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestCrash stops the real binary, as users have it, in every way that a process can end, and lets another one go on.
// Whatever happens, the lake holds each row of a real server's table once.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary and starts it some hundred times")
	}
	if testenv.Race {
		t.Skip("what runs here are processes without the race detector; make test has it run without it too")
	}
	binary := buildBinary(t)
	t.Run("failpoints", func(t *testing.T) { testFailpoints(t, binary) })
	t.Run("random moments", func(t *testing.T) { testRandomKills(t, binary) })
	t.Run("together", func(t *testing.T) { testTogether(t, binary) })
	t.Run("back together", func(t *testing.T) { testBackTogether(t, binary) })
}

// unreachable are failpoints that no scenario here comes to, and why.
var unreachable = map[string]string{
	"config.save.written": "only a server saves its config: TestSaveKilled of internal/config",
	"config.save.synced":  "the same",
	"config.save.renamed": "the same",
}

// overcome are failpoints at which one error does not end the run, and why. At all others the process says what has
// happened and exits with 1.
var overcome = map[string]string{
	"iceberg.prepare.after":  "the table was made: the run finds it and goes on",
	"iceberg.commit.swapped": "the commit took effect: the run finds itself in the table",
	"iceberg.pointer.swap":   "the table has not moved: the run sends the same version again",
	"iceberg.rest.sent":      "the server has changed the table: the run finds itself in it",
	"iceberg.folder.hint":    "only a hint: the next commit writes it",
	"engine.mirror":          "behind the commit: the next run adds the row",
	"folder.delete.before":   "behind the commit: the next attempt begins by finishing it",
	"folder.delete.after":    "behind the commit: the next attempt begins by finishing it",
	"folder.complete.before": "behind the commit: the next attempt begins by finishing it",
	"folder.complete.after":  "behind the commit: the next attempt begins by finishing it",
	"folder.register.before": "behind the commit: the next attempt begins by finishing it",
	"folder.register.after":  "behind the commit: the next attempt begins by finishing it",
	"folder.newest.before":   "behind the commit: the next attempt begins by finishing it",
	"folder.newest.after":    "behind the commit: the next attempt begins by finishing it",
}

// maintenancePoints are prefixes of the failpoints that only maintenance comes to.
var maintenancePoints = []string{"iceberg.compact.", "iceberg.expire.", "iceberg.remove"}

// repeated are failpoints that a run comes to once for each of its files, of which there are several here: between
// the first and the second lies a state of its own.
var repeated = []string{"iceberg.write", "iceberg.remove", "folder.complete.before", "folder.complete.after", "folder.delete.before", "folder.delete.after",
	"iceberg.drop.file", "folder.drop.file", "folder.drop.log"}

// icebergBack are the failpoints of a rewind of an Iceberg table.
var icebergBack = []string{"engine.audit.", "iceberg.commit.", "iceberg.folder."}

// icebergMend are those of a repair.
var icebergMend = []string{"engine.audit.", "engine.mend.", "iceberg.write", "iceberg.commit.", "iceberg.folder."}

// icebergFill are those of a backfill.
var icebergFill = []string{"engine.audit.", "engine.backfill.", "iceberg.write", "iceberg.commit.", "iceberg.folder."}

// testFailpoints kills an increment and a first load at each failpoint, in each way to keep a table, and makes each
// failpoint report an error.
func testFailpoints(t *testing.T, binary string) {
	t.Parallel()
	names := failpoints(t)
	reached := &places{names: map[string]bool{}}
	ways := []way{
		{name: "iceberg append", format: "iceberg", mode: "append"},
		{name: "iceberg merge", format: "iceberg", mode: "merge"},
		{name: "iceberg replace", format: "iceberg", mode: "replace"},
		{name: "parquet append", format: "parquet", mode: "append"},
		{name: "parquet replace", format: "parquet", mode: "replace"},
		{name: "SQLite", format: "iceberg", mode: "append", sqlite: true, only: []string{"iceberg.pointer.", "iceberg.commit."}},
		{name: "REST", format: "iceberg", mode: "append", rest: true, only: []string{"iceberg.rest.", "iceberg.commit."}},
		{name: "REST, back", format: "iceberg", mode: "replace", rest: true, back: true, only: []string{"iceberg.rest.", "iceberg.rewind.", "iceberg.commit."}},
		{name: "REST, dropped", format: "iceberg", mode: "merge", rest: true, drop: true, only: []string{"iceberg.drop.", "iceberg.rest."}},
		{name: "lost files", format: "parquet", mode: "append", lose: true, only: []string{"folder.void.", "folder.delete.", "folder.newest."}},
		{name: "iceberg append, back", format: "iceberg", mode: "append", back: true, only: icebergBack},
		{name: "iceberg merge, back", format: "iceberg", mode: "merge", back: true, only: icebergBack},
		{name: "iceberg replace, back", format: "iceberg", mode: "replace", back: true, only: icebergBack},
		{name: "parquet append, back", format: "parquet", mode: "append", back: true, only: []string{"engine.audit.", "folder."}},
		{name: "iceberg on S3, back", format: "iceberg", mode: "append", s3: true, back: true, only: icebergBack},
		{name: "parquet on S3, back", format: "parquet", mode: "append", s3: true, back: true, only: []string{"folder."}},
		{name: "iceberg append, mended", format: "iceberg", mode: "append", mend: true, only: icebergMend},
		{name: "iceberg merge, mended", format: "iceberg", mode: "merge", mend: true, only: icebergMend},
		{name: "parquet append, mended", format: "parquet", mode: "append", mend: true, only: []string{"engine.audit.", "engine.mend.", "folder."}},
		{name: "parquet on S3, mended", format: "parquet", mode: "append", s3: true, mend: true, only: []string{"folder."}},
		{name: "iceberg append, backfill", format: "iceberg", mode: "append", mend: true, fill: true, only: icebergFill},
		{name: "iceberg merge, backfill", format: "iceberg", mode: "merge", mend: true, fill: true, only: icebergFill},
		{name: "parquet append, backfill", format: "parquet", mode: "append", mend: true, fill: true, only: []string{"engine.audit.", "engine.backfill.", "folder."}},
		{name: "iceberg on S3, backfill", format: "iceberg", mode: "append", s3: true, mend: true, fill: true, only: icebergFill},
		{name: "iceberg append, sifted", format: "iceberg", mode: "append", sift: true, only: []string{"engine.rejected.", "engine.side", "iceberg.commit."}},
		{name: "parquet append, sifted", format: "parquet", mode: "append", sift: true, only: []string{"engine.rejected.", "folder.commit."}},
		{name: "parquet replace, sifted", format: "parquet", mode: "replace", sift: true, only: []string{"engine.rejected."}},
		{name: "iceberg append, sifted, back", format: "iceberg", mode: "append", sift: true, back: true, only: []string{"engine.rejected.", "engine.audit."}},
		{name: "iceberg append, replayed", format: "iceberg", mode: "append", sift: true, replay: true, only: []string{"engine.replay.", "engine.mend.", "engine.rejected."}},
		{name: "iceberg merge, replayed", format: "iceberg", mode: "merge", sift: true, replay: true, only: []string{"engine.replay.", "engine.rejected."}},
		{name: "iceberg append, fetch_details", format: "iceberg", mode: "append", fetched: true, only: []string{"engine.inherited", "engine.mirror", "engine.side", "engine.committed", "iceberg.commit."}},
		{name: "iceberg merge, fetch_details", format: "iceberg", mode: "merge", fetched: true, only: []string{"engine.inherited", "engine.mirror"}},
		{name: "parquet append, fetch_details", format: "parquet", mode: "append", fetched: true, only: []string{"engine.inherited", "engine.mirror", "folder.commit."}},
		{name: "maintenance", format: "iceberg", mode: "merge", maintain: true, only: maintenancePoints},
		{name: "maintenance on S3", format: "iceberg", mode: "append", maintain: true, s3: true, only: maintenancePoints},
		{name: "iceberg, dropped", format: "iceberg", mode: "append", drop: true, only: []string{"iceberg.drop."}},
		{name: "SQLite, dropped", format: "iceberg", mode: "merge", sqlite: true, drop: true, only: []string{"iceberg.drop.", "iceberg.sqlite."}},
		{name: "iceberg on S3, dropped", format: "iceberg", mode: "append", s3: true, drop: true, only: []string{"iceberg.drop."}},
		{name: "parquet, dropped", format: "parquet", mode: "append", drop: true, only: []string{"folder.drop.", "folder.table."}},
		{name: "parquet on S3, dropped", format: "parquet", mode: "replace", s3: true, drop: true, only: []string{"folder.drop."}},
		{name: "import", format: "parquet", mode: "append", imports: true, only: []string{"folder.import.", "folder.table."}},
		{name: "iceberg, comment", format: "iceberg", mode: "append", comment: true, only: []string{"iceberg.comment.", "iceberg.folder."}},
		{name: "parquet, comment", format: "parquet", mode: "append", comment: true, only: []string{"folder.table."}},
		{name: "iceberg on S3", format: "iceberg", mode: "append", s3: true, only: []string{"iceberg."}},
		{name: "parquet on S3", format: "parquet", mode: "append", s3: true, only: []string{"folder."}},
	}
	t.Run("in", func(t *testing.T) {
		for _, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				s := newShop(t, binary, w)
				s.insert(t, 0, firstRows)
				if w.mend {
					s.settle(t)
				}
				c := crashes{s, reached}
				c.all(t, slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !w.has(name) }))
				reached.ways.Add(1)
			})
		}
	})
	if !t.Failed() && int(reached.ways.Load()) == len(ways) { // else some were left out, by -run
		reached.check(t, names)
	}
}

// has reports whether a failpoint may be reached in this way, and is worth it. Those that are in neither format's
// package are reached in each.
func (w way) has(name string) bool {
	if w.only != nil {
		return slices.ContainsFunc(w.only, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	other := map[string]string{"iceberg": "folder.", "parquet": "iceberg."}[w.format]
	return !strings.HasPrefix(name, other)
}

// commitsTwice reports whether a run comes to a failpoint in its commit of a second table too, or in its second commit.
func (w way) commitsTwice(name string) bool {
	return (w.sift || w.fetched) && (strings.HasPrefix(name, "iceberg.commit.") || strings.HasPrefix(name, "folder.commit."))
}

// places are the failpoints that were reached.
type places struct {
	mu    sync.Mutex
	names map[string]bool
	ways  atomic.Int64 // that were tried to the end
}

func (p *places) add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[name] = true
}

// check fails when a failpoint was never reached: it would be a place that nobody has tried to die at.
func (p *places) check(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		if why, listed := unreachable[name]; p.names[name] == listed {
			t.Errorf("failpoint %s: reached is %v, and the list of unreachable ones says %q", name, !listed, why)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(overcome)), slices.Collect(maps.Keys(unreachable)), repeated) {
		if !slices.Contains(names, name) {
			t.Errorf("there is no failpoint %q", name)
		}
	}
	t.Logf("%d failpoints, %d reached", len(names), len(p.names))
}

// crashes are all crashes of one way.
type crashes struct {
	*shop
	reached *places
}

// all strikes at each of the failpoints: first increments, all into one lake, each on top of what the crashes before
// have left; then first loads.
func (c crashes) all(t *testing.T, names []string) {
	c.newLake(t)
	c.mustRun(t)
	c.lakeIs(t, "after the first load", c.expected(t))
	struck := 0
	erred := map[string]bool{}
	for _, first := range []bool{false, true} {
		for _, name := range names {
			if !c.strike(t, first, name, "kill@1") {
				continue
			}
			c.reached.add(name)
			struck++
			if (slices.Contains(repeated, name) || c.commitsTwice(name)) && c.strike(t, first, name, "kill@2") {
				struck++
			}
			if !c.s3 && !erred[name] {
				erred[name] = c.strike(t, first, name, "error@1")
				struck++
			}
			if t.Failed() {
				return // what follows would only repeat it
			}
		}
		if !first && !c.sift {
			c.filesAgree(t)
		}
	}
	t.Logf("stopped %d times", struck)
}

// struck reports whether a process came to a failpoint, and looks how it ended there.
func (e end) struck(t *testing.T, what, name, action string) bool {
	t.Helper()
	switch {
	case e.killed:
	case e.code == exitOK && strings.HasPrefix(action, "kill"):
		return false
	case e.code == exitOK && overcome[name] != "":
	case e.code != exitFailed || !strings.Contains(e.stdout+e.stderr, name+": failpoint hit"):
		t.Errorf("%s: exit code %d with\n%s%s", what, e.code, e.stdout, e.stderr)
	}
	return true
}

// strikeBack lets a rewind over the newest commit end at a failpoint, or one over the first load to before it. Then it is
// asked for again, if it was not made, and the next run loads what was taken out.
func (c crashes) strikeBack(t *testing.T, first bool, name, action string) bool {
	t.Helper()
	what := fmt.Sprintf("a rewind with %s=%s, first load %v", name, action, first)
	args := []string{"rewind", "items", "--yes", "--json", "--all"}
	var before, after facts
	if first {
		c.newLake(t)
		after = c.now(t)
		c.mustRun(t)
	} else {
		before = c.expected(t)
		args = append(args[:4], "--to", fmt.Sprint(c.seq))
		c.change(t)
		after = c.expected(t)
		c.mustRun(t)
	}
	c.lakeIs(t, "before "+what, after)
	_, wait := c.start(t, []string{"TIDEMARK_FAILPOINTS=" + name + "=" + action}, args...)
	stopped := wait()
	switch {
	case stopped.killed:
	case stopped.code == 0 && strings.HasPrefix(action, "kill"): // never came there
		c.mustRun(t)
		return false
	case stopped.code == 0 && overcome[name] != "":
	case stopped.code != exitFailed || !strings.Contains(stopped.stderr, name+": failpoint hit"):
		t.Errorf("%s: exit code %d with\n%s%s", what, stopped.code, stopped.stdout, stopped.stderr)
	}
	switch got := c.look(t); {
	case got == before:
	case got == after, c.sift: // not made, or only the first of its two tables has gone back
		_, wait := c.start(t, nil, args...)
		if e := wait(); e.code != 0 {
			t.Errorf("%s, and again: exit code %d with %s", what, e.code, e.stderr)
		}
		c.lakeIs(t, what+", and again", before)
	default:
		t.Errorf("%s: readers see %+v, which is neither %+v nor %+v", what, got, before, after)
	}
	c.mustRun(t)
	c.lakeIs(t, what+", and a run", after)
	return true
}

// strikeMend lets a repair, or a backfill, end at a failpoint, of a table whose source has changed in ways that a cursor does not see. It is
// asked for again, and the next run has nothing to add.
func (c crashes) strikeMend(t *testing.T, name, action string) bool {
	t.Helper()
	args := []string{"repair", "items", "--deletes", "--yes", "--json"}
	if c.fill {
		args = []string{"backfill", "items", "--yes", "--json"}
	}
	what := fmt.Sprintf("a %s with %s=%s", args[0], name, action)
	before := c.look(t)
	c.damage(t)
	after := c.now(t)
	_, wait := c.start(t, []string{"TIDEMARK_FAILPOINTS=" + name + "=" + action}, args...)
	stopped := wait()
	came := stopped.struck(t, what, name, action)
	if got := c.look(t); c.format == "iceberg" && got != before && got != after {
		t.Errorf("%s: readers see %+v, which is neither %+v nor %+v", what, got, before, after)
	}
	_, wait = c.start(t, nil, args...)
	if e := wait(); e.code != exitOK {
		t.Errorf("%s, and again: exit code %d with %s%s", what, e.code, e.stdout, e.stderr)
	}
	c.lakeIs(t, what+", and again", after)
	c.mustRun(t)
	c.lakeIs(t, what+", and a run", after)
	return came
}

// strike lets one run end at a failpoint and another one go on. It returns false when the run did not come there.
func (c crashes) strike(t *testing.T, first bool, name, action string) bool {
	t.Helper()
	if c.back {
		return c.strikeBack(t, first, name, action)
	}
	if c.drop {
		return !first && c.strikeDrop(t, name, action)
	}
	if c.imports {
		return !first && c.strikeImport(t, name, action)
	}
	if c.comment {
		return !first && c.strikeComment(t, name, action)
	}
	if c.replay {
		return !first && c.strikeReplay(t, name, action)
	}
	if c.mend {
		return !first && c.strikeMend(t, name, action)
	}
	what := fmt.Sprintf("%s=%s, first load %v", name, action, first)
	var before, after facts
	if first {
		c.newLake(t)
		after = c.now(t) // older versions of rows were never seen by this lake
	} else {
		before = c.expected(t)
		c.change(t)
		after = c.expected(t)
	}
	if c.lose {
		c.loseFiles(t)
	}
	act := c.run
	if c.maintain {
		c.mustRun(t)
		before, act = after, c.upkeep
	}
	stopped := act(t, "TIDEMARK_FAILPOINTS="+name+"="+action)
	switch {
	case stopped.killed:
	case stopped.code == 0 && strings.HasPrefix(action, "error") && overcome[name] != "":
		c.lakeIs(t, what, after)
		return true
	case stopped.code == 0: // never came there
		return false
	case stopped.code != exitFailed || !strings.HasPrefix(stopped.stdout, "{") || !strings.Contains(stopped.stdout, name+": failpoint hit"):
		t.Errorf("%s: exit code %d with\n%s%s", what, stopped.code, stopped.stdout, stopped.stderr)
	}
	if stopped.killed {
		c.between(t, what, before, after)
	}
	if c.maintain {
		if again := c.upkeep(t); again.code != exitOK {
			t.Errorf("%s: maintenance once more: exit code %d with %s%s", what, again.code, again.stdout, again.stderr)
		}
	}
	c.mustRun(t)
	c.lakeIs(t, what+", and another run", after)
	return true
}

// between looks at the lake as the dead process has left it. An Iceberg table is what it was or what it shall be; in
// a folder readers may see a part of a commit, but no row twice.
func (c crashes) between(t *testing.T, what string, before, after facts) {
	t.Helper()
	got := c.look(t)
	if c.format == "iceberg" && !c.sift && got != before && got != after {
		t.Errorf("%s: readers see %+v, which is neither %+v nor %+v", what, got, before, after)
	}
	if got.Rows != got.Distinct {
		t.Errorf("%s: readers see %d rows, of which %d are distinct", what, got.Rows, got.Distinct)
	}
}

// loseFiles leaves a lake whose newest commit was made by a process that died before it could show its files, and
// whose files were then lost, as to a rule that aborts old uploads.
func (c crashes) loseFiles(t *testing.T) {
	t.Helper()
	if died := c.run(t, "TIDEMARK_FAILPOINTS=folder.commit.after=kill"); !died.killed {
		t.Fatalf("the run was not killed: %s", died.stderr)
	}
	lost := 0
	err := filepath.WalkDir(filepath.Join(c.dir, "lake", "_tidemark", "_staged"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		lost++
		return os.Remove(path)
	})
	if err != nil || lost == 0 {
		t.Fatalf("%d files lost, %v", lost, err)
	}
}

// failpoints returns the names of all failpoints in the sources.
func failpoints(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	files := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"testdata", "testservers", ".git", "bin"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isHit(call) {
				found[literal(t, files, call)] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(found))
	if len(names) < 20 {
		t.Fatalf("only %d failpoints found: %v", len(names), names)
	}
	return names
}

func isHit(call *ast.CallExpr) bool {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || function.Sel.Name != "Hit" {
		return false
	}
	of, ok := function.X.(*ast.Ident)
	return ok && of.Name == "failpoint"
}

func literal(t *testing.T, files *token.FileSet, call *ast.CallExpr) string {
	t.Helper()
	name, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		t.Fatalf("%s: the name of a failpoint must be a literal, or this test cannot find it", files.Position(call.Pos()))
	}
	text, err := strconv.Unquote(name.Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// filesAgree compares what a query counts with what lies in the data files of committed runs, as they are found
// without the product: those of the runs that the newest Iceberg metadata lists, and all that a folder shows.
func (s *shop) filesAgree(t *testing.T) {
	t.Helper()
	if s.s3 || s.maintain || s.drop || s.comment || s.mode == "merge" || (s.mode == "replace" || s.back || s.mend) && s.format == "iceberg" {
		return // not on disk; or the files hold older versions as well, or what was taken back
	}
	folder := filepath.Join(s.dir, "lake", "crash", "items")
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".parquet") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.format == "iceberg" {
		all := len(files)
		committed := committedRuns(t, filepath.Join(folder, "metadata"))
		files = slices.DeleteFunc(files, func(path string) bool {
			run, _, _ := strings.Cut(filepath.Base(path), "-")
			return !committed[run]
		})
		if len(files) == all {
			t.Errorf("the killed runs have left no file behind: were they killed?")
		}
	}
	if got, want := readFiles(t, files), s.look(t); got != want {
		t.Errorf("%d data files hold %+v, a query says %+v", len(files), got, want)
	}
}

// committedRuns returns the runs that the newest metadata file of a table names.
func committedRuns(t *testing.T, folder string) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.metadata.json"))
	if err != nil {
		t.Fatal(err)
	}
	committed := map[string]bool{}
	newest := int64(0)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var metadata struct {
			Sequence  int64 `json:"last-sequence-number"`
			Snapshots []struct {
				Summary map[string]string `json:"summary"`
			} `json:"snapshots"`
		}
		if err := json.Unmarshal(data, &metadata); err != nil {
			t.Fatal(err)
		}
		if metadata.Sequence <= newest {
			continue
		}
		newest = metadata.Sequence
		clear(committed)
		for _, snapshot := range metadata.Snapshots {
			committed[snapshot.Summary["tidemark-run"]] = true
		}
	}
	return committed
}

// s3Lake returns the lake of a bucket as the config has it, and the environment with its keys.
func s3Lake(s *testenv.S3Server, prefix string) (lake string, environment []string) {
	lake = fmt.Sprintf(`{type: s3, url: "s3://%s/%s", endpoint: "%s", region: %s, path_style: true, access_key: "${env:LAKE_KEY}", secret_key: "${env:LAKE_SECRET}"}`,
		s.Bucket, prefix, s.Endpoint, s.Region)
	return lake, []string{"LAKE_KEY=" + s.AccessKey, "LAKE_SECRET=" + s.SecretKey, "AWS_EC2_METADATA_DISABLED=true"}
}
