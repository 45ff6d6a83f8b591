package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// An Import is a folder of Parquet files that somebody else has written, and that becomes a table, or more of it: the files
// stay where they lie, and the table's log names them, each once. It was thought through and not yet made.
//
// Its log is that of no pipeline, so no run completes, takes back or deletes what it names.
//
// Failpoints: folder.import.before, folder.import.after, around the log record, which is the act; before it the table's record.
type Import struct {
	Table   tidemark.TableID
	Prefix  string             // below the lake, with a slash behind it
	New     tidemark.FileCount // files that the table gets
	Known   tidemark.FileCount // files that it has
	Gone    []string           // of these, those that are not there any more, or have another size
	Skipped int                // objects in the folder that are no Parquet files by their names
	Columns []tidemark.TargetColumn
	Paths   []string // of these, those that are not in the files but in the names of their folders
	Changes []string // of a table that is there, in words

	store blob.Store
	now   *table // nil: not there yet
	next  *table
	last  *record // of the log; nil
	files []fileRecord
}

// importID is the name under which the log of an import lies. No pipeline has it.
func importID(id tidemark.TableID) tidemark.PipelineID {
	return tidemark.PipelineID(id.String() + tidemark.ImportSuffix)
}

// importRoot is where a note says of each imported table where its files lie. It begins with an underscore, as no name of a
// pipeline does.
const importRoot = logRoot + "/_imports/"

func importKey(id tidemark.TableID) string { return importRoot + id.String() }

// Imports returns where the files of the imported tables of a lake lie, each with a slash behind it.
func Imports(ctx context.Context, store blob.Store) (prefixes []string, err error) {
	for o, err := range store.List(ctx, importRoot) {
		if err != nil {
			return nil, fmt.Errorf("look for imported tables: %w", err)
		}
		data, err := read(ctx, store, o.Key)
		if errors.Is(err, tidemark.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, string(data))
	}
	return prefixes, nil
}

// log is where the table's files are named.
func (i *Import) log() commitLog { return commitLog{i.store, importID(i.Table)} }

// found is a file of somebody else's.
type found struct {
	blob.Object
	columns []column
	rows    int64
	path    map[string]string // column by column, of the folders that it is in
}

// PlanImport looks at a folder of the lake and finds out what a table would get of it. What does not fit together is
// tidemark.ErrInvalid, with the file. It only reads.
func PlanImport(ctx context.Context, store blob.Store, id tidemark.TableID, prefix string) (*Import, error) {
	i := &Import{Table: id, Prefix: strings.Trim(prefix, "/") + "/", store: store}
	if err := i.load(ctx); err != nil {
		return nil, err
	}
	known, err := i.known(ctx)
	if err != nil {
		return nil, err
	}
	files, err := i.list(ctx, known)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && i.now == nil {
		return nil, tidemark.WithHint(fmt.Errorf("there are no Parquet files in %s: %w", i.Prefix, tidemark.ErrNotFound),
			"name a folder of the lake, relative to its root; files whose names do not end in .parquet, or begin with _ or ., do not count")
	}
	if err := i.open(ctx, files); err != nil {
		return nil, err
	}
	return i, i.shape(files)
}

// load finds the table and its log.
func (i *Import) load(ctx context.Context) (err error) {
	if i.now, err = loadTable(ctx, i.store, i.Table); err != nil || i.now == nil {
		return err
	}
	if i.now.Prefix == "" {
		return tidemark.WithHint(fmt.Errorf("table %s is filled by %v: %w", i.Table, i.now.Pipelines, tidemark.ErrInvalid), "choose another name for what is imported")
	}
	if i.now.Prefix != i.Prefix {
		return tidemark.WithHint(fmt.Errorf("table %s was imported from %s, not from %s: %w", i.Table, i.now.Prefix, i.Prefix, tidemark.ErrInvalid), "choose another name")
	}
	i.last, _, err = i.log().newest(ctx)
	return err
}

// known returns the sizes of the files that the table has.
func (i *Import) known(ctx context.Context) (map[string]int64, error) {
	sizes := map[string]int64{}
	if i.last == nil {
		return sizes, nil
	}
	held, err := i.log().held(ctx, i.last.seq(), tidemark.ModeAppend)
	for _, f := range held {
		sizes[f.Staged.Key] = f.Staged.Size
		i.Known.Add(f.Rows, f.Staged.Size)
	}
	return sizes, err
}

// list returns the files that the table does not have yet.
func (i *Import) list(ctx context.Context, known map[string]int64) (files []*found, err error) {
	there := map[string]bool{}
	for o, err := range i.store.List(ctx, i.Prefix) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", i.Prefix, err)
		}
		inner := strings.TrimPrefix(o.Key, i.Prefix)
		switch size, has := known[o.Key]; {
		case has && size == o.Size:
			there[o.Key] = true
		case has: // of another size: gone, as far as the table is concerned
		case hidden(inner):
		case !isParquet(inner):
			i.Skipped++
		default:
			files = append(files, &found{Object: o, path: folders(inner)})
		}
	}
	for key := range known {
		if !there[key] {
			i.Gone = append(i.Gone, key)
		}
	}
	slices.Sort(i.Gone)
	return files, nil
}

// hidden reports whether readers of folders leave an object out.
func hidden(inner string) bool {
	for name := range strings.SplitSeq(inner, "/") {
		if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			return true
		}
	}
	return false
}

