package tidemark_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tidemark-data/tidemark"

// layers says which of our packages each package may import: "." is the root, "*" stands for all. A package that is
// not listed fails the test: a new one is added on purpose, here and in docs/design.md.
var layers = map[string][]string{
	".":                  {},
	"run":                {"*"},
	"serve":              {"*"},
	"cmd/tidemark":       {"*"},
	"internal/config":    {".", "internal/failpoint"},
	"internal/mysql":     {"."},
	"internal/overlap":   {"."},
	"internal/transform": {".", "internal/duckdb"},
	"internal/duckdb":    {"."},
	"internal/blob":      {"."}, // for the kinds of error
	"internal/parquet":   {".", "internal/blob"},
	"internal/amazon":    {"."},
	"internal/glue":      {".", "internal/amazon"},
	"internal/athena":    {".", "internal/amazon", "internal/duckdb"}, // for the values of an answer
	"internal/sqs":       {".", "internal/amazon"},
	"internal/iceberg":   {".", "internal/blob", "internal/parquet", "internal/glue", "internal/failpoint"},
	"internal/folder":    {".", "internal/blob", "internal/parquet", "internal/glue", "internal/failpoint"},
	"internal/engine":    {".", "internal/overlap", "internal/transform", "internal/failpoint", "internal/trace"},
	"internal/sqlite":    {"."},
	"internal/propose":   {"."},
	"internal/schedule":  {"."},
	"internal/temporal":  {".", "internal/engine"},
	"internal/query":     {".", "internal/duckdb", "internal/blob", "internal/parquet"},
	"internal/shell":     {".", "internal/duckdb"},
	"internal/verify":    {"."},
	"internal/profile":   {".", "internal/duckdb"},
	"internal/restserve": {"."},
	"internal/web":       {".", "run", "internal/auth", "internal/config"},
	"internal/auth":      {"."},
	"internal/post":      {"."},
	"internal/notify":    {".", "internal/post"},
	"internal/lineage":   {".", "internal/post"},
	"internal/trace":     {"."},
	"internal/metrics":   {"."},
	"internal/failpoint": {},
	"internal/testenv":   {},
	"bench":              {"internal/duckdb"}, // what a query is compared with
	"demo":               {},
}

// sole names the libraries that exactly one package may import, so that they can be replaced in one place.
var sole = map[string]string{
	"github.com/duckdb/duckdb-go":              "internal/duckdb",
	"github.com/go-mysql-org/go-mysql":         "internal/mysql",
	"github.com/apache/iceberg-go":             "internal/iceberg",
	"github.com/aws/aws-sdk-go-v2/service/s3":  "internal/blob",
	"github.com/aws/aws-sdk-go-v2/service/sqs": "internal/sqs",
	"github.com/goccy/go-yaml":                 "internal/config",
	"go.temporal.io":                           "internal/temporal",
	"go.opentelemetry.io":                      "internal/trace",
	"github.com/prometheus":                    "internal/metrics",
}

// vague are package names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "shared", "helper", "helpers", "types", "models", "constants", "base", "misc"}

const (
	maxFileLines     = 600
	maxFunctionLines = 80 // not in tests: a table may be long
)

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// TestLayering holds the packages to the table above. Only what the product is built from counts: a test may
// import what it likes.
func TestLayering(t *testing.T) {
	for _, p := range listPackages(t) {
		name := layerName(p.ImportPath)
		allowed, known := layers[name]
		if !known && !isTestSupport(name) {
			t.Errorf("package %s is not in the table of layers", name)
			continue
		}
		for _, imported := range p.Imports {
			if what := wrongImport(name, allowed, imported); what != "" {
				t.Errorf("package %s imports %s: %s", name, imported, what)
			}
		}
		if strings.HasPrefix(name, "cmd/") && slices.ContainsFunc(p.Deps, func(d string) bool { return isTestSupport(layerName(d)) }) {
			t.Errorf("package %s is built from a package that is only for tests", name)
		}
	}
}

