package serve_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/serve"
)

const consolePipelines = `
  orders: # of the shop
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
    triggers: [{name: night, cron: "15 2 * * *", zone: Europe/Berlin}]
  broken:
    source: {connection: shop, table: nothing, cursor: at}
    target: {connection: lake, table: shop.nothing}
  slow:
    source: {connection: slow, table: slow, cursor: moment}
    target: {connection: lake, table: shop.slow}
  tide:
    source: {connection: slow, table: tide, cursor: moment}
    target: {connection: lake, table: shop.tide}
    freshness: 1s
    triggers: [{name: behind, after: [orders, broken], of: all}]
`

// TestConsole opens the console in a browser and does what people do. The tests themselves are in web/e2e. It takes Node,
// the packages of web/package.json, and Chromium, which make test installs where there is Node.
//
// TIDEMARK_TEST_SCREENSHOTS names a folder for pictures of all pages, TIDEMARK_TEST_CONSOLE the only spec file to run.
func TestConsole(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium here")
	}
	node, err := exec.LookPath("node")
	runner := filepath.Join("..", "web", "node_modules", "@playwright", "test", "cli.js")
	if _, missing := os.Stat(runner); err != nil || missing != nil {
		t.Skip("there is no Node here, or nobody has run `npm ci` in web")
	}
	s := prepareSite(t, "server: {stop_timeout: 1s}", consolePipelines) // so that a stop cuts off what runs
	s.write(t, strings.Replace(s.text(t), "connections:\n", "connections:\n  slow: "+slowConnection(s.text(t))+"\n", 1))
	s.serve(t, serve.Options{})
	s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO orders SELECT seq, '2024-01-01' FROM seq_1_to_2000")
	control := httptest.NewServer(s.control(t))
	defer control.Close()
	pictures := os.Getenv("TIDEMARK_TEST_SCREENSHOTS")
	output := pictures
	if output == "" {
		output = t.TempDir()
	}
	args := []string{"node_modules/@playwright/test/cli.js", "test"}
	if only := os.Getenv("TIDEMARK_TEST_CONSOLE"); only != "" {
		args = append(args, "--no-deps", only)
	}
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Dir = filepath.Join("..", "web")
	cmd.Env = append(os.Environ(), "CONSOLE_URL="+s.base, "CONSOLE_CONTROL="+control.URL, "CONSOLE_BROWSER="+browser, "CONSOLE_OUTPUT="+output, "CONSOLE_PICTURES="+pictures, "CI=true")
	cmd.Env = append(cmd.Env, beginner(t)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// slowConnection is the connection shop of a config, read slowly.
func slowConnection(text string) string {
	_, rest, _ := strings.Cut(text, "  shop: ")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(line, "}") + ", read_rate: 150}"
}

// control does for the tests in the browser what a page cannot: it changes the source, stops and starts the server, and
// makes a user.
func (s *site) control(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	on := func(what string, do func(body string)) {
		mux.HandleFunc("POST /"+what, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			do(string(body))
			fmt.Fprintln(w, "done")
		})
	}
	on("exec", func(sql string) { s.exec(t, sql) })
	on("stop", func(string) { s.stop() })
	on("start", func(string) {
		s.listen = strings.TrimPrefix(s.base, "http://")
		s.serve(t, serve.Options{})
	})
	on("user", func(string) {
		s.ask(t, 201, "POST", "/api/v1/users", `{"name": "ann", "role": "admin", "password": "`+password+`"}`, nil)
		ann := *s
		ann.header = http.Header{"Cookie": {s.logIn(t, "ann", password)}}
		ann.ask(t, 201, "POST", "/api/v1/users", `{"name": "ben", "role": "viewer", "password": "`+password+`"}`, nil)
	})
	return mux
}
