package tidemark_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/internal/config"
)

// docConnections are those that examples rely on where they show none themselves.
const docConnections = `connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/shop}
  lake: {type: s3, url: s3://bucket/lake}
`

// docPipeline is what examples stand in that show pipelines no more than in part.
const docPipeline = `pipelines:
  orders:
    source: {connection: shop, table: db2.orders, cursor: order_last_updated}
    target: {connection: lake, table: orders.landing}
`

// TestDocConfigs reads every YAML of the docs as a config.
func TestDocConfigs(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	found := 0
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blocks.FindAllStringSubmatch(string(text), -1) {
			found++
			whole := m[1]
			switch {
			case strings.HasPrefix(strings.TrimSpace(whole), "- "): // a step
				whole = docPipeline + "    transforms:\n" + whole
			case strings.HasPrefix(whole, "    checks:"), strings.HasPrefix(whole, "    triggers:"):
				whole = docPipeline + whole
			case strings.HasPrefix(whole, "    target:"): // in the place of the other
				whole = docPipeline[:strings.Index(docPipeline, "    target:")] + whole
			case !strings.Contains(whole, "pipelines:\n"):
				whole += docPipeline
			}
			if !strings.Contains(whole, "connections:\n") {
				whole = docConnections + whole
			} else if !strings.Contains(whole, "  shop:") {
				whole = strings.Replace(whole, "connections:\n", docConnections[:strings.Index(docConnections, "  lake:")], 1)
			}
			if _, err := config.Parse(page, []byte(whole)); err != nil {
				t.Errorf("%s: %v\n%s", page, err, whole)
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d examples were found", found)
	}
}
