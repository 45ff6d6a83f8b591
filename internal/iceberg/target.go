package iceberg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// A Target is one table of a lake as the target of one pipeline. It implements tidemark.Target and tidemark.Discarder.
type Target struct {
	lake *Lake
	p    tidemark.Pipeline
	log  *slog.Logger

	mu     sync.Mutex
	seen   *table.Table // as Watermark has found it, for Prepare; nil when there was none
	layout *layout      // what Prepare has made ready for Write
}

var (
	_ tidemark.Target    = (*Target)(nil)
	_ tidemark.Discarder = (*Target)(nil)
)

// Target returns the target of a pipeline. It reads and writes nothing yet.
func (l *Lake) Target(p tidemark.Pipeline, log *slog.Logger) *Target {
	return &Target{lake: l, p: p, log: log.With("pipeline", p.ID, "table", p.Target.String())}
}

// Recover does nothing: a commit is one act, so a killed run leaves either all of it or files that no snapshot names.
func (t *Target) Recover(context.Context) error { return nil }

// Watermark returns what the pipeline has loaded, by the table's property. It stops where the property cannot be the
// truth: the table was rolled back to before the commit that it names, or holds rows of unknown origin.
func (t *Target) Watermark(ctx context.Context) (tidemark.Watermark, error) {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if errors.Is(err, tidemark.ErrNotFound) {
		t.see(nil)
		return tidemark.Watermark{}, nil
	}
	if err != nil {
		return tidemark.Watermark{}, err
	}
	t.see(tbl)
	w, ok, err := watermarkOf(tbl, t.p.ID)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	h := historyOf(tbl, t.p.ID)
	if !ok {
		return tidemark.Watermark{}, t.checkForeign(ctx, tbl, h)
	}
	if h.rolledBack(w) {
		return tidemark.Watermark{}, tidemark.WithHint(
			fmt.Errorf("table %s says that pipeline %s has made commit %d, but the table was set back to before it: %w", t.p.Target, t.p.ID, w.Seq, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark rewind %s` sets the watermark back too, so that the rows are loaded again", t.p.ID))
	}
	return w, nil
}

func (t *Target) see(tbl *table.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = tbl
}

// checkForeign decides whether a pipeline that has no watermark in a table may begin there.
func (t *Target) checkForeign(ctx context.Context, tbl *table.Table, h history) error {
	if len(h.main) > 0 {
		return tidemark.WithHint(
			fmt.Errorf("table %s holds commit %d of pipeline %s, but its property %s is gone: %w", t.p.Target, h.main[0].seq, t.p.ID, watermarkKey(t.p.ID), tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark rewind %s` writes it again from the snapshot", t.p.ID))
	}
	others := pipelinesOf(tbl)
	if len(others) > 0 && t.p.Mode == tidemark.ModeAppend {
		return nil
	}
	any, err := holdsFiles(ctx, tbl)
	if err != nil || !any {
		return err
	}
	return tidemark.WithHint(
		fmt.Errorf("table %s holds rows that pipeline %s has not loaded: %w", t.p.Target, t.p.ID, tidemark.ErrInvalid),
		fmt.Sprintf("if a pipeline loaded them under another name: `tidemark watermark adopt %[1]s OLD`; if they shall stay beside what %[1]s loads: `tidemark watermark adopt --none %[1]s`; or choose another target table", t.p.ID))
}

// holdsFiles reports whether a table has any data file. It reads the manifest list alone.
func holdsFiles(ctx context.Context, tbl *table.Table) (bool, error) {
	head := tbl.CurrentSnapshot()
	if head == nil {
		return false, nil
	}
	fs, err := tbl.FS(ctx)
	if err != nil {
		return false, err
	}
	manifests, err := head.Manifests(fs)
	if err != nil {
		return false, fmt.Errorf("read manifest list of snapshot %d: %w", head.SnapshotID, kindOf(err))
	}
	for _, m := range manifests {
		if m.ManifestContent() == iceberg.ManifestContentData && (m.HasAddedFiles() || m.HasExistingFiles()) {
			return true, nil
		}
	}
	return false, nil
}

// dataFile is a tidemark.DataFile: a data file of the table, or a file of equality deletes.
type dataFile struct {
	iceberg.DataFile
	key string // in the store

	// blind says of a merge's data file that it has no deletes beside it, since the table held no rows when it was
	// written.
	blind bool
}

func (f *dataFile) Path() string { return f.FilePath() }
func (f *dataFile) Bytes() int64 { return f.FileSizeBytes() }

// Rows returns the rows that the file brings: none for deletes.
func (f *dataFile) Rows() int64 {
	if f.ContentType() != iceberg.EntryContentData {
		return 0
	}
	return f.Count()
}

// Discard deletes files of an attempt that will not be committed.
func (t *Target) Discard(ctx context.Context, files []tidemark.DataFile) {
	for _, f := range files {
		own, ok := f.(*dataFile)
		if !ok {
			continue
		}
		if err := t.lake.store.Delete(ctx, own.key); err != nil {
			t.log.Warn("a file that no snapshot names stays behind", "file", own.Path(), "err", err)
			return // the store is not well; the others would wait for it too
		}
	}
}
