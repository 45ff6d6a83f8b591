package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// digits is a table of ten rows, in any SQL.
const digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"

// fillMany fills the table with 300,000 rows.
func (s *shop) fillMany(t *testing.T) {
	t.Helper()
	var from []string
	for _, name := range []string{"a", "b", "c", "e", "f"} {
		from = append(from, digits+" "+name)
	}
	s.exec(t, `INSERT INTO items (id, n, step, part, note)
		SELECT id, id, 0, id % 3, CONCAT('item ', id)
		FROM (SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d + 100000*g.d AS id
			FROM `+strings.Join(from, ", ")+`, (SELECT 0 d UNION SELECT 1 UNION SELECT 2) g) numbers`,
		"INSERT INTO versions SELECT n FROM items")
}

// testRandomKills kills loads from outside, as a machine or an operator does, at moments that nobody has thought of.
func testRandomKills(t *testing.T, binary string) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, w := range []way{
		{name: "iceberg", format: "iceberg", mode: "append"},
		{name: "parquet", format: "parquet", mode: "append"},
	} {
		t.Run(w.name, func(t *testing.T) {
			s := newShop(t, binary, w)
			s.fillMany(t)
			want := s.expected(t)
			s.newLake(t)
			begun := time.Now()
			s.mustRun(t)
			took := time.Since(begun)
			s.lakeIs(t, "after a run", want)
			var moments []string
			for range 5 {
				moment := time.Duration(random.Int64N(int64(took)))
				moments = append(moments, fmt.Sprint(moment.Round(time.Millisecond)))
				s.newLake(t)
				if e := s.killAfter(t, moment); !e.killed && e.code != exitOK {
					t.Errorf("after %s: exit code %d with %s%s", moment, e.code, e.stdout, e.stderr)
				}
				s.mustRun(t)
				s.lakeIs(t, fmt.Sprintf("killed after %s of %s, and another run", moment, took), want)
			}
			t.Logf("killed after %s of %s", strings.Join(moments, ", "), took)
		})
	}
}

// killAfter starts a run and kills it after a while, if it is still there.
func (s *shop) killAfter(t *testing.T, d time.Duration) end {
	t.Helper()
	process, wait := s.start(t, nil, "run", "--json")
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			_ = process.Kill() // it may have ended this moment
		case <-ended:
		}
	})
	e := wait()
	close(ended)
	killer.Wait()
	return e
}

// testTogether starts two processes on one pipeline at the same moment, again and again. One commits; the other says
// that it was not the first, or finds nothing new. Nothing doubles.
func testTogether(t *testing.T, binary string) {
	t.Parallel()
	for _, w := range []way{
		{name: "iceberg append", format: "iceberg", mode: "append"},
		{name: "iceberg merge", format: "iceberg", mode: "merge"},
		{name: "iceberg append by SQLite", format: "iceberg", mode: "append", sqlite: true},
		{name: "parquet append", format: "parquet", mode: "append"},
		{name: "parquet replace", format: "parquet", mode: "replace"},
	} {
		t.Run(w.name, func(t *testing.T) {
			s := newShop(t, binary, w)
			s.insert(t, 0, firstRows)
			s.newLake(t)
			conflicts := 0
			for round := range 4 {
				if round > 0 {
					s.change(t)
				}
				conflicts += s.pair(t)
				s.lakeIs(t, fmt.Sprintf("round %d", round), s.expected(t))
				s.mustRun(t)
				s.lakeIs(t, fmt.Sprintf("round %d, and another run", round), s.expected(t))
			}
			t.Logf("%d times one was faster", conflicts)
		})
	}
}

// pair runs two processes at the same time and returns how many of them were too late.
func (s *shop) pair(t *testing.T) (conflicts int) {
	t.Helper()
	var waits []func() end
	for range 2 {
		_, wait := s.start(t, nil, "run", "--json")
		waits = append(waits, wait)
	}
	committed := 0
	for _, wait := range waits {
		e := wait()
		r := e.result(t)
		switch {
		case e.code == exitOK && r.Committed:
			committed++
		case e.code == exitOK && r.New == 0:
		case e.code == exitFailed && r.Kind == "conflict" && strings.Contains(r.Hint, "another process"):
			conflicts++
		default:
			t.Errorf("exit code %d with %s%s", e.code, e.stdout, e.stderr)
		}
	}
	if committed == 0 || committed == 2 && s.mode != "replace" {
		t.Errorf("%d of 2 processes committed", committed)
	}
	return conflicts
}

// testBackTogether starts a run and a rewind over the newest commit at the same moment. One of the two commits first, and the
// other says so or goes on from there. Behind another run the lake is right.
func testBackTogether(t *testing.T, binary string) {
	t.Parallel()
	for _, w := range []way{
		{name: "iceberg append", format: "iceberg", mode: "append"},
		{name: "iceberg merge", format: "iceberg", mode: "merge"},
		{name: "parquet append", format: "parquet", mode: "append"},
	} {
		t.Run(w.name, func(t *testing.T) {
			s := newShop(t, binary, w)
			s.insert(t, 0, firstRows)
			s.newLake(t)
			s.mustRun(t)
			ends := map[string]int{}
			for round := range 6 {
				to := fmt.Sprint(s.seq)
				change := s.change
				if w.mode == "append" { // versions that are taken out and overwritten in the source cannot come again
					change = s.grow
				}
				change(t)
				s.mustRun(t)
				change(t)
				_, run := s.start(t, nil, "run", "--json")
				_, back := s.start(t, nil, "rewind", "items", "--to", to, "--yes", "--json")
				ran, went := run(), back()
				if conflict := strings.Contains(ran.stdout, `"kind":"conflict"`); ran.code != exitOK && !conflict {
					t.Errorf("round %d: the run ended with %d, %s%s", round, ran.code, ran.stdout, ran.stderr)
				}
				if conflict := strings.Contains(went.stderr, `"kind":"conflict"`); went.code != exitOK && !conflict {
					t.Errorf("round %d: the rewind ended with %d, %s%s", round, went.code, went.stdout, went.stderr)
				}
				ends[fmt.Sprintf("run %d, rewind %d", ran.code, went.code)]++
				s.mustRun(t)
				s.lakeIs(t, fmt.Sprintf("round %d, and another run", round), s.expected(t))
			}
			t.Log(ends)
		})
	}
}
