package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A view is the SELECT that makes a table of its files. It is put together from a snapshot.
type view struct {
	columns []viewColumn
	file    string // name of a column that says from which file a row is; unlike all of the table's
	seq     string // the same for the file's sequence number
	place   string // the same for the row's number in the file, from 0
}

type viewColumn struct {
	name  string
	typ   string // DuckDB's
	id    string // Iceberg's field id; "" where the files have none
	ident string // the name, quoted
}

// fieldID is the key under which an Arrow field carries its Iceberg field id.
const fieldID = "PARQUET:field_id"

// viewOf returns the SELECT over the files of a table, which it puts into the stage.
func viewOf(ctx context.Context, s *stage, snapshot *tidemark.Snapshot) (string, error) {
	v, err := newView(snapshot.Schema)
	if err != nil {
		return "", err
	}
	if len(snapshot.Data) == 0 {
		return v.empty(), nil
	}
	data, err := s.add(ctx, snapshot.Data)
	if err != nil {
		return "", err
	}
	if len(snapshot.Data[0].Path) > 0 {
		return v.pathed(snapshot.Data, data), nil
	}
	if len(snapshot.Deletes) == 0 {
		return v.scan(v.columns, data), nil
	}
	deletes, err := s.add(ctx, snapshot.Deletes)
	if err != nil {
		return "", err
	}
	return v.merged(snapshot, data, deletes)
}

