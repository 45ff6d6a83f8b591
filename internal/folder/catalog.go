package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A Catalog lists the tables of a lake of folders, and takes what people say of them. It may be used concurrently.
type Catalog struct {
	store     blob.Store
	registrar Registrar // may be nil
}

var _ tidemark.Catalog = (*Catalog)(nil)

// NewCatalog returns the catalog of a lake.
func NewCatalog(store blob.Store) *Catalog { return &Catalog{store: store} }

// RegisteredWith lets Drop take a table out of the catalog that r tells of its commits. It returns the catalog. Call it
// before any other method.
func (c *Catalog) RegisteredWith(r Registrar) *Catalog {
	c.registrar = r
	return c
}

// Tables implements tidemark.Catalog.
func (c *Catalog) Tables(ctx context.Context) ([]tidemark.TableID, error) {
	var tables []tidemark.TableID
	for o, err := range c.store.List(ctx, tableRoot+"/") {
		if err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		parts := strings.Split(strings.TrimPrefix(o.Key, tableRoot+"/"), "/")
		if len(parts) != 3 {
			continue
		}
		if id := (tidemark.TableID{Namespace: parts[0], Name: parts[1]}); !slices.Contains(tables, id) {
			tables = append(tables, id)
		}
	}
	slices.SortFunc(tables, func(a, b tidemark.TableID) int { return strings.Compare(a.String(), b.String()) })
	return tables, nil
}

// Snapshot implements tidemark.Catalog. It holds whole commits only: one whose files are not all there yet counts as
// not made, and of a table that is just being replaced it gives the files that are left.
func (c *Catalog) Snapshot(ctx context.Context, id tidemark.TableID) (*tidemark.Snapshot, error) {
	t, s, err := c.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range t.Pipelines {
		last, err := c.add(ctx, s, commitLog{c.store, p})
		if err != nil {
			return nil, fmt.Errorf("files of table %s: %w", id, err)
		}
		if last == nil {
			continue
		}
		ids = append(ids, fmt.Sprintf("%s:%d", p, last.seq()))
		if last.mark.Committed.After(s.At) {
			s.At = last.mark.Committed
		}
	}
	s.ID = strings.Join(ids, " ")
	t.finish(s)
	return s, nil
}

// begin returns a table, and a snapshot of it without files.
func (c *Catalog) begin(ctx context.Context, id tidemark.TableID) (*table, *tidemark.Snapshot, error) {
	t, err := loadTable(ctx, c.store, id)
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	}
	s := &tidemark.Snapshot{Table: id, Format: tidemark.FormatParquet}
	s.Schema, err = t.schema()
	return t, s, err
}

// finish puts the files of a snapshot in order, and says what is in them.
func (t *table) finish(s *tidemark.Snapshot) {
	slices.SortFunc(s.Data, func(a, b tidemark.LakeFile) int { return strings.Compare(a.Key, b.Key) })
	if t.place(s); t.Prefix == "" {
		s.Bounds = t.bounds(s)
		return
	}
	s.Bounds = func(i int, column string) (tidemark.Bounds, bool) { return placed(s.Data[i], column) }
}

// add adds the files of one pipeline and returns the newest commit that counts.
func (c *Catalog) add(ctx context.Context, s *tidemark.Snapshot, l commitLog) (*record, error) {
	last, complete, err := l.newest(ctx)
	if err != nil || last == nil || last.Table != s.Table {
		return nil, err
	}
	if last.mark.Mode == tidemark.ModeReplace {
		return c.addReplaced(ctx, s, l, last, complete)
	}
	records, err := l.all(ctx, last.seq())
	if err != nil {
		return nil, err
	}
	seq := last.seq()
	if seq > complete && last.ordinary() {
		if there, err := c.present(ctx, last.Files); err != nil {
			return nil, err
		} else if len(there) < len(last.Files) {
			seq--
		}
	}
	stands := chain(records, seq)
	for _, f := range heldBy(stands) {
		s.Data = appendFiles(s.Data, f.seq, f.fileRecord)
	}
	if len(stands) == 0 {
		return nil, nil
	}
	return stands[0], nil
}

// addReplaced adds the files of a pipeline that replaces its table. Only one commit counts.
func (c *Catalog) addReplaced(ctx context.Context, s *tidemark.Snapshot, l commitLog, last *record, complete int64) (*record, error) {
	sure := last.seq() <= complete
	if !sure && last.ordinary() {
		there, err := c.present(ctx, last.Files)
		if err != nil {
			return nil, err
		}
		if sure = len(there) == len(last.Files); !sure { // the files before it may be deleted already
			if last, err = l.get(ctx, last.seq()-1); err != nil || last == nil {
				return nil, err
			}
		}
	}
	sure = sure && last.ordinary()
	last, err := l.effective(ctx, last)
	if err != nil || last == nil {
		return nil, err
	}
	files := last.Files
	if !sure {
		if files, err = c.present(ctx, last.Files); err != nil {
			return nil, err
		}
	}
	s.Data = appendFiles(s.Data, last.seq(), files...)
	return last, nil
}

func appendFiles(to []tidemark.LakeFile, seq int64, files ...fileRecord) []tidemark.LakeFile {
	for _, f := range files {
		to = append(to, tidemark.LakeFile{Key: f.Staged.Key, Rows: f.Rows, Bytes: f.Staged.Size, Seq: seq})
	}
	return to
}

// present returns those of the files that are there, in their order.
func (c *Catalog) present(ctx context.Context, files []fileRecord) ([]fileRecord, error) {
	there := make([]bool, len(files))
	indices := make([]int, len(files))
	for i := range indices {
		indices[i] = i
	}
	err := each(ctx, indices, func(ctx context.Context, i int) error {
		o, err := c.store.Stat(ctx, files[i].Staged.Key)
		if errors.Is(err, tidemark.ErrNotFound) {
			return nil
		}
		there[i] = err == nil && o.Size == files[i].Staged.Size
		return err
	})
	var present []fileRecord
	for i, f := range files {
		if there[i] {
			present = append(present, f)
		}
	}
	return present, err
}

// all returns the commits up to last, in order.
func (l commitLog) all(ctx context.Context, last int64) ([]*record, error) {
	seqs := make([]int64, last)
	for i := range seqs {
		seqs[i] = int64(i) + 1
	}
	records := make([]*record, last)
	err := each(ctx, seqs, func(ctx context.Context, seq int64) error {
		r, err := l.get(ctx, seq)
		if err == nil && r == nil {
			err = fmt.Errorf("commit %d of %q is missing in the log: %w", seq, l.pipeline, tidemark.ErrInvalid)
		}
		records[seq-1] = r
		return err
	})
	return records, err
}
