package engine_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/query"
)

// mend makes the lake what past.hidden has made of the source, as a repair does: row 2 has another note, row 4 is gone, row
// 60 has come. What is so already is left alone.
func mend(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source *table) (*engine.Mending, error) {
	t.Helper()
	l := openLake(t, store, p)
	parts := l.parts(t, store, p)
	parts.Source = source
	m, err := engine.BeginMending(ctx, p, parts)
	if err != nil {
		return nil, err
	}
	defer m.Close(ctx)
	snapshot, err := l.catalog.Snapshot(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	scan, err := query.OpenScan(ctx, query.Options{Catalog: l.catalog, Store: store, Cache: t.TempDir()}, snapshot, query.Newest{})
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	if err := find(ctx, m, scan, p, source); err != nil {
		return nil, err
	}
	if err := m.Finish(ctx, scan, true); err != nil || m.Nothing() {
		return m, err
	}
	_, err = m.Commit(ctx, "a test", engine.By{Who: "somebody"})
	return m, err
}

// find tells a mending what differs.
func find(ctx context.Context, m *engine.Mending, scan *query.Scan, p tidemark.Pipeline, source *table) error {
	type place struct {
		row
		file string
		at   int64
	}
	newest, come := place{}, false
	for b, err := range scan.Rows(ctx, []string{"id", "ts", "note"}) {
		if err != nil {
			return err
		}
		for i := range int(b.NumRows()) {
			r := place{file: b.File, at: b.Place(i)}
			r.id, r.note = b.Column(0).(*array.Int32).Value(i), b.Column(2).(*array.String).Value(i)
			if times := b.Column(1).(*array.Timestamp); times.IsValid(i) {
				r.ts = int64(times.Value(i)) / 1e6
			}
			switch {
			case r.id == 2 && r.ts >= newest.ts:
				newest = r
			case r.id == 4:
				m.Deleted(r.file, r.at)
			case r.id == 60:
				come = true
			}
		}
		b.Release()
	}
	var load []row
	for _, r := range source.visible() {
		if r.id == 2 && r.note != newest.note {
			load = append(load, r)
			if p.Mode != tidemark.ModeMerge {
				m.Extra(newest.file, newest.at)
			}
		}
		if r.id == 60 && !come {
			load = append(load, r)
		}
	}
	if len(load) == 0 {
		return nil
	}
	return m.Load(ctx, batchOf(m.Schema.Arrow(), load))
}

// mended is what the lake must hold then.
func (h past) mended(t *testing.T, p tidemark.Pipeline) []row {
	t.Helper()
	all := slices.DeleteFunc(h.look(t, p), func(r row) bool { return r.id == 4 })
	newest := -1
	for i, r := range all {
		if r.id == 2 && (newest < 0 || r.ts >= all[newest].ts) {
			newest = i
		}
	}
	for _, r := range h.source.visible() {
		if r.id == 2 {
			all[newest] = r
		}
		if r.id == 60 {
			all = append(all, r)
		}
	}
	return sorted(all)
}

// TestMendFaultTable strikes each write of a repair.
func TestMendFaultTable(t *testing.T) {
	strikeAll(t, func(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source *table) error {
		_, err := mend(ctx, t, store, p, source)
		return err
	}, past.mended)
}

// TestMendConflict: a run that commits between the comparison and the commit of a repair wins, and nothing is changed.
func TestMendConflict(t *testing.T) {
	for _, tt := range kept {
		if tt.mode == tidemark.ModeReplace {
			continue
		}
		p := pipelineOf(tt.format, tt.mode)
		h := newPast(t, p)
		h.hidden()
		l := openLake(t, h.store, p)
		parts := l.parts(t, h.store, p)
		parts.Source = h.source
		m, err := engine.BeginMending(t.Context(), p, parts)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Load(t.Context(), batchOf(m.Schema.Arrow(), []row{{60, 1000, "dated back"}})); err != nil {
			t.Fatal(err)
		}
		if err := m.Finish(t.Context(), nil, false); err != nil {
			t.Fatal(err)
		}
		h.source.pass(10)
		h.source.insert(77)
		mustRun(t, h.store, p, h.source)
		before := h.look(t, p)
		_, err = m.Commit(t.Context(), "a test", engine.By{Who: "somebody"})
		m.Close(t.Context())
		if !errors.Is(err, tidemark.ErrConflict) {
			t.Errorf("%s %s: %v, want a conflict", tt.format, tt.mode, err)
		}
		if got := h.look(t, p); !slices.Equal(got, before) {
			t.Errorf("%s %s: the lake holds\n%v, want\n%v", tt.format, tt.mode, got, before)
		}
	}
}

// TestMendStopsEarly: when the files cannot be written, the comparison does not go on to its end, and says why.
func TestMendStopsEarly(t *testing.T) {
	p := pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	h := newPast(t, p)
	full := errors.New("the disk is full")
	l := openLake(t, h.store, p)
	parts := l.parts(t, h.store, p)
	parts.Source, parts.Target = h.source, failing{parts.Target, full}
	m, err := engine.BeginMending(t.Context(), p, parts)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())
	for i := range int32(1000) {
		if err = m.Load(t.Context(), batchOf(m.Schema.Arrow(), []row{{i, 1000, "x"}})); err != nil {
			break
		}
	}
	if !errors.Is(err, full) {
		t.Errorf("1,000 batches were taken, and then: %v", err)
	}
}

// failing is a target that cannot write.
type failing struct {
	tidemark.Target
	err error
}

func (f failing) Write(context.Context, tidemark.RunID, iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	return nil, f.err
}
