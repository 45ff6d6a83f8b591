package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/sqlite"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A service is a config, and the process that serves it.
type service struct {
	t      *testing.T
	binary string
	dir    string
	db     *sql.DB

	cmd  *exec.Cmd
	log  *heard
	done chan struct{} // the process has ended, with err
	err  error
}

// heard is what a process writes, to be read meanwhile.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// newService makes a table orders, as the story has it, and a config with pipelines that read it.
func newService(t *testing.T, pipelines string) *service {
	t.Helper()
	server := testenv.MySQL(t)
	database := server.NewDatabase(t)
	s := &service{t: t, binary: buildBinary(t), dir: t.TempDir(), db: server.DB(t, database)}
	s.exec("CREATE TABLE orders (order_id INT, order_status VARCHAR(20), order_last_updated DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (order_last_updated))")
	writeText(t, filepath.Join(s.dir, "tidemark.yaml"), fmt.Sprintf(`connections:
  shop: {type: mysql, url: %q, password: "${env:SERVE_PASSWORD}"}
  lake: {type: file, path: lake}
server: {stop_timeout: 30s, listen: "127.0.0.1:0"}
defaults:
  source: {connection: shop, cursor: order_last_updated}
  target: {connection: lake}
pipelines:
`, server.URL()+database)+strings.ReplaceAll(pipelines, "target:", "source: {table: orders}\n    target:"))
	t.Setenv("SERVE_PASSWORD", server.Password)
	return s
}

func (s *service) exec(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.t.Context(), statement, args...); err != nil {
		s.t.Fatal(err)
	}
}

// begin starts the server.
func (s *service) begin() {
	s.t.Helper()
	s.log = new(heard)
	s.cmd = exec.Command(s.binary, "serve")
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Stdout = s.dir, s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, done := s.cmd, make(chan struct{})
	s.done = done
	go func() { s.err = cmd.Wait(); close(done) }()
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
}

// end sends a signal and waits for the end of the process, which is no error of its own.
func (s *service) end(signal os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("the server is gone: %v\n%s", err, s.log)
	}
	<-s.done
	if signal != syscall.SIGKILL && s.err != nil {
		s.t.Errorf("the server ended with %v\n%s", s.err, s.log)
	}
}

// query asks the lake, and returns the only row; nil where the table is not there.
func (s *service) query(statement string) map[string]any {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.binary, "query", "--json", statement)
	cmd.Dir = s.dir
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	var row map[string]any
	if err := json.Unmarshal(out, &row); err != nil {
		s.t.Fatalf("%s: %v in %s", statement, err, out)
	}
	return row
}

// arrives waits until a table holds so many rows, all of them different.
func (s *service) arrives(table string, rows int64) {
	s.t.Helper()
	want := fmt.Sprintf("map[d:%d n:%d]", rows, rows)
	got := ""
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if got = fmt.Sprint(s.query("SELECT count(*) AS n, count(DISTINCT order_id) AS d FROM " + table)); got == want {
			return
		}
		select {
		case <-s.done:
			s.t.Fatalf("the server has ended: %v\n%s", s.err, s.log)
		default:
		}
	}
	s.t.Fatalf("table %s has %s, want %s\n%s", table, got, want, s.log)
}

