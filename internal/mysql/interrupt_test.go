package mysql

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// wideRows is enough to fill every buffer between the server and the reader several times, at 2 kB a row: when the
// first batch has come, the server is still sending.
const wideRows = 20_000

func makeWide(t *testing.T, server *testenv.Server) string {
	t.Helper()
	database := server.NewDatabase(t)
	server.Exec(t, "USE "+database,
		"CREATE TABLE digits (d INT)", "INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
		"CREATE TABLE keyed (id INT PRIMARY KEY, at DATETIME NOT NULL, filler VARCHAR(4000) CHARACTER SET latin1)",
		fmt.Sprintf("INSERT INTO keyed SELECT a.d + 10*b.d + 100*c.d + 1000*d.d + 10000*e.d, '2024-01-01', REPEAT('x', 2000) "+
			"FROM digits a, digits b, digits c, digits d, digits e WHERE e.d < %d", wideRows/10_000),
		"CREATE TABLE plain AS SELECT * FROM keyed")
	return database
}

// TestInterrupted reads tables of many megabytes and is interrupted in every way.
func TestInterrupted(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeWide(t, server)
		for _, c := range []struct {
			name string
			test func(*testing.T, *testenv.Server, string)
		}{
			{"killed", testKilled},
			{"killed before the first batch", testKilledBeforeTheFirstBatch},
			{"connection cut", testCutConnection},
			{"server unreachable", testUnreachableServer},
			{"consumer stops", testStoppedConsumer},
			{"updated while it is cut", testUpdatedWhileCut},
			{"table altered between statements", testAlteredBetweenStatements}, // last: it changes the table
		} {
			t.Run(c.name, func(t *testing.T) { c.test(t, server, database) })
		}
	})
}

// reading is a read that a test interferes with.
type reading struct {
	t      *testing.T
	server *testenv.Server
	source *Source
	window tidemark.Window
	seen   []int
}

