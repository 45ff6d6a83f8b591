package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A Scan reads the rows of one snapshot of a table, as often as it is asked, without a database between: batches come
// straight from the data files. It is closed by who opened it, and used by one goroutine at a time.
type Scan struct {
	snapshot *tidemark.Snapshot
	stage    *stage
	files    []string          // of snapshot.Data, on this machine
	dead     []tidemark.RowSet // of each: the rows that are none of the table's any more; nil for none
}

// A Newest says which version of a row a Scan is after.
type Newest struct {
	Key    []string // the columns that identify a row; nil: all rows are read
	Cursor string   // the version with the greater value is newer; "": that of the later commit
}

// OpenScan makes the files of a snapshot ready to be read: those of a bucket are fetched into the cache. Rows that a
// merge has deleted, and those of which n knows a newer version, are found by their keys alone and left out.
func OpenScan(ctx context.Context, o Options, snapshot *tidemark.Snapshot, n Newest) (*Scan, error) {
	stage, err := newStage(o)
	if err != nil {
		return nil, err
	}
	s := &Scan{snapshot: snapshot, stage: stage}
	if err := s.open(ctx, o, n); err != nil {
		return nil, errors.Join(err, stage.close())
	}
	return s, nil
}

// placeColumn is what DuckDB calls the number of a row in its file. Of files with such a column it does not tell it.
const placeColumn = "file_row_number"

// TellsPlaces reports whether the place of a row in its file can be found out, as OpenScan must where rows were deleted
// or the newest versions are wanted.
func TellsPlaces(schema *arrow.Schema) bool {
	return !slices.ContainsFunc(schema.Fields(), func(f arrow.Field) bool { return strings.EqualFold(f.Name, placeColumn) })
}

func (s *Scan) open(ctx context.Context, o Options, n Newest) (err error) {
	if s.files, err = s.stage.add(ctx, s.snapshot.Data); err != nil {
		return err
	}
	s.dead = make([]tidemark.RowSet, len(s.files))
	if len(s.files) == 0 || len(s.snapshot.Deletes) == 0 && n.Key == nil {
		return nil
	}
	if !TellsPlaces(s.snapshot.Schema) {
		return fmt.Errorf("table %s has a column named %s, so that deleted rows of it cannot be told: %w", s.snapshot.Table, placeColumn, tidemark.ErrInvalid)
	}
	v, err := newView(s.snapshot.Schema)
	if err != nil {
		return err
	}
	var statements []string
	if len(s.snapshot.Deletes) > 0 {
		deletes, err := s.stage.add(ctx, s.snapshot.Deletes)
		if err != nil {
			return err
		}
		if statements, err = v.deleted(s.snapshot, s.files, deletes); err != nil {
			return err
		}
	}
	if n.Key != nil {
		older, err := v.older(s.snapshot, s.files, n)
		if err != nil {
			return err
		}
		statements = append(statements, older)
	}
	if o.Memory <= 0 {
		o.Memory = scanMemory
	}
	db, err := duckdb.Open(ctx, duckdb.Options{Memory: o.Memory, Threads: o.Threads, Temp: s.stage.spill()})
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if err = s.bury(ctx, db, statement); err != nil {
			break
		}
	}
	return errors.Join(err, db.Close())
}

// scanMemory is what finding dead rows may take, in bytes; what does not fit goes to disk.
const scanMemory = 96 << 20

// bury marks the rows that a statement returns, by file and place, as dead.
func (s *Scan) bury(ctx context.Context, db *duckdb.DB, statement string) error {
	at := make(map[string]int, len(s.files))
	for i, f := range s.files {
		at[f] = i
	}
	rows, err := db.Query(ctx, &duckdb.Statement{SQL: statement})
	if err != nil {
		return err
	}
	defer rows.Close()
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		i, known := at[duckdb.Text(row[0])]
		place, err := strconv.ParseInt(duckdb.Text(row[1]), 10, 64)
		if !known || err != nil {
			return fmt.Errorf("find dead rows: place %v of file %v is not known: %w", row[1], row[0], tidemark.ErrInvalid)
		}
		s.dead[i].Add(place)
	}
	return rows.Close()
}

// Rows yields some columns of all rows that are alive, as the table has them now, in batches that the consumer releases.
func (s *Scan) Rows(ctx context.Context, columns []string) iter.Seq2[*tidemark.LakeRows, error] {
	return func(yield func(*tidemark.LakeRows, error) bool) {
		schema := s.some(columns)
		for i := range s.files {
			more, err := s.file(ctx, i, schema, yield)
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", s.snapshot.Data[i].Key, err))
				return
			}
			if !more {
				return
			}
		}
	}
}

// Schema is the table's.
func (s *Scan) Schema() *arrow.Schema { return s.snapshot.Schema }

// Files are the table's data files.
func (s *Scan) Files() []tidemark.LakeFile { return s.snapshot.Data }

// some returns the schema of some columns.
func (s *Scan) some(columns []string) *arrow.Schema {
	var fields []arrow.Field
	for _, f := range s.snapshot.Schema.Fields() {
		if slices.Contains(columns, f.Name) {
			fields = append(fields, f)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// file yields the living rows of one file. It reports whether the consumer wants more.
func (s *Scan) file(ctx context.Context, i int, schema *arrow.Schema, yield func(*tidemark.LakeRows, error) bool) (more bool, err error) {
	f, err := os.Open(s.files[i])
	if err != nil {
		return false, err
	}
	defer f.Close()
	place := int64(0)
	for b, err := range parquet.Read(ctx, f, schema) {
		if err != nil {
			return false, err
		}
		rows := b.NumRows()
		if b, err = parquet.Without(ctx, b, s.dead[i], place); err != nil {
			return false, err
		}
		first := place
		if place += rows; b.NumRows() == 0 {
			b.Release()
			continue
		}
		if b, err = placedIn(b, schema, s.snapshot.Data[i].Path); err != nil {
			return false, err
		}
		if !yield(&tidemark.LakeRows{RecordBatch: b, File: s.snapshot.Data[i].Key, First: first, Dead: s.dead[i]}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// placedIn takes over a batch of a file and fills in the columns that the file does not have itself.
func placedIn(b arrow.RecordBatch, schema *arrow.Schema, path map[string]*string) (arrow.RecordBatch, error) {
	if len(path) == 0 {
		return b, nil
	}
	defer b.Release()
	columns := slices.Clone(b.Columns())
	var made []arrow.Array
	defer func() {
		for _, a := range made {
			a.Release()
		}
	}()
	for i, f := range schema.Fields() {
		text := path[f.Name]
		if text == nil {
			continue // read as NULL, or the file's own
		}
		a, err := repeated(f.Type, *text, int(b.NumRows()))
		if err != nil {
			return nil, fmt.Errorf("column %q of a folder's name: %w", f.Name, err)
		}
		columns[i], made = a, append(made, a)
	}
	return array.NewRecordBatch(schema, columns, b.NumRows()), nil
}

// repeated returns a column that has one value, given as text, n times.
func repeated(t arrow.DataType, text string, n int) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	b.Reserve(n)
	for range n {
		if err := b.AppendValueFromString(text); err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

// Close removes the temporary files.
func (s *Scan) Close() error { return s.stage.close() }
