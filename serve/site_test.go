package serve_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/serve"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// A site is a server in this process, with a database of a real server and a lake in a temporary folder.
type site struct {
	server   *testenv.Server
	database string
	dir      string // of the config, tidemark.yaml, and of what it names
	base     string // of URLs
	listen   string // where the next server listens; "" for any port
	stop     func() // ends the server

	header http.Header // of requests
}

// canary is the password of the source's user, which is in no other text.
const canary = "in-no-other-text"

// newSite serves a config until the end of the test: top is what stands at its top, and pipelines is indented as under
// "pipelines:". The source is the connection shop and the lake the connection lake.
func newSite(t *testing.T, top, pipelines string) *site {
	t.Helper()
	s := prepareSite(t, top, pipelines)
	s.serve(t, serve.Options{})
	return s
}

// prepareSite is newSite without a server.
func prepareSite(t *testing.T, top, pipelines string) *site {
	t.Helper()
	server := testenv.MySQL(t)
	s := &site{server: server, database: server.NewDatabase(t), dir: t.TempDir()}
	user := strings.Replace(s.database, "tide_", "site_", 1)
	server.Exec(t, "CREATE USER "+user+"@'%' IDENTIFIED BY '"+canary+"'",
		"GRANT SELECT ON "+s.database+".* TO "+user+"@'%'", "GRANT PROCESS ON *.* TO "+user+"@'%'")
	t.Cleanup(func() { server.Exec(t, "DROP USER "+user+"@'%'") })
	t.Setenv("SITE_PASSWORD", canary)
	s.write(t, fmt.Sprintf(`%s
connections:
  shop: {type: mysql, url: "mysql://%s@%s/%s", password: "${env:SITE_PASSWORD}"}
  lake: {type: file, path: lake}
pipelines:
%s`, top, user, server.Addr(), s.database, pipelines))
	return s
}

func (s *site) file() string { return filepath.Join(s.dir, "tidemark.yaml") }

// write makes the config.
func (s *site) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// text returns the config.
func (s *site) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exec executes statements in the source's database, as its owner.
func (s *site) exec(t *testing.T, statements ...string) {
	t.Helper()
	s.server.Exec(t, append([]string{"USE " + s.database}, statements...)...)
}

// serve starts the server, on an address of its own.
func (s *site) serve(t *testing.T, o serve.Options) {
	t.Helper()
	where := &listener{found: make(chan string, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	o.Log, o.Dir, o.Version = slog.New(slog.NewTextHandler(where, nil)), t.TempDir(), "1.2.3"
	o.Env = func(name string) (string, bool) {
		if name == "TIDEMARK_SERVER_LISTEN" {
			return cmp.Or(s.listen, "127.0.0.1:0"), true
		}
		return os.LookupEnv(name)
	}
	go func() { done <- serve.Run(ctx, s.file(), o) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	select {
	case address := <-where.found:
		s.base = "http://" + address
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
}

// A listener reads in a log where a server listens.
type listener struct {
	once  sync.Once
	found chan string
}

var listening = regexp.MustCompile(`msg=listening address=(\S+) `)

func (l *listener) Write(line []byte) (int, error) {
	if m := listening.FindSubmatch(line); m != nil {
		l.once.Do(func() { l.found <- string(m[1]) })
	}
	return len(line), nil
}

// ask sends a request and decodes the answer, whose code must be that.
func (s *site) ask(t *testing.T, code int, method, path, body string, to any) {
	t.Helper()
	got, text := s.send(t, method, path, body)
	if got != code {
		t.Fatalf("%s %s: %d, want %d\n%s", method, path, got, code, text)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

func (s *site) send(t *testing.T, method, path, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.header {
		r.Header.Set(name, s.header.Get(name))
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 400 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") && strings.HasPrefix(path, "/api/v1") && resp.StatusCode != 405 {
		t.Errorf("%s %s: %d as %s, want application/problem+json\n%s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"), text)
	}
	return resp.StatusCode, text
}

// follow returns the last state of a run, and its log, from the events of the server.
func (s *site) follow(t *testing.T, id tidemark.RunID) (last tidemark.Run, lines []tidemark.LogLine) {
	t.Helper()
	resp, err := http.Get(s.base + "/api/v1/runs/" + string(id) + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	kind := ""
	for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
		line := scanner.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var log struct{ Lines []tidemark.LogLine }
		to := any(&log)
		if kind == "run" {
			last = tidemark.Run{}
			to = &last
		}
		if err := json.Unmarshal([]byte(data), to); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		lines = append(lines, log.Lines...)
	}
	return last, lines
}

// quoted is a text as JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}