// wrongImport says why a package of that name must not import path, or "" when it may.
func wrongImport(name string, allowed []string, path string) string {
	for library, owner := range sole {
		if strings.HasPrefix(path, library) && name != owner && !isTestSupport(name) {
			return "only " + owner + " may"
		}
	}
	imported := layerName(path)
	if imported == "" || isTestSupport(name) {
		return ""
	}
	if !slices.Contains(allowed, imported) && !slices.Contains(allowed, "*") {
		return "the table of layers does not allow it"
	}
	return ""
}

// layerName returns an import path relative to the module, "." for its root, or "" for a foreign package.
func layerName(path string) string {
	if path == module {
		return "."
	}
	name, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	return name
}

// isTestSupport reports whether a package exists for tests only: testenv and the conformance suites, which lie
// below the package whose interface they test and end in "test", as internal/blob/blobtest does; targettest tests an
// interface of the root package.
func isTestSupport(name string) bool {
	return name == "internal/testenv" || name == "internal/targettest" || (strings.Count(name, "/") == 2 && strings.HasSuffix(name, "test"))
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-json=ImportPath,Imports,Deps", "./...").Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	var ours []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return ours
		} else if err != nil {
			t.Fatal(err)
		}
		if layerName(p.ImportPath) != "" {
			ours = append(ours, p)
		}
	}
}

// TestSourceForm checks what a reader of the code relies on, in all modules of the repository: every package says
// why it is there, its name means something, and no file or function is too long to be taken in.
func TestSourceForm(t *testing.T) {
	documented := map[string]bool{} // by folder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(skipped, entry.Name())):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		return checkFile(t, path, documented)
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, has := range documented {
		if !has {
			t.Errorf("package %s has no doc comment", folder)
		}
	}
}

// skipped are folders without source of ours.
var skipped = []string{"testdata", "node_modules", "bin", "demo-lake"}

func checkFile(t *testing.T, path string, documented map[string]bool) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		return err
	}
	isTest := strings.HasSuffix(path, "_test.go")
	if !isTest {
		folder := filepath.Dir(path)
		documented[folder] = documented[folder] || strings.TrimSpace(file.Doc.Text()) != ""
	}
	if slices.Contains(vague, file.Name.Name) {
		t.Errorf("%s: package name %q says nothing", path, file.Name.Name)
	}
	if ast.IsGenerated(file) {
		return nil
	}
	if lines := bytes.Count(source, []byte("\n")); lines > maxFileLines {
		t.Errorf("%s has %d lines, the limit is %d", path, lines, maxFileLines)
	}
	if !isTest {
		checkFunctions(t, files, file)
	}
	return nil
}

func checkFunctions(t *testing.T, files *token.FileSet, file *ast.File) {
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		start, end := files.Position(function.Pos()), files.Position(function.End())
		if lines := end.Line - start.Line + 1; lines > maxFunctionLines {
			t.Errorf("%s: function %s has %d lines, the limit is %d", start, function.Name.Name, lines, maxFunctionLines)
		}
	}
}

// TestWrongImport shows that the table bites.
func TestWrongImport(t *testing.T) {
	for _, c := range []struct {
		name, path string
		wrong      bool
	}{
		{"internal/mysql", module, false},
		{"internal/mysql", "context", false},
		{"internal/mysql", "github.com/go-mysql-org/go-mysql/client", false},
		{"internal/mysql", module + "/internal/iceberg", true},
		{"internal/engine", "github.com/go-mysql-org/go-mysql/client", true},
		{"internal/engine", module + "/internal/testenv", true},
		{".", module + "/internal/engine", true},
		{"cmd/tidemark", module + "/internal/engine", false},
		{"cmd/tidemark", "github.com/duckdb/duckdb-go/v2", true},
		{"internal/blob/blobtest", module + "/internal/blob", false},
	} {
		if got := wrongImport(c.name, layers[c.name], c.path); (got != "") != c.wrong {
			t.Errorf("import of %s by %s: %q, want wrong = %t", c.path, c.name, got, c.wrong)
		}
	}
}
