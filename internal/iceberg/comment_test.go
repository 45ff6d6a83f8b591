package iceberg

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// said are the comments and docs of a table, "" being its own.
func said(t *testing.T, l *Lake) map[string]string {
	t.Helper()
	d, err := l.Describe(t.Context(), pipeline("").Target)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"": d.Comment}
	for _, c := range d.Columns {
		all[c.Name] = c.Comment + "|" + c.Doc
	}
	return all
}

func mustComment(t *testing.T, l *Lake, column, text, wantWas string) {
	t.Helper()
	was, err := l.Comment(t.Context(), pipeline("").Target, column, text)
	if err != nil || was != wantWas {
		t.Fatalf("comment %q on %q: was %q, %v, want %q", text, column, was, err, wantWas)
	}
}

func TestComment(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		if _, err := l.Comment(t.Context(), pipeline("").Target, "", "x"); !errors.Is(err, tidemark.ErrNotFound) {
			t.Fatalf("a comment on no table: %v", err)
		}
		target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
		mustLoad(t, target, rowsOf(0, 3, "a"))
		bare := said(t, l)
		if _, err := l.Comment(t.Context(), pipeline("").Target, "nosuch", "x"); !errors.Is(err, tidemark.ErrNotFound) || tidemark.Hint(err) == "" {
			t.Fatalf("a comment on no column: %v", err)
		}
		mustComment(t, l, "", "all of it", "")
		mustComment(t, l, "name", "first", "")
		mustComment(t, l, "name", "second", "first")
		version := loadTable(t, l).MetadataLocation()
		mustComment(t, l, "name", "second", "second")
		mustComment(t, l, "id", "", "")
		if now := loadTable(t, l).MetadataLocation(); now != version {
			t.Errorf("what was said already made %s of %s", now, version)
		}
		mustLoad(t, target, rowsOf(3, 6, "b"))
		want := map[string]string{}
		for k, v := range bare {
			want[k] = v
		}
		want[""], want["name"] = "all of it", "second"+bare["name"]
		if diff := cmp.Diff(want, said(t, l)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if f, ok := loadTable(t, l).Schema().FindFieldByName("name"); !ok || f.Doc != "second" {
			t.Errorf("other engines read %q", f.Doc)
		}
		mustComment(t, l, "name", "first", "second") // a schema that the table has had
		mustComment(t, l, "name", "", "first")
		mustComment(t, l, "", "", "all of it")
		if diff := cmp.Diff(bare, said(t, l)); diff != "" {
			t.Errorf("taken away (-want +got)\n%s", diff)
		}
		check(t, l, rowsOf(0, 3, "a"), rowsOf(3, 6, "b"))
	})
}

// TestCommentOutlivesWidening: a run that widens a column knows the source's new type, and leaves the comment.
func TestCommentOutlivesWidening(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	with := func(c tidemark.Column, sourceType string) *tidemark.Schema {
		c.SourceType = sourceType
		return columns(c)
	}
	for _, s := range []*tidemark.Schema{with(column("n", arrow.PrimitiveTypes.Int32, true), "int"), with(column("n", arrow.PrimitiveTypes.Int64, true), "bigint")} {
		if err := target.Prepare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if s.Columns[0].SourceType == "int" {
			mustComment(t, l, "n", "how many", "")
		}
	}
	if got := said(t, l)["n"]; got != "how many|bigint" {
		t.Errorf("the column says %q", got)
	}
	mustComment(t, l, "n", "", "how many")
	if f, _ := loadTable(t, l).Schema().FindFieldByName("n"); f.Doc != "bigint" || f.Type.String() != "long" {
		t.Errorf("taken away, the column is %v", f)
	}
}

// commenting has somebody comment just before each of the first swaps that it sees.
type commenting struct {
	heads
	other *Lake
	left  int
	t     *testing.T
}

func (c *commenting) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	if c.left > 0 {
		c.left--
		if _, err := c.other.Comment(ctx, v.id, "name", fmt.Sprintf("%d to go", c.left)); err != nil {
			c.t.Error(err)
		}
		if _, err := c.other.Comment(ctx, v.id, "", fmt.Sprintf("%d to go", c.left)); err != nil {
			c.t.Error(err)
		}
	}
	return c.heads.swap(ctx, v)
}

// TestCommentBesideCommit: a comment makes no snapshot, so the head of main does not tell a run of it. The run's commit must
// neither fail nor be built on the metadata from before.
func TestCommentBesideCommit(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge, tidemark.ModeReplace} {
		t.Run(string(mode), func(t *testing.T) {
			everyLake(t, func(t *testing.T, o Options) {
				l, other := open(t, o), open(t, o)
				target := l.Target(pipeline(mode), testLog(t))
				mustLoad(t, target, rowsOf(0, 10, "a"))
				own := l.tables.heads
				l.tables.heads = &commenting{heads: own, other: other, left: 3, t: t}
				mustLoad(t, target, rowsOf(5, 12, "b"))
				l.tables.heads = own
				switch mode {
				case tidemark.ModeAppend:
					check(t, l, rowsOf(0, 10, "a"), rowsOf(5, 12, "b"))
				case tidemark.ModeMerge:
					check(t, l, rowsOf(0, 5, "a"), rowsOf(5, 12, "b"))
				case tidemark.ModeReplace:
					check(t, l, rowsOf(5, 12, "b"))
				}
				if got := seq(t, target); got != 2 {
					t.Errorf("the pipeline is at commit %d", got)
				}
				got := said(t, l)
				if got[""] != "0 to go" || got["name"][:len("0 to go")] != "0 to go" {
					t.Errorf("the table says %q", got)
				}
			})
		})
	}
}