func isParquet(key string) bool {
	lower := strings.ToLower(key)
	return strings.HasSuffix(lower, ".parquet") || strings.HasSuffix(lower, ".parq") || strings.HasSuffix(lower, ".pq")
}

// open reads the footers.
func (i *Import) open(ctx context.Context, files []*found) error {
	var mu sync.Mutex
	return each(ctx, files, func(ctx context.Context, f *found) error {
		from := &ranges{ctx: ctx, store: i.store, key: f.Key}
		schema, rows, err := parquet.Footer(io.NewSectionReader(from, 0, f.Size))
		if from.failed != nil {
			err = from.failed
		}
		if err == nil {
			f.columns, err = foreignColumns(schema)
		}
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Key, err)
		}
		f.rows = rows
		mu.Lock()
		defer mu.Unlock()
		i.New.Add(rows, f.Size)
		return nil
	})
}

// foreignColumns are the columns of a file, as a table has them.
func foreignColumns(schema *arrow.Schema) ([]column, error) {
	columns, err := columnsOf(schema)
	if err != nil {
		return nil, tidemark.WithHint(err, "such a file cannot be read as a table here")
	}
	return columns, nil
}

// shape finds the columns of the table that takes the files too.
func (i *Import) shape(files []*found) error {
	next := &table{Format: importFormat, Version: 1, Table: i.Table, Prefix: i.Prefix, Pipelines: []tidemark.PipelineID{importID(i.Table)}}
	if i.now != nil {
		*next = *i.now
	}
	own := slices.DeleteFunc(slices.Clone(next.Columns), func(c column) bool { return c.Path })
	paths := slices.DeleteFunc(slices.Clone(next.Columns), func(c column) bool { return !c.Path })
	for _, f := range files {
		var err error
		if own, _, err = merge(own, f.columns); err != nil {
			why := strings.TrimSuffix(err.Error(), ": "+tidemark.ErrInvalid.Error()) // without the hint for those who load tables
			return tidemark.WithHint(fmt.Errorf("file %s does not fit to those before it, the first of which is %s: %s: %w", f.Key, files[0].Key, why, tidemark.ErrInvalid),
				"import files of one kind from a folder of their own")
		}
	}
	paths, err := pathColumns(paths, i.now != nil, files, own)
	if err != nil {
		return err
	}
	next.Columns = append(own, paths...)
	if i.now != nil {
		if i.Changes = changed(i.now.Columns, next.Columns); len(i.Changes) > 0 {
			next.Version++
		}
	}
	for _, c := range next.Columns {
		i.Columns = append(i.Columns, tidemark.TargetColumn{Name: c.Name, Type: c.words(), Nullable: true})
		if c.Path {
			i.Paths = append(i.Paths, c.Name)
		}
	}
	i.next = next
	for _, f := range files {
		i.files = append(i.files, fileRecord{Staged: blob.Staged{Key: f.Key, Size: f.Size}, Rows: f.rows})
	}
	return nil
}

// changed says in words what the columns of a table have become.
func changed(was, is []column) (changes []string) {
	for _, c := range is {
		at := slices.IndexFunc(was, func(w column) bool { return w.Name == c.Name })
		switch {
		case at < 0:
			changes = append(changes, fmt.Sprintf("column %q is new", c.Name))
		case !sameType(was[at], c):
			changes = append(changes, fmt.Sprintf("column %q was %s and is %s", c.Name, was[at].words(), c.words()))
		}
	}
	return changes
}

// Nothing reports whether the table has all that is there.
func (i *Import) Nothing() bool { return len(i.files) == 0 }

// Commit makes the import: tidemark.ErrConflict when another one was faster; then nothing has changed, but for columns.
func (i *Import) Commit(ctx context.Context) (tidemark.Watermark, error) {
	now := time.Now()
	w := tidemark.Watermark{Pipeline: importID(i.Table), Seq: 1, Mode: tidemark.ModeAppend, Committed: now.UTC(), Run: tidemark.NewRunID(now)}
	if i.last != nil {
		w.Seq, w.Total = i.last.seq()+1, i.last.mark.Total
	}
	w.Origin.Table, w.Rows = i.Prefix, i.New.Rows
	w.Total += i.New.Rows
	// First of all, so that no pipeline begins a table in the place.
	if err := i.store.Put(ctx, importKey(i.Table), []byte(i.Prefix), blob.PutOptions{}); err != nil {
		return w, fmt.Errorf("note the import: %w", err)
	}
	err := putTable(ctx, i.store, i.now, i.next)
	if errors.Is(err, blob.ErrExist) {
		err = i.overtaken()
	}
	if err != nil {
		return w, err
	}
	r := &record{Table: i.Table, Files: i.files, mark: w}
	data, err := r.encode()
	if err != nil {
		return w, err
	}
	if err := failpoint.Hit("folder.import.before"); err != nil {
		return w, err
	}
	there, err := i.log().put(ctx, r, data)
	if err == nil && there.mark.Run != w.Run {
		err = i.overtaken()
	}
	if err != nil {
		return w, err
	}
	if err := failpoint.Hit("folder.import.after"); err != nil {
		return w, err
	}
	_ = i.store.Put(ctx, newestKey(w.Pipeline), encodeHint(w.Seq), blob.PutOptions{}) // only a hint
	return w, nil
}

func (i *Import) overtaken() error {
	return tidemark.WithHint(fmt.Errorf("another import of table %s was faster: %w", i.Table, tidemark.ErrConflict), "import again: what it has is not taken twice")
}