// runs returns all runs that the store has, once the server has ended.
func (s *service) runs() []tidemark.Run {
	s.t.Helper()
	store, err := sqlite.Open(s.t.Context(), filepath.Join(s.dir, ".tidemark", "store.db"), sqlite.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	runs, err := store.Runs(s.t.Context(), tidemark.RunFilter{Limit: 10_000})
	if err != nil {
		s.t.Fatal(err)
	}
	return runs
}

// write inserts orders until ctx ends, some of them in transactions that commit late, and returns how many there are.
func (s *service) write(ctx context.Context) int64 {
	insert := "INSERT INTO orders (order_id, order_status) VALUES (?, 'NEW')"
	var n int64
	for ctx.Err() == nil {
		tx, err := s.db.Begin()
		if err != nil {
			s.t.Error(err)
			return n
		}
		for range 1 + rand.IntN(5) {
			n++
			if _, err := tx.Exec(insert, n); err != nil {
				s.t.Error(err)
			}
		}
		wait := time.Duration(rand.IntN(20)) * time.Millisecond
		if rand.IntN(20) == 0 {
			wait = time.Second
		}
		select { // not for the clock's sake: others are to write and read meanwhile
		case <-time.After(wait):
		case <-ctx.Done():
		}
		if err := tx.Commit(); err != nil {
			s.t.Error(err)
		}
	}
	return n
}

// TestServe: while rows are written, pipelines run every second and after each other, and the server is killed again and
// again. All rows arrive in both tables, once. TIDEMARK_TEST_SERVE says for how long; the default is a few seconds.
func TestServe(t *testing.T) {
	long := 12 * time.Second
	if text := os.Getenv("TIDEMARK_TEST_SERVE"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newService(t, `  orders:
    target: {table: shop.orders}
    triggers: [{every: 1s}]
  copies:
    target: {table: shop.copies, format: parquet}
    triggers: [{after: orders}]
`)
	writing, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	var written int64
	var writer sync.WaitGroup
	writer.Go(func() { written = s.write(writing) })
	kills := 0
	for ; writing.Err() == nil; kills++ {
		s.begin()
		alive := time.Duration(200+rand.IntN(int(long.Milliseconds()/6))) * time.Millisecond
		select {
		case <-time.After(alive):
		case <-writing.Done():
		}
		s.end(syscall.SIGKILL)
	}
	writer.Wait()
	s.begin()
	s.arrives("shop.orders", written)
	s.arrives("shop.copies", written)
	s.end(syscall.SIGTERM)
	cut, states := 0, map[tidemark.RunState]int{}
	for _, r := range s.runs() {
		states[r.State]++
		for _, a := range r.Attempts {
			if a.Kind == tidemark.Interrupted {
				cut++
			}
		}
	}
	t.Logf("%d rows, %d kills, runs %v, %d attempts were cut off", written, kills, states, cut)
	if kills < 5 || states[tidemark.RunFailed]+states[tidemark.RunRunning] > 0 || states[tidemark.RunSucceeded] < 5 {
		t.Errorf("%d kills, runs %v; want 5 kills, 5 runs that succeeded, and none that failed\n%s", kills, states, s.log)
	}
}

// TestServeTriggers: what each kind of trigger waits for starts a run of the real server.
func TestServeTriggers(t *testing.T) {
	s := newService(t, `  by-source:
    target: {table: shop.by_source}
    triggers: [{source: 1s}]
  by-object:
    target: {table: shop.by_object}
    triggers: [{object: {connection: lake, prefix: incoming/, every: 1s}}]
  by-end:
    target: {table: shop.by_end}
    triggers: [{after: [by-source, by-object], of: all}]
`)
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (1, 'NEW')")
	if err := os.MkdirAll(filepath.Join(s.dir, "lake", "incoming"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeText(t, filepath.Join(s.dir, "lake", "incoming", "old"), "x")
	s.begin()
	s.arrives("shop.by_source", 1)
	if row := s.query("SELECT count(*) AS n FROM shop.by_object"); row != nil {
		t.Errorf("an object that was there before has fired: %v", row)
	}
	writeText(t, filepath.Join(s.dir, "lake", "incoming", "new"), "x")
	s.arrives("shop.by_object", 1)
	s.arrives("shop.by_end", 1)
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (2, 'NEW')")
	s.arrives("shop.by_source", 2)
	if code, body := s.fetch("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if code, body := s.fetch("/iceberg/v1/lake/namespaces/shop/tables/by_source"); code != http.StatusOK || !strings.Contains(body, `"metadata-location"`) {
		t.Errorf("/iceberg: %d %s", code, body)
	}
	s.end(os.Interrupt)
	if !strings.Contains(s.log.String(), "trigger fired") {
		t.Errorf("the log does not tell what happened:\n%s", s.log)
	}
	s.listed()
}

// fetch asks the server.
func (s *service) fetch(path string) (code int, body string) {
	s.t.Helper()
	return s.request(http.MethodGet, path, "")
}

// request sends a request to the server, with headers as names and values.
func (s *service) request(method, path, body string, header ...string) (code int, answer string) {
	s.t.Helper()
	address := regexp.MustCompile(`msg=listening address=(\S+)`).FindStringSubmatch(s.log.String())
	if address == nil {
		s.t.Fatalf("the server does not say where it listens:\n%s", s.log)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+address[1]+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// listed checks what the command runs tells of runs that have ended.
func (s *service) listed() {
	s.t.Helper()
	tell := func(want string, args ...string) string {
		s.t.Helper()
		cmd := exec.CommandContext(s.t.Context(), s.binary, args...)
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		if err != nil || !regexp.MustCompile(want).Match(out) {
			s.t.Errorf("%s: %v; want %s in\n%s", args, err, want, out)
		}
		return string(out)
	}
	tell(`RUN +PIPELINE +STATE +WANTED BY +BEGAN +TOOK +NEW ROWS +ERROR\n`, "runs")
	tell(`by-object +succeeded +object +20\d\d-.*Z  \d+\.\d s +1\n`, "runs", "by-object", "--state", "succeeded")
	var r tidemark.Run
	if err := json.Unmarshal([]byte(tell(`"id"`, "runs", "by-end", "--limit", "1", "--json")), &r); err != nil {
		s.t.Fatal(err)
	}
	tell(`(?s)^by-end  `+string(r.ID)+`  succeeded · began .*wanted .*by-end/after@.*\(by-(object|source) ended: succeeded\).*attempt .* 1\nresult .*1 new`, "runs", "show", string(r.ID))
}

// TestServeConfig: a changed file is taken up, a broken one is not, and a second server is refused.
func TestServeConfig(t *testing.T) {
	s := newService(t, "  orders:\n    target: {table: shop.orders}\n    triggers: [{every: 1h}]\n")
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (1, 'NEW')")
	s.begin()
	s.arrives("shop.orders", 1)
	second := exec.Command(s.binary, "serve")
	second.Dir = s.dir
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), fmt.Sprintf("process %d", s.cmd.Process.Pid)) {
		t.Errorf("a second server: %v\n%s", err, out)
	}
	path := filepath.Join(s.dir, "tidemark.yaml")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, path, string(good)+"  broken: {source: {table: orders}, target: {tabel: shop.other}}\n")
	more := string(good) + "  more:\n    source: {table: orders}\n    target: {table: shop.more}\n    triggers: [{every: 1h}]\n"
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(s.log.String(), "the last good one stays in use") && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond) // the server looks once a second
	}
	writeText(t, path, more)
	s.arrives("shop.more", 1)
	s.end(syscall.SIGTERM)
	if text := s.log.String(); !strings.Contains(text, `did you mean \"table\"`) {
		t.Errorf("the log does not tell what is wrong with the file:\n%s", text)
	}
}
