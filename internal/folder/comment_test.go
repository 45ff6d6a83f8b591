package folder_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// TestCommentBesidePrepare: somebody comments just before a run puts the next version of the table's record. The run
// gives its version another number, and both the comment and the new column are there.
func TestCommentBesidePrepare(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), targettest.Pipeline("orders", tidemark.ModeAppend)
	load(t, lake, p, 1, 2)
	catalog := folder.NewCatalog(store)
	left := 2
	target := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op == blobtest.OpPut && strings.HasPrefix(key, "_tidemark/_tables/") && left > 0 {
			left--
			for column, text := range map[string]string{"": "rows", "id": "their number"} {
				if _, err := catalog.Comment(t.Context(), p.Target, column, text+strings.Repeat("!", left)); err != nil {
					t.Error(err)
				}
			}
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	wider := targettest.Schema()
	wider.Columns = append(wider.Columns, tidemark.Column{Name: "extra", Type: arrow.PrimitiveTypes.Int32, Nullable: true, SourceType: "int"})
	if err := target.Prepare(t.Context(), wider); err != nil {
		t.Fatal(err)
	}
	d, err := catalog.Describe(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	last := d.Columns[len(d.Columns)-1]
	if left != 0 || d.Comment != "rows" || d.Columns[0].Name != "id" || d.Columns[0].Comment != "their number" || last.Name != "extra" {
		t.Errorf("the table says %q, its columns %+v", d.Comment, d.Columns)
	}
	load(t, lake, p, 3)
	if d, err = catalog.Describe(t.Context(), p.Target); err != nil || d.Comment != "rows" || d.Columns[0].Comment != "their number" {
		t.Errorf("after a run: %q, %+v, %v", d.Comment, d.Columns, err)
	}
}
