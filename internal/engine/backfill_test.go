package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/query"
)

// texted is a table whose keys can be compared with the lake's.
type texted struct {
	*table
	tidemark.Comparer
}

func (texted) Texts(b arrow.RecordBatch, columns []string) (func([]byte, int) []byte, error) {
	if !slices.Equal(columns, []string{"id"}) {
		return nil, fmt.Errorf("texts of columns %v", columns)
	}
	ids := b.Column(b.Schema().FieldIndices("id")[0]).(*array.Int32)
	return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(ids.Value(row)), 10) }, nil
}

// backfill makes one as the command does.
func backfill(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source *table, r engine.Range) (*engine.Backfill, error) {
	t.Helper()
	l := openLake(t, store, p)
	parts := l.parts(t, store, p)
	parts.Source = texted{table: source}
	b, err := engine.PlanBackfill(ctx, p, parts, func(ctx context.Context) (engine.Table, error) {
		snapshot, err := l.catalog.Snapshot(ctx, p.Target)
		if err != nil {
			return nil, err
		}
		return query.OpenScan(ctx, query.Options{Catalog: l.catalog, Store: store, Cache: t.TempDir()}, snapshot, query.Newest{})
	}, r)
	if err != nil {
		return nil, err
	}
	_, err = b.Commit(ctx, engine.By{Who: "somebody", Why: "a test"}, new(engine.Progress))
	return b, err
}

// hidden changes the source below settled, where no run looks: a row is changed, one deleted, one dated back.
func (h past) hidden() {
	h.source.mu.Lock()
	defer h.source.mu.Unlock()
	for i := range h.source.rows {
		if r := &h.source.rows[i]; r.id == 2 {
			r.note = "changed"
		}
	}
	h.source.rows = slices.DeleteFunc(h.source.rows, func(r row) bool { return r.id == 4 })
	h.source.rows = append(h.source.rows, row{60, 1000, "dated back"})
}

// backfilled is what the lake must hold when the rows below settled were read again.
func (h past) backfilled(t *testing.T, p tidemark.Pipeline) []row {
	t.Helper()
	w := tidemark.Window{Until: h.mark(t, p).Settled}
	var come []row
	for _, r := range h.source.visible() {
		if isWithin(r, w) {
			come = append(come, r)
		}
	}
	all := slices.DeleteFunc(h.look(t, p), func(r row) bool {
		if p.Mode == tidemark.ModeMerge {
			return slices.ContainsFunc(come, func(c row) bool { return c.id == r.id })
		}
		return isWithin(r, w)
	})
	return sorted(append(all, come...))
}

func TestBackfill(t *testing.T) {
	for _, tt := range kept {
		t.Run(fmt.Sprintf("%s %s", tt.format, tt.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			h := newPast(t, p)
			h.hidden()
			was := h.mark(t, p)
			b, err := backfill(t.Context(), t, h.store, p, h.source, engine.Range{})
			if tt.mode == tidemark.ModeReplace {
				if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "tidemark run p") {
					t.Errorf("a table that is replaced: %v, %s", err, tidemark.Hint(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			now := h.mark(t, p)
			if now.Seq != was.Seq+1 || now.High != was.High || now.Settled != was.Settled || now.Overlap != was.Overlap || now.Total != was.Total+b.Loaded()-b.Gone || now.Rows != b.Loaded() {
				t.Errorf("the watermark went from %+v to %+v; %d came, %d went", was, now, b.Loaded(), b.Gone)
			}
			if got, want := h.look(t, p), h.backfilled(t, p); !slices.Equal(got, want) {
				t.Errorf("the lake holds\n%v, want\n%v", got, want)
			}
			h.source.pass(60)
			if r := mustRun(t, h.store, p, h.source); r.New != 0 {
				t.Errorf("%d rows are new behind it", r.New)
			}
		})
	}
}

func TestBackfillRefuses(t *testing.T) {
	p := pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	h := newPast(t, p)
	before := h.mark(t, p)
	settled := before.Settled.String()
	for _, c := range []struct {
		r    engine.Range
		kind error
		want string
	}{
		{engine.Range{From: "x"}, tidemark.ErrInvalid, "from:"},
		{engine.Range{To: "17"}, tidemark.ErrInvalid, "to:"},
		{engine.Range{From: settled}, tidemark.ErrInvalid, "no row can be in the range"},
		{engine.Range{From: "2024-01-02", To: "2024-01-01"}, tidemark.ErrInvalid, "ends above settled"},
		{engine.Range{From: "1970-01-01 00:00:02", To: "1970-01-01 00:00:01"}, tidemark.ErrInvalid, "no row can be in the range"},
		{engine.Range{Column: "colour"}, tidemark.ErrNotFound, `column "colour"`},
	} {
		if _, err := backfill(t.Context(), t, h.store, p, h.source, c.r); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.r, err, c.want)
		}
	}
	other := pipelineOf(p.Format, p.Mode)
	other.ID = "nothing"
	if _, err := backfill(t.Context(), t, newPast(t, p).store, other, h.source, engine.Range{}); err == nil {
		t.Error("a pipeline that has loaded nothing: no error")
	}
	h.source.origin.Server = "another"
	if _, err := backfill(t.Context(), t, h.store, p, h.source, engine.Range{}); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "was loaded from something else") {
		t.Errorf("another server: %v", err)
	}
	if now := h.mark(t, p); now.Seq != before.Seq {
		t.Errorf("the watermark went from %+v to %+v", before, now)
	}
}

// TestBackfillReadsAgain: a stream that is cut is begun again, and its files of before are gone.
func TestBackfillReadsAgain(t *testing.T) {
	for _, tt := range kept {
		if tt.mode == tidemark.ModeReplace {
			continue
		}
		p := pipelineOf(tt.format, tt.mode)
		h := newPast(t, p)
		h.hidden()
		h.source.cut = 1
		if _, err := backfill(t.Context(), t, h.store, p, h.source, engine.Range{}); err != nil {
			t.Errorf("%s %s: %v", tt.format, tt.mode, err)
		}
		if got, want := h.look(t, p), h.backfilled(t, p); !slices.Equal(got, want) || h.source.cut != 0 {
			t.Errorf("%s %s: the lake holds\n%v, want\n%v", tt.format, tt.mode, got, want)
		}
	}
}

// TestBackfillFaultTable strikes each write of a backfill.
func TestBackfillFaultTable(t *testing.T) {
	strikeAll(t, func(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source *table) error {
		_, err := backfill(ctx, t, store, p, source, engine.Range{})
		return err
	}, past.backfilled)
}
