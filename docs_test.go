package tidemark_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated part of docs/config.md")

const (
	configDoc = "docs/config.md"
	marker    = "<!-- From here on this page is made from the comments in internal/config/spec.go: go test . -run TestConfigReference -update -->\n"
)

// TestConfigReference holds docs/config.md to the structs that the config is decoded into.
func TestConfigReference(t *testing.T) {
	structs := structs{}
	paths, err := filepath.Glob("internal/config/spec*.go")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if err := structs.read(path); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	structs.describe(&b, "The file", "", "file")
	want := b.String()

	page, err := os.ReadFile(configDoc)
	if err != nil {
		t.Fatal(err)
	}
	prose, got, found := strings.Cut(string(page), marker)
	if !found {
		t.Fatalf("%s has no line %q", configDoc, marker)
	}
	if diff := cmp.Diff(want, got); diff != "" && !*update {
		t.Errorf("%s differs from the structs (-want +got), run with -update:\n%s", configDoc, diff)
	} else if diff != "" {
		if err := os.WriteFile(configDoc, []byte(prose+marker+want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// structs are struct types by name.
type structs map[string]*ast.StructType

// read adds those of a file.
func (s structs) read(path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if one, ok := spec.Type.(*ast.StructType); ok {
				s[spec.Name.Name] = one
			}
		}
		return true
	})
	return nil
}

// describe writes the keys of the struct of that name, which lies at path, and then those of the structs below it.
func (s structs) describe(b *strings.Builder, title, path, name string) {
	fmt.Fprintf(b, "\n### %s\n\n| key | meaning | default |\n|---|---|---|\n", title)
	s.rows(b, name)
	s.below(b, path, name)
}

func (s structs) rows(b *strings.Builder, name string) {
	for _, field := range s[name].Fields.List {
		tag := tagOf(field)
		key, options, _ := strings.Cut(tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			s.rows(b, typeName(field.Type))
		case key != "":
			meaning := strings.Join(strings.Fields(field.Doc.Text()), " ")
			if values := tag.Get("enum"); values != "" {
				meaning += " One of `" + strings.ReplaceAll(values, ",", "`, `") + "`."
			}
			fallback := ""
			if d := tag.Get("default"); d != "" {
				fallback = "`" + d + "`"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, strings.ReplaceAll(meaning, "|", `\|`), fallback)
		}
	}
}

func (s structs) below(b *strings.Builder, path, name string) {
	for _, field := range s[name].Fields.List {
		tag := tagOf(field)
		below := typeName(field.Type)
		key, _, _ := strings.Cut(tag.Get("yaml"), ",")
		switch variant := tag.Get("variant"); {
		case variant != "":
			s.describe(b, fmt.Sprintf("`%s` with `type: %s`", path, variant), path, below)
		case key != "" && s[below] != nil:
			next := strings.TrimPrefix(path+"."+key, ".")
			switch field.Type.(type) {
			case *ast.MapType:
				next += ".NAME"
			case *ast.ArrayType:
				next += "[]"
			}
			s.describe(b, "`"+next+"`", next, below)
		}
	}
}

func tagOf(field *ast.Field) reflect.StructTag {
	if field.Tag == nil {
		return ""
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(text)
}

// typeName returns the name of a type, of what a pointer points to, or of the values of a map or a list.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.MapType:
		return typeName(e.Value)
	case *ast.ArrayType:
		return typeName(e.Elt)
	}
	return ""
}

// TestLinks checks that what a document points to within the repository is there.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range append(append(pages, decisions...), "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s points to %s, which is not there", page, m[1])
			}
		}
	}
}
