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
	"github.com/apache/arrow-go/v18/arrow/compute"
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

// Pick yields some columns of some rows, alive or not, in batches that the consumer releases.
func (s *Scan) Pick(ctx context.Context, columns []string, rows []tidemark.FileRows) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		only := make(map[string]tidemark.RowSet, len(rows))
		for _, r := range rows {
			only[r.Key] = r.Rows
		}
		schema := s.some(columns)
		for i, f := range s.snapshot.Data {
			if only[f.Key] == nil {
				continue
			}
			for b, err := range s.picked(ctx, i, schema, only[f.Key]) {
				if err != nil {
					err = fmt.Errorf("%s: %w", f.Key, err)
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// picked yields rows of one file.
func (s *Scan) picked(ctx context.Context, i int, schema *arrow.Schema, rows tidemark.RowSet) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		f, err := os.Open(s.files[i])
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		place := int64(0)
		for b, err := range parquet.Read(ctx, f, schema) {
			if err == nil {
				n := b.NumRows()
				b, err = filtered(ctx, b, func(row int64) bool { return rows.Has(place + row) })
				place += n
			}
			if err == nil && b.NumRows() == 0 {
				b.Release()
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

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
		if b, err = alive(ctx, b, s.dead[i], place); err != nil {
			return false, err
		}
		first := place
		if place += rows; b.NumRows() == 0 {
			b.Release()
			continue
		}
		if !yield(&tidemark.LakeRows{RecordBatch: b, File: s.snapshot.Data[i].Key, First: first, Dead: s.dead[i]}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// Close removes the temporary files.
func (s *Scan) Close() error { return s.stage.close() }

// alive returns the rows of b, which begin at that place in the file, without the dead of the file. It takes over b.
func alive(ctx context.Context, b arrow.RecordBatch, dead tidemark.RowSet, place int64) (arrow.RecordBatch, error) {
	if dead == nil {
		return b, nil
	}
	return filtered(ctx, b, func(row int64) bool { return !dead.Has(place + row) })
}

// filtered returns the rows of b that are kept. It takes over b.
func filtered(ctx context.Context, b arrow.RecordBatch, keep func(row int64) bool) (arrow.RecordBatch, error) {
	defer b.Release()
	mask := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer mask.Release()
	for i := range b.NumRows() {
		mask.Append(keep(i))
	}
	filter := mask.NewBooleanArray()
	defer filter.Release()
	return compute.FilterRecordBatch(ctx, b, filter, compute.DefaultFilterOptions())
}

// placed reads columns of files, each row with its file, the file's sequence number and its place in the file.
func (v *view) placed(columns []viewColumn, files []tidemark.LakeFile, paths []string) string {
	var rows []string
	for i, path := range paths {
		rows = append(rows, fmt.Sprintf("(%s, %d)", duckdb.Literal(path), files[i].Seq))
	}
	return v.fill("SELECT * FROM ($rows) JOIN (VALUES $files) AS f($file, $seq) USING ($file)",
		"$rows", v.scan(columns, paths, v.file, v.place), "$files", strings.Join(rows, ", "))
}

// fill puts what comes in pairs into an SQL text, and the names of the columns that v adds to those of the table.
func (v *view) fill(sql string, pairs ...string) string {
	names := []string{"$file", duckdb.Ident(v.file), "$seq", duckdb.Ident(v.seq), "$place", duckdb.Ident(v.place)}
	return strings.NewReplacer(append(pairs, names...)...).Replace(sql)
}

// deleted returns, per set of key columns, the SELECT for file and place of the rows that a later commit has deleted.
func (v *view) deleted(s *tidemark.Snapshot, data, deletes []string) ([]string, error) {
	sets, err := deleteSets(s.Deletes, deletes)
	if err != nil {
		return nil, err
	}
	var statements []string
	for _, set := range sets {
		keys, err := v.keys(set.columns)
		if err != nil {
			return nil, err
		}
		statements = append(statements, v.fill("SELECT r.$file, r.$place FROM ($rows) AS r JOIN "+
			"(SELECT $keys, max($seq) AS $seq FROM ($deletes) GROUP BY ALL) AS d ON $same WHERE d.$seq > r.$seq",
			"$rows", v.placed(keys, s.Data, data), "$keys", strings.Join(idents(keys), ", "),
			"$deletes", v.numbered(keys, set.files, set.paths), "$same", equal("r", "d", keys)))
	}
	return statements, nil
}

// older returns the SELECT for file and place of the versions of a row that have a newer one: with a greater cursor, or
// without one in a later commit. Versions with the same cursor are all read; nobody can tell them apart.
func (v *view) older(s *tidemark.Snapshot, data []string, n Newest) (string, error) {
	columns, err := v.keys(n.Key)
	if err != nil {
		return "", err
	}
	keys := strings.Join(idents(columns), ", ")
	order := "$seq DESC"
	if n.Cursor != "" {
		cursor, err := v.keys([]string{n.Cursor})
		if err != nil {
			return "", err
		}
		if !slices.Contains(n.Key, n.Cursor) {
			columns = append(columns, cursor...)
		}
		order = v.fill("$cursor DESC NULLS LAST, CASE WHEN $cursor IS NULL THEN $seq END DESC", "$cursor", cursor[0].ident)
	}
	return v.fill("WITH r AS ($rows) SELECT $file, $place FROM (SELECT $file, $place, rank() OVER (PARTITION BY $keys ORDER BY "+order+
		") AS n FROM r WHERE ($keys) IN (SELECT ($keys) FROM r GROUP BY $keys HAVING count(*) > 1)) WHERE n > 1",
		"$rows", v.placed(columns, s.Data, data), "$keys", keys), nil
}