// run reads one split and calls interfere when the first batch has come.
func (r *reading) run(interfere func()) error {
	splits, err := r.source.Splits(r.t.Context(), r.window, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	for batch, err := range r.source.Read(r.t.Context(), splits[0]) {
		if err != nil {
			return err
		}
		first := len(r.seen) == 0
		r.take(batch)
		if first {
			interfere()
		}
	}
	return nil
}

func (r *reading) take(batch arrow.RecordBatch) {
	for _, id := range batch.Column(0).(*array.Int32).Int32Values() {
		r.seen = append(r.seen, int(id))
	}
	batch.Release()
}

// reader returns the id of the connection that reads.
func (r *reading) reader() uint32 {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	for c := range r.source.open {
		if !slices.Contains(r.source.idle, c) {
			return c.id
		}
	}
	r.t.Fatal("nobody reads")
	return 0
}

func (r *reading) complete() {
	r.t.Helper()
	slices.Sort(r.seen)
	if len(r.seen) != wideRows || len(slices.Compact(r.seen)) != wideRows {
		r.t.Errorf("%d rows, %d different, want %d", len(r.seen), len(slices.Compact(r.seen)), wideRows)
	}
}

// testKilled kills the connection or the statement while the server is sending.
func testKilled(t *testing.T, server *testenv.Server, database string) {
	for _, kill := range []string{"KILL CONNECTION", "KILL QUERY"} {
		for _, c := range []struct {
			table, mode string
			restarts    bool
		}{{"keyed", "append", false}, {"plain", "append", true}, {"keyed", "replace", true}} {
			t.Run(kill+" "+c.table+" "+c.mode, func(t *testing.T) {
				p := incremental(database, c.table, "at")
				p.Mode = tidemark.Mode(c.mode)
				r := &reading{t: t, server: server, source: openSource(t, configOf(server), p)}
				err := r.run(func() { server.Exec(t, kill+" "+strconv.Itoa(int(r.reader()))) })
				if c.restarts {
					if !errors.Is(err, tidemark.ErrRestart) || len(r.seen) >= wideRows {
						t.Errorf("read = %v after %d rows, want ErrRestart", err, len(r.seen))
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				r.complete()
			})
		}
	}
}

// testUpdatedWhileCut: a row moves to the end of the window after it was handed on, and the connection is lost. Read again,
// it would be the second version of its key in one commit, which a merge must never have; an append wants both.
func testUpdatedWhileCut(t *testing.T, server *testenv.Server, database string) {
	server.Exec(t, "USE "+database, "CREATE TABLE moving (id INT PRIMARY KEY, at DATETIME(6) NOT NULL, filler VARCHAR(4000) CHARACTER SET latin1, KEY (at))",
		"INSERT INTO moving SELECT id, '2024-01-01' + INTERVAL id SECOND, filler FROM keyed", "ANALYZE TABLE moving")
	for moved, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} { // a row of its own each
		t.Run(string(mode), func(t *testing.T) {
			p := incremental(database, "moving", "at")
			p.Mode = mode
			r := &reading{t: t, server: server, source: openSource(t, configOf(server), p)}
			r.window.From = tidemark.TemporalValue(tidemark.CursorDatetime, 1704067200e6)
			err := r.run(func() {
				server.Exec(t, "UPDATE "+database+".moving SET at = '2025-01-01' WHERE id = "+strconv.Itoa(moved),
					"KILL CONNECTION "+strconv.Itoa(int(r.reader())))
			})
			twice := 0
			for _, id := range r.seen {
				if id == moved {
					twice++
				}
			}
			switch {
			case mode == tidemark.ModeMerge && (!errors.Is(err, tidemark.ErrRestart) || twice != 1):
				t.Errorf("read = %v, the row came %d times, want ErrRestart and once", err, twice)
			case mode == tidemark.ModeAppend && (err != nil || twice != 2):
				t.Errorf("read = %v, the row came %d times, want it in both versions", err, twice)
			}
		})
	}
}

// testKilledBeforeTheFirstBatch begins again, also without a key: nothing was handed on.
func testKilledBeforeTheFirstBatch(t *testing.T, server *testenv.Server, database string) {
	proxy := startProxy(t, server.Addr())
	config := configOf(server)
	config.Host, config.Port = proxy.host()
	source := openSource(t, config, incremental(database, "plain", "at"))
	if _, err := source.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.cutAfter(1 << 20)
	r := &reading{t: t, server: server, source: source}
	if err := r.run(func() {}); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if proxy.cuts.Load() != 1 {
		t.Errorf("%d connections were cut, want 1", proxy.cuts.Load())
	}
}

// testCutConnection drops the TCP connection again and again, each time after some megabytes.
func testCutConnection(t *testing.T, server *testenv.Server, database string) {
	proxy := startProxy(t, server.Addr())
	config := configOf(server)
	config.Host, config.Port = proxy.host()
	t.Run("with a key", func(t *testing.T) {
		r := &reading{t: t, server: server, source: openSource(t, config, incremental(database, "keyed", "at"))}
		before := proxy.cuts.Load()
		if err := r.run(func() { proxy.cutAfter(10 << 20); proxy.again.Store(2) }); err != nil {
			t.Fatal(err)
		}
		r.complete()
		if cuts := proxy.cuts.Load() - before; cuts < 2 {
			t.Errorf("%d connections were cut, want 2 or more", cuts)
		}
	})
	t.Run("without a key", func(t *testing.T) {
		r := &reading{t: t, server: server, source: openSource(t, config, incremental(database, "plain", "at"))}
		if err := r.run(func() { proxy.cutAfter(1 << 20) }); !errors.Is(err, tidemark.ErrRestart) {
			t.Errorf("read = %v, want ErrRestart", err)
		}
	})
}

// testUnreachableServer gives up after a few tries, with an error that another attempt may mend.
func testUnreachableServer(t *testing.T, server *testenv.Server, database string) {
	proxy := startProxy(t, server.Addr())
	config := configOf(server)
	config.Host, config.Port = proxy.host()
	r := &reading{t: t, server: server, source: openSource(t, config, incremental(database, "keyed", "at"))}
	r.source.pause = time.Millisecond
	splits, err := r.source.Splits(t.Context(), tidemark.Window{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range r.source.Read(t.Context(), splits[0]) {
		if err != nil {
			if !errors.Is(err, tidemark.ErrTransient) {
				t.Errorf("read = %v, want ErrTransient", err)
			}
			return
		}
		r.take(batch)
		proxy.stop()
	}
	t.Error("the read ended without an error")
}

// TestAlteredTable changes the table under the source.
func TestAlteredTable(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		for _, c := range []struct {
			alter    string
			restarts bool
		}{
			{"ALTER TABLE t ADD COLUMN more INT DEFAULT 5 FIRST", false},
			{"ALTER TABLE t MODIFY name VARCHAR(100) NOT NULL", false},
			{"ALTER TABLE t MODIFY n BIGINT NOT NULL", true},
			{"ALTER TABLE t MODIFY n INT NULL", true},
			{"ALTER TABLE t MODIFY n INT UNSIGNED NOT NULL", true},
			{"ALTER TABLE t MODIFY price DECIMAL(12,3)", true},
			{"ALTER TABLE t MODIFY price DECIMAL(30,2)", true},
			{"ALTER TABLE t MODIFY at DATETIME(3)", true},
			{"ALTER TABLE t MODIFY name BLOB NOT NULL", true},
			{"ALTER TABLE t DROP COLUMN name", true},
			{"DROP TABLE t", true},
		} {
			t.Run(c.alter, func(t *testing.T) {
				database := server.NewDatabase(t)
				server.Exec(t, "USE "+database,
					"CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL, price DECIMAL(12,2), at DATETIME, name VARCHAR(20) NOT NULL)",
					"INSERT INTO t VALUES (1, 2, 3.45, '2024-01-01', 'x')")
				source := openSource(t, configOf(server), incremental(database, "t", "at"))
				splits, err := source.Splits(t.Context(), tidemark.Window{}, 1)
				if err != nil {
					t.Fatal(err)
				}
				server.Exec(t, "USE "+database, c.alter)
				var failed error
				for batch, err := range source.Read(t.Context(), splits[0]) {
					if failed = err; err == nil {
						batch.Release()
					}
				}
				if errors.Is(failed, tidemark.ErrRestart) != c.restarts || !c.restarts && failed != nil {
					t.Errorf("read = %v, want ErrRestart %t", failed, c.restarts)
				}
			})
		}
	})
}

// testAlteredBetweenStatements changes the type of a column while a lost split is about to be continued.
func testAlteredBetweenStatements(t *testing.T, server *testenv.Server, database string) {
	r := &reading{t: t, server: server, source: openSource(t, configOf(server), incremental(database, "keyed", "at"))}
	err := r.run(func() {
		server.Exec(t, "KILL CONNECTION "+strconv.Itoa(int(r.reader())), "ALTER TABLE "+database+".keyed MODIFY at DATETIME(6) NOT NULL")
	})
	if !errors.Is(err, tidemark.ErrRestart) {
		t.Errorf("read = %v, want ErrRestart", err)
	}
}

// testStoppedConsumer ends a read early: the connection is not used again, the next read is whole.
func testStoppedConsumer(t *testing.T, server *testenv.Server, database string) {
	source := openSource(t, configOf(server), incremental(database, "keyed", "at"))
	splits, err := source.Splits(t.Context(), tidemark.Window{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range source.Read(t.Context(), splits[0]) {
		if err != nil {
			t.Fatal(err)
		}
		batch.Release()
		break
	}
	r := &reading{t: t, server: server, source: source}
	if err := r.run(func() {}); err != nil {
		t.Fatal(err)
	}
	r.complete()
}

// A proxy stands between source and server and cuts connections.
type proxy struct {
	t        *testing.T
	listener net.Listener
	target   string
	left     atomic.Int64 // bytes from the server until the cut
	again    atomic.Int64 // cuts to come after this one, at the same distance
	distance atomic.Int64
	cuts     atomic.Int64
	running  sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: listener, target: target}
	p.left.Store(1 << 62)
	p.running.Go(p.accept)
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) host() (string, int) {
	at := p.listener.Addr().(*net.TCPAddr)
	return at.IP.String(), at.Port
}

func (p *proxy) cutAfter(bytes int64) {
	p.distance.Store(bytes)
	p.left.Store(bytes)
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, from, to)
		p.mu.Unlock()
		p.running.Go(func() { defer to.Close(); _, _ = io.Copy(to, from) })
		p.running.Go(func() { p.forward(from, to) })
	}
}

// forward copies what the server says until the bytes are used up.
func (p *proxy) forward(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := to.Read(buffer)
		if err != nil {
			return
		}
		left := p.left.Add(int64(-n))
		if left < 0 {
			p.cuts.Add(1)
			next := int64(1 << 62)
			if p.again.Add(-1) >= 0 {
				next = p.distance.Load()
			}
			p.left.Store(next)
			_, _ = from.Write(buffer[:max(0, n+int(max(left, int64(-n))))]) // cut in the middle of a packet
			return
		}
		if _, err := from.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) stop() {
	_ = p.listener.Close()
	p.mu.Lock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