func newView(schema *arrow.Schema) (*view, error) {
	v := &view{}
	for _, f := range schema.Fields() {
		typ, err := duckdb.Type(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		c := viewColumn{name: f.Name, typ: typ, ident: duckdb.Ident(f.Name)}
		if i := f.Metadata.FindKey(fieldID); i >= 0 {
			c.id = f.Metadata.Values()[i]
		}
		v.columns = append(v.columns, c)
	}
	v.file, v.seq, v.place = v.unused("file"), v.unused("seq"), v.unused("place")
	return v, nil
}

// unused returns a column name that the table does not have.
func (v *view) unused(name string) string {
	name = "tidemark_" + name
	for slices.ContainsFunc(v.columns, func(c viewColumn) bool { return strings.EqualFold(c.name, name) }) {
		name += "_"
	}
	return name
}

// empty is the table without rows.
func (v *view) empty() string {
	var list []string
	for _, c := range v.columns {
		list = append(list, fmt.Sprintf("CAST(NULL AS %s) AS %s", c.typ, c.ident))
	}
	return "SELECT " + strings.Join(list, ", ") + " WHERE false"
}

// scan reads columns of files, and the file and the place of each row as far as they are asked for. Columns are found by field id, so
// that a file from before a column was added, renamed or widened reads as the table is now. Files without ids have
// the columns under their names.
func (v *view) scan(columns []viewColumn, files []string, also ...string) string {
	args := []string{literals(files), "hive_partitioning = false"}
	list := idents(columns)
	var extra []string
	for _, name := range also {
		switch name {
		case v.file:
			args = append(args, "filename = "+duckdb.Literal(name))
			extra = append(extra, duckdb.Ident(name))
		case v.place:
			args = append(args, placeColumn+" = true")
			extra = append(extra, placeColumn+" AS "+duckdb.Ident(name))
		}
	}
	list = append(list, extra...)
	if !slices.ContainsFunc(columns, func(c viewColumn) bool { return c.id == "" }) {
		var fields []string
		for _, c := range columns {
			fields = append(fields, fmt.Sprintf("%s: {name: %s, type: %s, default_value: NULL}", c.id, duckdb.Literal(c.name), duckdb.Literal(c.typ)))
		}
		args = append(args, "schema = MAP {"+strings.Join(fields, ", ")+"}")
		return fmt.Sprintf("SELECT %s FROM read_parquet(%s)", strings.Join(list, ", "), strings.Join(args, ", "))
	}
	args = append(args, "union_by_name = true")
	var casts []string
	for _, c := range columns {
		casts = append(casts, fmt.Sprintf("CAST(%s AS %s) AS %s", c.ident, c.typ, c.ident))
	}
	casts = append(casts, extra...)
	// The empty relation brings the columns that no file has.
	return fmt.Sprintf("SELECT %s FROM (%s UNION ALL BY NAME SELECT * FROM read_parquet(%s))",
		strings.Join(casts, ", "), (&view{columns: columns}).empty(), strings.Join(args, ", "))
}

// pathed reads files of a table of which some columns are not in the files: each file has one value of theirs. There are no
// deletes.
func (v *view) pathed(files []tidemark.LakeFile, paths []string) string {
	var own []viewColumn
	var list, names []string
	for _, c := range v.columns {
		if _, outside := files[0].Path[c.name]; !outside {
			own, list = append(own, c), append(list, "tidemark_r."+c.ident)
			continue
		}
		list = append(list, fmt.Sprintf("CAST(tidemark_f.p%d AS %s) AS %s", len(names), c.typ, c.ident))
		names = append(names, c.name)
	}
	rows := make([]string, len(files))
	for i, f := range files {
		values := []string{duckdb.Literal(paths[i])}
		for _, name := range names {
			if text := f.Path[name]; text != nil {
				values = append(values, duckdb.Literal(*text))
			} else {
				values = append(values, "CAST(NULL AS VARCHAR)")
			}
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	fields := []string{duckdb.Ident(v.file)}
	for i := range names {
		fields = append(fields, fmt.Sprintf("p%d", i))
	}
	return fmt.Sprintf("SELECT %s FROM (%s) AS tidemark_r JOIN (VALUES %s) AS tidemark_f(%s) USING (%s)", strings.Join(list, ", "),
		v.scan(own, paths, v.file), strings.Join(rows, ", "), strings.Join(fields, ", "), duckdb.Ident(v.file))
}

// merged is the table without the rows that a later commit has deleted: those whose key is in a delete file with a
// greater sequence number than their own file's. The keys are joined with the greatest number of each, once per set
// of key columns; most tables have one. A key that is NULL in part deletes nothing.
func (v *view) merged(s *tidemark.Snapshot, data, deletes []string) (string, error) {
	sets, err := deleteSets(s.Deletes, deletes)
	if err != nil {
		return "", err
	}
	seq := duckdb.Ident(v.seq)
	var joins []string
	for i, set := range sets {
		keys, err := v.keys(set.columns)
		if err != nil {
			return "", err
		}
		alias := fmt.Sprintf("tidemark_d%d", i)
		joins = append(joins, fmt.Sprintf("ANTI JOIN (SELECT %s, max(%s) AS %s FROM (%s) GROUP BY ALL) AS %s ON %s AND %s.%s > tidemark_r.%s",
			strings.Join(idents(keys), ", "), seq, seq, v.numbered(keys, set.files, set.paths), alias, equal("tidemark_r", alias, keys), alias, seq, seq))
	}
	var list []string
	for _, c := range v.columns {
		list = append(list, "tidemark_r."+c.ident)
	}
	return fmt.Sprintf("SELECT %s FROM (%s) AS tidemark_r %s", strings.Join(list, ", "),
		v.numbered(v.columns, coarse(s.Data, s.Deletes), data), strings.Join(joins, " ")), nil
}

const (
	// manyRows is from how many rows on the files of a sequence number have a SELECT of their own. That costs nothing
	// per row, but planning it takes its time: smaller ones share one that looks the number up by the file's name.
	manyRows = 64 << 10

	// mostSelects bounds the SELECTs of one number.
	mostSelects = 16
)

// numbered reads columns of files, each row with its file's sequence number.
func (v *view) numbered(columns []viewColumn, files []tidemark.LakeFile, paths []string) string {
	rows := make(map[int64]int64)
	groups := make(map[int64][]string)
	for i, f := range files {
		rows[f.Seq] += f.Rows
		groups[f.Seq] = append(groups[f.Seq], paths[i])
	}
	var parts, rest, numbers []string
	largest := slices.SortedFunc(maps.Keys(groups), func(a, b int64) int { return cmp.Or(cmp.Compare(rows[b], rows[a]), cmp.Compare(a, b)) })
	for i, seq := range largest {
		if len(groups) == 1 || rows[seq] >= manyRows && i < mostSelects {
			parts = append(parts, fmt.Sprintf("SELECT *, %d AS %s FROM (%s)", seq, duckdb.Ident(v.seq), v.scan(columns, groups[seq])))
			continue
		}
		for _, path := range groups[seq] {
			rest, numbers = append(rest, path), append(numbers, fmt.Sprintf("(%s, %d)", duckdb.Literal(path), seq))
		}
	}
	if len(rest) > 0 {
		parts = append(parts, v.fill("SELECT * EXCLUDE ($file) FROM ($rows) JOIN (VALUES $files) AS tidemark_f($file, $seq) USING ($file)",
			"$rows", v.scan(columns, rest, v.file), "$files", strings.Join(numbers, ", ")))
	}
	return strings.Join(parts, " UNION ALL ")
}

// coarse returns the data files with sequence numbers that say no more than which deletes apply to a file, so that
// there are few: that of the newest delete that does not, or 0.
func coarse(data, deletes []tidemark.LakeFile) []tidemark.LakeFile {
	var seqs []int64
	for _, d := range deletes {
		seqs = append(seqs, d.Seq)
	}
	slices.Sort(seqs)
	data = slices.Clone(data)
	for i, f := range data {
		newer, same := slices.BinarySearch(seqs, f.Seq)
		switch {
		case same: // as it is
		case newer > 0:
			data[i].Seq = seqs[newer-1]
		default:
			data[i].Seq = 0
		}
	}
	return data
}

func (v *view) keys(names []string) ([]viewColumn, error) {
	var keys []viewColumn
	for _, name := range names {
		i := slices.IndexFunc(v.columns, func(c viewColumn) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("a delete file has the key column %q, and the table does not: %w", name, tidemark.ErrInvalid)
		}
		keys = append(keys, v.columns[i])
	}
	return keys, nil
}

// A deleteSet is the delete files with the same key columns.
type deleteSet struct {
	columns []string
	files   []tidemark.LakeFile
	paths   []string
}

func deleteSets(deletes []tidemark.LakeFile, paths []string) ([]deleteSet, error) {
	var sets []deleteSet
	for i, d := range deletes {
		if len(d.Equality) == 0 {
			return nil, fmt.Errorf("delete file %s names no key columns: %w", d.Key, tidemark.ErrInvalid)
		}
		at := slices.IndexFunc(sets, func(s deleteSet) bool { return slices.Equal(s.columns, d.Equality) })
		if at < 0 {
			at = len(sets)
			sets = append(sets, deleteSet{columns: d.Equality})
		}
		sets[at].files, sets[at].paths = append(sets[at].files, d), append(sets[at].paths, paths[i])
	}
	return sets, nil
}

func equal(a, b string, keys []viewColumn) string {
	var list []string
	for _, k := range keys {
		list = append(list, fmt.Sprintf("%s.%s = %s.%s", a, k.ident, b, k.ident))
	}
	return strings.Join(list, " AND ")
}

func idents(columns []viewColumn) []string {
	var list []string
	for _, c := range columns {
		list = append(list, c.ident)
	}
	return list
}

// literals returns the list of files that read_parquet takes.
func literals(files []string) string {
	var list []string
	for _, f := range files {
		list = append(list, duckdb.Literal(duckdb.Pattern(f)))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// A TableView is a table whose files are there, for SELECTs of the program's own. The caller closes it.
type TableView struct {
	SQL string // the SELECT that is the rows of the table, without those that a commit has deleted

	stage *stage
}

// OpenView makes the files of a snapshot ready to be read: those of a bucket are fetched into the cache.
func OpenView(ctx context.Context, o Options, snapshot *tidemark.Snapshot) (*TableView, error) {
	stage, err := newStage(o)
	if err != nil {
		return nil, err
	}
	sql, err := viewOf(ctx, stage, snapshot)
	if err != nil {
		return nil, errors.Join(err, stage.close())
	}
	return &TableView{SQL: sql, stage: stage}, nil
}

// Close lets go of the files.
func (v *TableView) Close() error { return v.stage.close() }
