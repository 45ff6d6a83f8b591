//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A person is somebody at a terminal with the shell.
type person struct {
	t   *testing.T
	tty *os.File
	cmd *exec.Cmd

	mu    sync.Mutex
	seen  string // all that the terminal has shown
	at    int    // up to here it was looked at
	more  chan struct{}
	ended bool
}

// sit begins a session in a folder with a config.
func sit(t *testing.T, dir string, args ...string) *person {
	t.Helper()
	cmd := exec.Command(buildBinary(t), append([]string{"query"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "SHOP_PASSWORD="+canary, "TERM=xterm")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, tty: tty, cmd: cmd, more: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.look()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = tty.Close()
		<-done
	})
	return p
}

// unseen takes out how the program asks for marks around what is pasted.
var unseen = strings.NewReplacer("\x1b[?2004h", "", "\x1b[?2004l", "")

func (p *person) look() {
	var raw string
	b := make([]byte, 4096)
	for {
		n, err := p.tty.Read(b)
		p.mu.Lock()
		raw += string(b[:n])
		p.seen = unseen.Replace(raw)
		p.ended = err != nil
		p.mu.Unlock()
		select {
		case p.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// types sends keys.
func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.tty, keys); err != nil {
		p.t.Fatal(err)
	}
}

// sees waits until the terminal shows a text, behind what was seen before, and returns what came up to it.
func (p *person) sees(text string) string {
	p.t.Helper()
	late := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		rest, ended := p.seen[p.at:], p.ended
		if i := strings.Index(rest, text); i >= 0 {
			p.at += i + len(text)
			p.mu.Unlock()
			return rest[:i]
		}
		p.mu.Unlock()
		if ended {
			p.t.Fatalf("the session has ended without %q:\n%s", text, rest)
		}
		select {
		case <-p.more:
		case <-late:
			p.t.Fatalf("does not see %q:\n%q", text, rest)
		}
	}
}

// leaves waits for the end of the process and returns its exit code.
func (p *person) leaves() int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	err := p.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// shellDir returns a folder with a config and a lake of two tables.
func shellDir(t *testing.T) string {
	t.Helper()
	server := testenv.MySQL(t)
	database := server.NewDatabase(t)
	db := server.DB(t, database)
	for _, statement := range []string{
		"CREATE TABLE orders (order_id INT PRIMARY KEY, order_status VARCHAR(25), amount DECIMAL(10,2), updated DATETIME)",
		"INSERT INTO orders VALUES (1, 'NEW', 1.50, '2014-07-23 00:00:00'), (2, 'CLOSED', 20, '2014-07-24 00:00:00'), (3, 'NEW', NULL, '2014-07-24 00:00:00')",
		"CREATE TABLE items (item_id INT PRIMARY KEY, quantity INT, updated DATETIME)",
		"INSERT INTO items VALUES (7, 11, '2014-07-23 00:00:00')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tidemark.yaml"), `connections:
  shop: {type: mysql, url: "`+server.URL()+database+`", password: "${env:SHOP_PASSWORD}"}
  lake: {type: file, path: lake}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated}, target: {connection: lake, table: shop.orders}}
  items: {source: {connection: shop, table: items, cursor: updated}, target: {connection: lake, table: archive.items, format: parquet}}
`)
	cmd := exec.Command(buildBinary(t), "run")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SHOP_PASSWORD="+server.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	prompt  = "tidemark> "
	onward  = "      ... "
	arrowUp = "\x1b[A"
	ctrlC   = "\x03"
	ctrlD   = "\x04"
	ctrlR   = "\x12"
)

