package duckdb

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// A Bypass lets the columns that a statement only hands on, as `SELECT * FROM rows WHERE …` does with most of them, go
// past the database. The database is given those that the statement names and a number for each row, which comes out
// among what `*` stands for; the others are taken from the batch by that number. So the statement stays what it is, and
// its errors have their places, while no time goes into copying a wide table in and out.
type Bypass struct {
	table   string
	fed     []int         // columns of the rows that the database is given
	given   *arrow.Schema // those, and the number
	result  *arrow.Schema // of the statement over all columns
	sources []origins     // by column of the result
	number  int           // the column of the database's answer with the numbers
}

// origins says where a column of the result comes from; one of the two is -1.
type origins struct {
	past   int // the column of the rows
	answer int // the column of the database's answer
}

// numberName is the column with the numbers of the rows.
const numberName = "tidemark_row_number"

// Bypass looks for a way past the database for the columns of a table. In and out are the columns of the table and of
// the result, as Describe has them. It returns nil where there is none: the statement must work row by row, have one
// `*`, and read no other tables but small ones. The table has other columns after the call.
func (db *DB) Bypass(ctx context.Context, s *Statement, table string, in, out *arrow.Schema, small ...string) (*Bypass, error) {
	alone, err := db.RowByRow(ctx, s, table)
	if err != nil || !alone || !s.starred(table, small) {
		return nil, err
	}
	b := &Bypass{table: table, result: out, sources: make([]origins, out.NumFields())}
	past := map[string]bool{}
	named := mentioned(s.tree)
	for i, from := range s.Lineage(table, in, out) {
		b.sources[i] = origins{past: -1, answer: -1}
		if c := in.FieldIndices(from); len(c) == 1 && !named[strings.ToLower(from)] && arrow.TypeEqual(in.Field(c[0]).Type, out.Field(i).Type) {
			b.sources[i].past, past[from] = c[0], true
		}
	}
	var fields []arrow.Field
	for i, f := range in.Fields() {
		if !past[f.Name] {
			b.fed, fields = append(b.fed, i), append(fields, f)
		}
	}
	if len(past) == 0 || len(past)+len(fields) != in.NumFields() || slices.ContainsFunc(in.Fields(), isNumber) {
		return nil, nil
	}
	b.given = arrow.NewSchema(append(fields, arrow.Field{Name: numberName, Type: arrow.PrimitiveTypes.Int32}), nil)
	if err := db.Register(ctx, table, b.given, nil); err != nil {
		return nil, err
	}
	answer, err := db.Describe(ctx, s)
	if err != nil || !b.answered(answer) {
		return nil, context.Cause(ctx)
	}
	return b, nil
}

func isNumber(f arrow.Field) bool { return strings.EqualFold(f.Name, numberName) }

// starred reports whether a statement has one table in FROM, and takes its columns by one `*`. What a subquery reads is
// read again for each batch, and so must be small.
func (s *Statement) starred(table string, small []string) bool {
	node, _ := s.tree["node"].(map[string]any)
	from, _ := node["from_table"].(map[string]any)
	if text(from, "type") != "BASE_TABLE" || !absent(from["column_name_alias"]) {
		return false
	}
	allowed := append([]string{table}, small...)
	for _, t := range s.Tables {
		if !slices.ContainsFunc(allowed, func(n string) bool { return strings.EqualFold(n, t.String()) }) {
			return false
		}
	}
	stars, other := 0, false
	nodes(s.tree, func(n map[string]any) {
		if text(n, "class") == "STAR" {
			stars++
		}
		other = other || text(n, "type") == "TABLE_FUNCTION" || isRow(n, table, text(from, "alias"))
	})
	return stars == 1 && !other
}

// isRow reports whether a node stands for the whole row of a table, as `SELECT r FROM rows AS r` has it.
func isRow(n map[string]any, table, alias string) bool {
	names, _ := n["column_names"].([]any)
	if text(n, "class") != "COLUMN_REF" || len(names) != 1 {
		return false
	}
	name := fmt.Sprint(names[0])
	return strings.EqualFold(name, table) || strings.EqualFold(name, alias)
}

// nodes calls a function with each node of a parsed statement.
func nodes(part any, do func(map[string]any)) {
	switch n := part.(type) {
	case []any:
		for _, child := range n {
			nodes(child, do)
		}
	case map[string]any:
		do(n)
		for _, child := range n {
			nodes(child, do)
		}
	}
}

