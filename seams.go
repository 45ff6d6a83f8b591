package tidemark

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// A Source reads one table for one pipeline. Its methods are called in the order in which they stand here; Read may
// be called for several splits at once. Errors are of the kinds in this package.
type Source interface {
	// Schema returns the table as it is now. A missing table or column is ErrNotFound, a cursor or key that cannot
	// serve ErrInvalid.
	Schema(ctx context.Context) (*Schema, error)

	// Settle finds the bound below which no row can appear any more. It must have returned before any split is
	// read: rows that come later have a cursor at or above the bound, and so come again in the next run.
	// It returns within about the pipeline's SettleWait.
	Settle(ctx context.Context, previous Watermark) (Settled, error)

	// Splits divides the window into at most n parts that are disjoint and together the whole. In ModeMerge no key
	// is in two of them. ModeReplace gets one split, read at one point in time.
	Splits(ctx context.Context, w Window, n int) ([]Split, error)

	// Read yields the rows of a split as batches with the schema of Schema().Arrow(). The consumer releases each
	// batch. After a lost connection Read goes on behind the last key that it handed on; where it cannot, it yields
	// ErrRestart. It never ends without an error before the server has said that the rows are at an end.
	Read(ctx context.Context, s Split) iter.Seq2[arrow.RecordBatch, error]

	// Close ends all connections. It may be called at any time, also twice.
	Close() error
}

// A Noticer is a Source that has found something that the owner of the pipeline should know but that does not stop the
// run, such as dates that do not exist. What it says covers the reads since Schema was called.
type Noticer interface {
	Notices() []string
}

// A Split is a part of a window. Its String is the statement that reads it, for plans and logs, without secrets.
type Split interface{ String() string }

// A Target keeps one table for one pipeline: it publishes data files and the watermark in one act, by
// compare-and-swap. The truth about what was loaded is here and nowhere else.
type Target interface {
	// Recover finishes or undoes what a killed run left, so that Watermark tells the truth. It is the first call of
	// every run and changes nothing when there is nothing to do.
	Recover(ctx context.Context) error

	// Watermark returns what the pipeline has loaded: the zero Watermark before its first commit. A table that
	// holds rows but no watermark of this pipeline's is ErrInvalid with a hint on `watermark adopt`, unless other
	// pipelines append to it. It only reads.
	Watermark(ctx context.Context) (Watermark, error)

	// Prepare makes the table, or changes its schema to take batches of s, as far as the pipeline's SchemaPolicy
	// allows. A column that would have to become narrower is ErrInvalid with its name, and nothing has changed.
	Prepare(ctx context.Context, s *Schema) error

	// Write stores batches in data files that no reader sees until they are committed. It is called once per split,
	// several at the same time. It releases each batch that it was given. Files of a failed Write are removed as
	// far as they can be.
	Write(ctx context.Context, run RunID, rows iter.Seq2[arrow.RecordBatch, error]) ([]DataFile, error)

	// Commit publishes c or nothing. It is idempotent on (pipeline, seq, run): when the same commit is there
	// already, the call succeeds. ErrConflict says that another run moved the watermark since c.Base was read and
	// nothing of c is visible; ErrFatal that the outcome is not known.
	Commit(ctx context.Context, c Commit) error
}

// A Discarder is a Target that can remove the files of an attempt that will not be committed. Best effort: a killed
// process leaves them too.
type Discarder interface {
	Discard(ctx context.Context, files []DataFile)
}

// A Previewer is a Target that can tell what a run would make of its table.
type Previewer interface {
	// Preview returns what Prepare would make of the table for the same schema, and what would stop Prepare is its error.
	// It only reads.
	Preview(ctx context.Context, s *Schema) (Preview, error)
}

// A Preview is what a run would make of its table.
type Preview struct {
	New     bool           // the table is not there yet
	Columns []TargetColumn // the table's, as they would be
	Changes []string       // in words: what differs from the table as it is; nil for a new one
	Deletes bool           // ModeMerge: the keys of the rows are written too, as deletes, since the table holds rows

	// Rows and Bytes are those of the table's data files, as a measure of how many bytes a row takes; 0 where the target
	// cannot tell at once.
	Rows, Bytes int64
}

// A TargetColumn is a column of a table in the lake.
type TargetColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // in the words of the table's format
	Nullable bool   `json:"nullable"`
}

// A SharedTarget is a Target that can tell which pipelines have committed to its table: several may append to one, and a
// renamed one finds there what it has loaded under its old name.
type SharedTarget interface {
	// Watermarks returns the watermark of each pipeline in the table, this one's included, sorted by pipeline; none
	// where the table is not there.
	Watermarks(ctx context.Context) ([]Watermark, error)
}

// A Commit is the one atomic publication of data files and watermark.
type Commit struct {
	Base      Watermark // as Target.Watermark returned it at the start of the run
	Watermark Watermark // Seq is Base.Seq+1
	Files     []DataFile

	// KeepRows: what is in the table stays, in ModeReplace too, as where the commit says only whose the rows are.
	KeepRows bool

	// Replaces are the keys, as in LakeFile, of data files of the table that Files take the place of, as Rewriter has made
	// them. Where one is not there any more, because it was compacted meanwhile, the commit is ErrConflict.
	Replaces []string

	// Rewind is nil but in a commit that goes back to an earlier one; such a commit has no files. Where the table has
	// lost its watermark, Base is the zero value and Watermark.Seq still the number after the newest commit's.
	Rewind *Rewind
}

// A DataFile is a file that Target.Write stored. Only the target that made it looks inside.
type DataFile interface {
	Path() string
	Rows() int64
	Bytes() int64
}

// SideFiles keeps a pipeline's own small files beside the tables, outside every table's location, where no clean-up
// of a table finds them. Names are plain file names.
type SideFiles interface {
	// Put stores size bytes of r under a name that is not there yet. It is durable when Put returns.
	Put(ctx context.Context, name string, r io.Reader, size int64) error

	// Get opens a file; ErrNotFound when there is none. The caller closes it.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// A Catalog lists the tables of a lake and the files of each, for those who read them.
type Catalog interface {
	// Tables returns all tables, sorted by name.
	Tables(ctx context.Context) ([]TableID, error)

	// Snapshot returns a table as it is now. A table that is not there is ErrNotFound.
	Snapshot(ctx context.Context, id TableID) (*Snapshot, error)
}

// A Snapshot is a table at one moment: its schema and the files that hold its rows.
type Snapshot struct {
	Table   TableID
	Format  Format
	Schema  *arrow.Schema // with the Iceberg field id under "PARQUET:field_id", where the format has them
	Data    []LakeFile
	Deletes []LakeFile // equality deletes
	ID      string     // the snapshot's id; "" for an empty table
	At      time.Time  // when it was committed

	// Bounds tells what is known of the values that a column has in the file Data[i]; false for nothing. It is nil where
	// the format keeps no such record. It may be called concurrently.
	Bounds func(i int, column string) (Bounds, bool)
}

// A LakeFile is a file of a snapshot.
type LakeFile struct {
	Key      string // in the lake's store
	Rows     int64
	Bytes    int64
	Seq      int64    // a delete file applies to the data files with a smaller one
	Equality []string // of a delete file: the columns that identify the deleted rows

	// Path has the columns that the file does not have itself, since the names of its folders tell them: the same value in all
	// its rows, as text; nil for NULL.
	Path map[string]*string
}