func TestShell(t *testing.T) {
	dir := shellDir(t)
	p := sit(t, dir)
	p.sees(".help tells more")
	p.sees(prompt)

	// A query, in one line and in three.
	p.types("SELECT count(*) AS n FROM shop.orders;\r")
	p.sees("\r\nn\r\n3\r\n(1 row, ")
	p.sees(prompt)
	p.types("SELECT order_status,\r")
	p.sees(onward)
	p.types("  sum(amount) AS total -- NULL is none\r")
	p.sees(onward)
	p.types("FROM orders GROUP BY ALL ORDER BY 1; SELECT 'a;b' AS two;\r")
	p.sees("order_status  total\r\nCLOSED        20.00\r\nNEW            1.50\r\n(2 rows, ")
	p.sees("two\r\na;b\r\n(1 row, ")
	p.sees(prompt)

	// Wrong SQL shows where, and the session goes on.
	p.types("SELECT order_id,\r  wrong FROM shop.orders;\r")
	p.sees("tidemark: line 2, column 3: ")
	p.sees("\r\n  wrong FROM shop.orders\r\n  ^\r\n")
	p.sees(prompt)
	p.types("DROP TABLE shop.orders;\r")
	p.sees("only SELECT is allowed")
	p.sees(prompt)

	// Completion of a table, a column of that table only, a keyword, and of what there are several.
	p.types("SELECT order_s\t")
	p.sees("order_status")
	p.types(" FR\t")
	p.sees("FROM ")
	p.types("shop.\t")
	p.sees("shop.orders")
	p.types(" LIMIT 1;\r")
	p.sees("\r\norder_status\r\nNEW\r\n(1 row, ")
	p.sees(prompt)
	p.types("SELECT quantit\t FROM it\t;\r") // one after the other, without a look
	p.sees("\r\nquantity\r\n      11\r\n(1 row, ")
	p.sees(prompt)
	p.types("FROM shop.orders SELECT order_\t\t")
	p.sees("order_id      order_status\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n" + prompt)

	// The history has whole statements, and Ctrl-R finds them.
	p.types(arrowUp + arrowUp + "\x1b[1~") // Home
	p.sees("SELECT order_status FROM shop.orders LIMIT 1;")
	p.types("\r")
	p.sees("\r\norder_status\r\nNEW\r\n(1 row, ")
	p.sees(prompt)
	p.types("TOTAL" + ctrlR)
	p.sees("SELECT order_status,   sum(amount) AS total  FROM orders GROUP BY ALL ORDER BY 1;")
	p.types(ctrlC)
	p.sees("^C\r\n" + prompt)

	// Commands.
	p.types(".tables\r")
	p.sees("archive.items\r\nshop.orders\r\n" /* and no more */ + prompt)
	p.types(".schema orders\r")
	p.sees("CREATE TABLE shop.orders (\r\n  order_id     INTEGER")
	p.sees("amount       DECIMAL(10,2)")
	p.sees(prompt)
	p.types(".mode csv\r")
	p.sees(prompt)
	p.types("SELECT 1 AS a, NULL AS b;\r")
	p.sees("\r\na,b\r\n1,\r\n" + prompt)
	p.types(".mode table\r.rows 2\r")
	p.sees(prompt)
	p.sees(prompt)
	p.types("SELECT * FROM range(1234);\r")
	p.sees("\r\nrange\r\n    0\r\n    1\r\n(the first 2 of 1,234 rows, ")
	p.sees(prompt)
	p.types("FROM range(20000000);\r") // too many to count them all
	p.sees("\r\n    1\r\n(the first 2 of more than ")
	p.sees(prompt)
	p.types(".nothing\r")
	p.sees("there is no command .nothing")
	p.sees(prompt)

	p.types(ctrlD)
	if code := p.leaves(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}

	// Another session has the history, and nobody else can read it.
	path := filepath.Join(dir, "state", "tidemark", "query_history")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the history has mode %v, want 0600", info.Mode().Perm())
	}
	p = sit(t, dir, "--json")
	p.sees(prompt)
	p.types(arrowUp)
	p.sees(".nothing")
	p.types(arrowUp + arrowUp)
	p.sees("SELECT * FROM range(1234);")
	p.types(ctrlC)
	p.sees(prompt)
	p.types("SELECT 1 AS a;\r")
	p.sees("\r\n{\"a\":1}\r\n" + prompt)
	p.types(".quit\r")
	if code := p.leaves(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestShellCancels shows that Ctrl-C ends a query, at once, and not the session: again and again.
func TestShellCancels(t *testing.T) {
	p := sit(t, shellDir(t))
	p.sees(prompt)
	for range 3 {
		p.types("SELECT count(*) FROM range(100000000000) a, range(100000000000) b;\r")
		p.sees("range(100000000000) b;\r\n")
		time.Sleep(300 * time.Millisecond) // it runs; there is nothing to see of that
		begin := time.Now()
		p.types(ctrlC)
		p.sees("cancelled\r\n")
		p.sees(prompt)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("the prompt came after %v, want a second at most", took)
		}
	}
	p.types("SELECT 1 +\r")
	p.sees(onward)
	p.types(ctrlC) // takes back all lines
	p.sees("^C\r\n" + prompt)
	p.types("SELECT 42 AS n;\r")
	p.sees("\r\n n\r\n42\r\n")
	p.sees(prompt)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil { // not from the keyboard
		t.Fatal(err)
	}
	// It may reach the program only when the next query is there, and ends that then, but not one after it.
	p.types("SELECT 43 AS n;\r")
	p.sees(prompt)
	p.types("SELECT 44 AS n;\r")
	p.sees("\r\n n\r\n44\r\n")
	p.sees(prompt)
	p.types(ctrlD)
	if code := p.leaves(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestShellPaste shows that pasted text is taken as it is, several lines and tabs included, and that a signal from elsewhere
// ends the session with the terminal as it was.
func TestShellPaste(t *testing.T) {
	p := sit(t, shellDir(t))
	p.sees(prompt)
	p.types("\x1b[200~SELECT length('\t') AS tab,\r  'b' AS b;\rSELECT count(*) AS n\rFROM items;\r\x1b[201~")
	p.sees("tab  b\r\n  1  b\r\n(1 row, ")
	p.sees("\r\nn\r\n1\r\n(1 row, ")
	p.sees(prompt)
	before := state(t, p)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.sees("tidemark: interrupted")
	if code := p.leaves(); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if before != "raw" || state(t, p) != "cooked" {
		t.Errorf("the terminal was %s and is %s, want raw and cooked", before, state(t, p))
	}
}

// state tells how the person's terminal is.
func state(t *testing.T, p *person) string {
	t.Helper()
	was, err := term.MakeRaw(int(p.tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	now, err := term.GetState(int(p.tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Restore(int(p.tty.Fd()), was); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(was, now) {
		return "raw"
	}
	return "cooked"
}

// TestShellDiagnosis shows that a lake that cannot be read says the same in the shell as to a query.
func TestShellDiagnosis(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tidemark.yaml"), `connections:
  lake: {type: s3, url: s3://bucket/lake, endpoint: "http://127.0.0.1:1", region: us-east-1, path_style: true, access_key: "${env:SHOP_PASSWORD}", secret_key: "${env:SHOP_PASSWORD}"}
  shop: {type: mysql, url: mysql://etl@127.0.0.1:1/shop}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated}, target: {connection: lake, table: shop.orders}}
`)
	cmd := exec.Command(buildBinary(t), "query", "SELECT * FROM shop.orders")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SHOP_PASSWORD="+canary)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "127.0.0.1:1") || strings.Contains(string(out), canary) {
		t.Fatalf("query: %v\n%s", err, out)
	}
	p := sit(t, dir)
	p.sees(strings.ReplaceAll(string(out), "\n", "\r\n"))
	if got, want := p.leaves(), cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("exit code %d, want %d", got, want)
	}
}