// mentioned returns all that is written in a parsed statement, in the form for comparison: a name that is not among it is
// not used, whatever the place at which a name may stand.
func mentioned(part any) map[string]bool {
	found := map[string]bool{}
	var add func(any)
	add = func(part any) {
		switch n := part.(type) {
		case string:
			found[strings.ToLower(n)] = true
		case []any:
			for _, child := range n {
				add(child)
			}
		case map[string]any:
			for _, child := range n {
				add(child)
			}
		}
	}
	add(part)
	return found
}

// answered finds the columns that do not go past in what the database answers.
func (b *Bypass) answered(answer *arrow.Schema) bool {
	one := func(name string, typ arrow.DataType) int {
		if at := answer.FieldIndices(name); len(at) == 1 && arrow.TypeEqual(answer.Field(at[0]).Type, typ) {
			return at[0]
		}
		return -1
	}
	for i, o := range b.sources {
		if o.past >= 0 {
			continue
		}
		f := b.result.Field(i)
		if b.sources[i].answer = one(f.Name, f.Type); b.sources[i].answer < 0 {
			return false
		}
	}
	b.number = one(numberName, arrow.PrimitiveTypes.Int32)
	return b.number >= 0
}

// StreamPast runs a statement over rows as Stream does, once for each batch: what a batch gives is there before the next
// one is read, so that no more than one is held. Rows are pulled and released by it.
func (db *DB) StreamPast(ctx context.Context, s *Statement, b *Bypass, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			more := db.pass(ctx, s, b, batch, yield)
			batch.Release()
			if !more {
				return
			}
		}
	}
}

// pass runs the statement over one batch. It reports whether more is wanted.
func (db *DB) pass(ctx context.Context, s *Statement, b *Bypass, batch arrow.RecordBatch, yield func(arrow.RecordBatch, error) bool) bool {
	if err := db.Register(ctx, b.table, b.given, b.give(batch)); err != nil {
		yield(nil, err)
		return false
	}
	for answer, err := range db.Stream(ctx, s) {
		var result arrow.RecordBatch
		if err == nil {
			result, err = b.join(ctx, batch, answer)
			answer.Release()
		}
		if !yield(result, err) || err != nil {
			return false
		}
	}
	return true
}

// give yields what the database is given of a batch.
func (b *Bypass) give(batch arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		n := int(batch.NumRows())
		numbers := array.NewInt32Builder(memory.DefaultAllocator)
		defer numbers.Release()
		numbers.Reserve(n)
		for i := range n {
			numbers.UnsafeAppend(int32(i))
		}
		number := numbers.NewArray()
		defer number.Release()
		columns := make([]arrow.Array, 0, len(b.fed)+1)
		for _, c := range b.fed {
			columns = append(columns, batch.Column(c))
		}
		yield(array.NewRecordBatch(b.given, append(columns, number), int64(n)), nil)
	}
}

// join puts an answer together with what went past the database.
func (b *Bypass) join(ctx context.Context, batch, answer arrow.RecordBatch) (arrow.RecordBatch, error) {
	numbers, ok := answer.Column(b.number).(*array.Int32)
	if !ok || numbers.NullN() > 0 {
		return nil, fmt.Errorf("the rows came back without their numbers: %w", tidemark.ErrInvalid)
	}
	all := isAll(numbers.Int32Values(), int(batch.NumRows()))
	columns := make([]arrow.Array, 0, len(b.sources))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, o := range b.sources {
		switch {
		case o.past < 0:
			columns = append(columns, answer.Column(o.answer))
			columns[i].Retain()
		case all:
			columns = append(columns, batch.Column(o.past))
			columns[i].Retain()
		default:
			c, err := compute.TakeArray(ctx, batch.Column(o.past), numbers)
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", b.result.Field(i).Name, err)
			}
			columns = append(columns, c)
		}
	}
	return array.NewRecordBatch(b.result, columns, answer.NumRows()), nil
}

// isAll reports whether numbers are those of n rows, in their order.
func isAll(numbers []int32, n int) bool {
	if len(numbers) != n {
		return false
	}
	i := int32(-1)
	return !slices.ContainsFunc(numbers, func(x int32) bool { i++; return x != i })
}
