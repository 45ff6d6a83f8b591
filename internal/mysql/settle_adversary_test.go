package mysql

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/internal/testenv/adversarytest"
)

// TestSettleAgainstAdversary runs the source's half of the engine against an adversary: settle, read from the last bound
// to the end, drop what was loaded at or above it. No row may be lost, none loaded twice. The bound alone is tested: it
// is not capped by the largest value seen, so that a bound which is too high loses rows at once.
//
// TIDEMARK_TEST_ADVERSARY, a duration, makes it last longer than its few seconds.
func TestSettleAgainstAdversary(t *testing.T) {
	duration := 6 * time.Second
	if text := os.Getenv("TIDEMARK_TEST_ADVERSARY"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	servers := map[string]func(*testing.T) *testenv.Server{
		"plain":    func(t *testing.T) *testenv.Server { return testenv.PrivateMariaDB(t) },
		"events":   func(t *testing.T) *testenv.Server { return testenv.PrivateMariaDB(t, withEvents...) },
		"external": func(t *testing.T) *testenv.Server { return testenv.External(t) },
	}
	for name, server := range servers {
		for _, kind := range []adversarytest.CursorKind{adversarytest.Datetime, adversarytest.Timestamp, adversarytest.Integer} {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				s := server(t)
				runAgainstAdversary(t, s, kind, duration)
			})
		}
	}
}

func runAgainstAdversary(t *testing.T, server *testenv.Server, kind adversarytest.CursorKind, duration time.Duration) {
	database := server.NewDatabase(t)
	a := adversarytest.Start(t, server, database, "t", adversarytest.Options{
		Cursor: kind, Pause: 400 * time.Millisecond, Early: 500 * time.Millisecond, Monitor: time.Second,
	})
	source := openSource(t, configOf(server), tidemark.Pipeline{
		ID: "test", Table: tidemark.TableName{Database: database, Name: "t"}, Mode: tidemark.ModeAppend, Splits: 1,
		Nulls: tidemark.NullsLoad, Cursors: []string{kind.Column()}, CursorZone: "+00:00", SettleWait: 250 * time.Millisecond,
		Lateness: 20 * time.Second, LatenessRows: 1000, Slack: 1600 * time.Millisecond,
	})
	l := &loader{t: t, source: source, server: server, database: database, kind: kind, by: map[tidemark.SettledBy]int{}}
	for begun := time.Now(); time.Since(begun) < duration; {
		l.run()
	}
	o := a.Stop()
	l.run()
	l.run()
	versions, rows := o.Committed()
	verdict := o.Judge(l.loaded)
	t.Logf("%d versions, %d rows, %d runs settled by %v, %d rows read, %d loaded", versions, rows, l.runs, l.by, l.read, len(l.loaded))
	if !verdict.OK() {
		t.Errorf("%d lost: %q, %d doubled: %q, %d phantoms: %q", len(verdict.Lost), verdict.Lost, len(verdict.Doubled), verdict.Doubled,
			len(verdict.Phantom), verdict.Phantom)
	}
	if l.by[tidemark.SettledObserved]+l.by[tidemark.SettledEarlier] == 0 {
		t.Error("no run settled while somebody was writing")
	}
}

// A loader does with the bound what the engine does.
type loader struct {
	t        *testing.T
	source   *Source
	server   *testenv.Server
	database string
	kind     adversarytest.CursorKind

	watermark tidemark.Watermark
	overlap   map[adversarytest.Version]bool // loaded, at or above the settled bound
	loaded    []adversarytest.Version
	by        map[tidemark.SettledBy]int
	runs      int
	read      int
}

func (l *loader) run() {
	l.t.Helper()
	settled, err := l.source.Settle(l.t.Context(), l.watermark)
	if err != nil {
		l.t.Fatal(err)
	}
	if settled.Bound.Less(l.watermark.Settled) {
		l.t.Errorf("bound went back from %s to %s", l.watermark.Settled, settled.Bound)
	}
	overlap := map[adversarytest.Version]bool{}
	for version, value := range l.window() {
		l.read++
		if !l.overlap[version] {
			l.loaded = append(l.loaded, version)
		}
		if !value.Less(settled.Bound) {
			overlap[version] = true
		}
	}
	l.overlap = overlap
	l.watermark = tidemark.Watermark{Seq: 1, Settled: settled.Bound, T0: settled.T0, Settlements: settled.History}
	l.by[settled.By]++
	l.runs++
}

// window reads the rows from the settled bound to the end.
func (l *loader) window() map[adversarytest.Version]tidemark.CursorValue {
	l.t.Helper()
	column := l.kind.Column()
	text := "CAST(" + column + " AS CHAR)"
	if l.kind == adversarytest.Timestamp {
		text = "CONCAT(REPLACE(" + text + ", ' ', 'T'), 'Z')"
	}
	c := connectTo(l.t, l.server)
	defer c.close()
	query := fmt.Sprintf("SELECT id, version, %s FROM `%s`.t", text, l.database)
	var args []any
	if from := l.watermark.Settled; !from.IsZero() {
		query, args = query+" WHERE "+column+" >= ?", []any{from}
	}
	res, err := c.query(l.t.Context(), query, args...)
	if err != nil {
		l.t.Fatal(err)
	}
	rows := map[adversarytest.Version]tidemark.CursorValue{}
	for _, r := range res.rows {
		n, err := numbers(r[:2])
		if err != nil {
			l.t.Fatal(err)
		}
		value, err := tidemark.ParseCursorValue(r[2].text)
		if err != nil {
			l.t.Fatal(err)
		}
		rows[adversarytest.Version{ID: int64(n[0]), Number: int64(n[1])}] = value
	}
	return rows
}
