package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/engine"
)

func (l lake) adopt(t *testing.T, p tidemark.Pipeline, source tidemark.Source, store storage, old tidemark.PipelineID) error {
	t.Helper()
	_, err := engine.Adopt(context.Background(), p, engine.Parts{
		Source: source, Target: l.target, Side: l.side, Trail: blob.NewTrailFolder(store, p.ID), Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(),
	}, old, blob.NewSideFolder(store, old), engine.By{Who: "somebody"})
	return err
}

var formats = []tidemark.Format{tidemark.FormatIceberg, tidemark.FormatParquet}

// A pipeline gets another name. Its first run would double all rows; it stops and says what to do, and after that goes
// on where the old one was, suppressing what that one had in its overlap.
func TestAdoptRenamed(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			source.insert(1, 2, 3)
			mustRun(t, store, p, source)
			want := sorted(source.visible())

			p.ID = "renamed"
			_, err := openLake(t, store, p).run(t.Context(), t, p, source)
			if !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
				t.Fatalf("the first run under the new name: %v", err)
			}
			if err := openLake(t, store, p).adopt(t, p, source, store, "p"); err != nil {
				t.Fatal(err)
			}
			if r := mustRun(t, store, p, source); r.New != 0 || r.Suppressed != 3 {
				t.Errorf("after the adoption: %+v", r)
			}
			source.insert(4)
			mustRun(t, store, p, source)
			want = append(want, source.visible()[3])
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); !slices.Equal(got, want) {
				t.Errorf("the lake holds %v, want %v", got, want)
			}
			if err := openLake(t, store, p).adopt(t, p, source, store, "p"); !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("adopt over a watermark: %v, want ErrInvalid", err)
			}
			p.ID = "third"
			if err := openLake(t, store, p).adopt(t, p, source, store, "nobody"); !errors.Is(err, tidemark.ErrNotFound) {
				t.Errorf("adopt of a name that is not there: %v, want ErrNotFound", err)
			}
		})
	}
}

// The table moves to another server. The watermark is good there too, if its owner says so.
func TestAdoptMoved(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			source.insert(1, 2, 3)
			mustRun(t, store, p, source)
			source.origin.Server = "another"
			if _, err := openLake(t, store, p).run(t.Context(), t, p, source); !errors.Is(err, tidemark.ErrInvalid) {
				t.Fatalf("a run from another server: %v, want ErrInvalid", err)
			}
			if err := openLake(t, store, p).adopt(t, p, source, store, p.ID); err != nil {
				t.Fatal(err)
			}
			source.insert(4)
			if r := mustRun(t, store, p, source); r.New != 1 || r.Suppressed != 3 {
				t.Errorf("after the adoption: %+v", r)
			}
		})
	}
}

// Two pipelines fill one table from the same source, because their owner wants it so.
func TestAdoptNone(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			source.insert(1, 2)
			mustRun(t, store, p, source)
			p.ID = "beside"
			if err := openLake(t, store, p).adopt(t, p, source, store, ""); err != nil {
				t.Fatal(err)
			}
			if r := mustRun(t, store, p, source); r.New != 2 {
				t.Errorf("after the adoption: %+v", r)
			}
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); len(got) != 4 {
				t.Errorf("the lake holds %v", got)
			}
		})
	}
}

// In replace the rows stay until the next run replaces them.
func TestAdoptReplacing(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeReplace)
			source.insert(1, 2, 3)
			mustRun(t, store, p, source)
			source.origin.Server = "another"
			if err := openLake(t, store, p).adopt(t, p, source, store, p.ID); err != nil {
				t.Fatal(err)
			}
			want := sorted(source.visible())
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); !slices.Equal(got, want) {
				t.Errorf("the lake holds %v, want %v", got, want)
			}
			mustRun(t, store, p, source)
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); !slices.Equal(got, want) {
				t.Errorf("after a run the lake holds %v, want %v", got, want)
			}
			p.Mode = tidemark.ModeAppend // it would load all rows beside those that are there
			if err := openLake(t, store, p).adopt(t, p, source, store, p.ID); !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("adopt for another mode: %v, want ErrInvalid", err)
			}
		})
	}
}

func mustRun(t *testing.T, store storage, p tidemark.Pipeline, source tidemark.Source) tidemark.RunResult {
	t.Helper()
	r, err := openLake(t, store, p).run(t.Context(), t, p, source)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
