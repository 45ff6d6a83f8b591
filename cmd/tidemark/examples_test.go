package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

var updateExamples = flag.Bool("update-examples", false, "write what the commands of examples/ print into their pages")

// TestExamples runs the commands that the pages in examples/ show, in their folders, and compares what they print with the
// page. Where the shared data set is not there, the commands run on made-up orders and only have to end as they should.
func TestExamples(t *testing.T) {
	pages, err := filepath.Glob("../../examples/*/README.md")
	if err != nil || len(pages) < 3 {
		t.Fatalf("%d examples: %v", len(pages), err)
	}
	binary := buildBinary(t)
	for _, page := range pages {
		t.Run(filepath.Base(filepath.Dir(page)), func(t *testing.T) { runExample(t, binary, page) })
	}
}

// consoles are the blocks of a page with commands and what they print.
var consoles = regexp.MustCompile("(?s)```console\n(.*?)```")

func runExample(t *testing.T, binary, page string) {
	t.Helper()
	server, orders := testenv.MySQL(t), testenv.Orders(t)
	x := &example{server: server, database: server.NewDatabase(t), dir: t.TempDir()}
	server.Exec(t, "CREATE TABLE "+x.database+".orders (order_id INT, order_last_updated DATETIME, customer_id INT, order_status VARCHAR(25))")
	server.LoadOrders(t, x.database, "orders", orders)
	x.environment = append(os.Environ(), "SHOP_PASSWORD="+server.Password, "TIDEMARK_CONNECTIONS_SHOP_URL="+server.URL()+x.database,
		"PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	config, err := os.ReadFile(filepath.Join(filepath.Dir(page), "tidemark.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, filepath.Join(x.dir, "tidemark.yaml"), string(config))
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := consoles.ReplaceAllStringFunc(string(text), func(block string) string {
		var b strings.Builder
		b.WriteString("```console\n")
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				b.WriteString(line + x.start(t, command))
			}
		}
		return b.String() + "```"
	})
	switch {
	case *updateExamples:
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	case strings.HasPrefix(orders, os.TempDir()): // made up
		t.Log("the pages show the shared data set, which is not here: what is printed is not compared")
	default:
		if diff := cmp.Diff(steady(string(text)), steady(got)); diff != "" {
			t.Errorf("%s (-shown +printed), -update-examples writes it:\n%s", page, diff)
		}
	}
	if failed := strings.Count(got, "exit code"); failed != strings.Count(string(text), "exit code") {
		t.Errorf("a command ends otherwise than on the page:\n%s", got)
	}
}

// An example is a folder in which commands run, and the database that they load from.
type example struct {
	server        *testenv.Server
	database, dir string
	environment   []string
}

// start runs a command as a shell does and returns all that it prints, and its exit code where that is another than 0.
func (x *example) start(t *testing.T, command string) string {
	t.Helper()
	if statement, ok := strings.CutPrefix(command, `mysqlexec "$URL" `); ok {
		statement, err := strconv.Unquote(statement)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		x.server.Exec(t, "USE "+x.database, statement)
		return ""
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = x.dir, x.environment
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return string(out) + "(exit code " + strconv.Itoa(failed.ExitCode()) + ")\n"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What differs from one run to the next: sizes, times and how the server could be asked.
var unsteady = regexp.MustCompile(`[0-9.,]+ (?:[KMG]i?B|B|ms|s|files?)\b`)

func steady(text string) string { return unsteady.ReplaceAllString(text, "#") }
