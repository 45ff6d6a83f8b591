package run

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A Row is one row of a batch, as a func of [EachRow] or [Where] sees it. It is good for the time of the call. Its methods
// panic when they are asked for a column that is not there, which ends the run with an error that says so.
type Row struct {
	batch  arrow.RecordBatch
	at     int
	makers map[string]*maker // nil where nothing can be set
}

// column returns the column of that name.
func (r Row) column(name string) arrow.Array {
	i := r.batch.Schema().FieldIndices(name)
	if len(i) == 0 {
		panic(fmt.Sprintf("there is no column %q", name))
	}
	return r.batch.Column(i[0])
}

// Has reports whether there is a column of that name.
func (r Row) Has(column string) bool { return r.batch.Schema().HasField(column) }

// IsNull reports whether a value is NULL.
func (r Row) IsNull(column string) bool { return r.column(column).IsNull(r.at) }

// Text returns a value of any type as text, as `tidemark query` prints it: dates and times in ISO form, decimals with all
// their digits. NULL is "".
func (r Row) Text(column string) string { return duckdb.Text(duckdb.ValueOf(r.column(column), r.at)) }

// Text returns a value of an answer as `tidemark query` prints it: "" for NULL, lists and structs as JSON.
func Text(v any) string { return duckdb.Text(v) }

// Int returns the value of an integer column. NULL is 0.
func (r Row) Int(column string) int64 {
	switch c := r.column(column).(type) {
	case *array.Int32:
		if c.IsValid(r.at) {
			return int64(c.Value(r.at))
		}
	case *array.Int64:
		if c.IsValid(r.at) {
			return c.Value(r.at)
		}
	default:
		panic(fmt.Sprintf("column %q is not an integer but %s", column, c.DataType()))
	}
	return 0
}

// Float returns the value of a float, integer or decimal column, the nearest that a float64 has. NULL is 0.
func (r Row) Float(column string) float64 {
	c := r.column(column)
	if c.IsNull(r.at) {
		return 0
	}
	switch c := c.(type) {
	case *array.Int32:
		return float64(c.Value(r.at))
	case *array.Int64:
		return float64(c.Value(r.at))
	case *array.Float32:
		return float64(c.Value(r.at))
	case *array.Float64:
		return c.Value(r.at)
	case *array.Decimal128:
		if t, ok := c.DataType().(*arrow.Decimal128Type); ok {
			return c.Value(r.at).ToFloat64(t.Scale)
		}
	}
	panic(fmt.Sprintf("column %q is not a number but %s", column, c.DataType()))
}

// Time returns the value of a date or time column, in UTC. NULL is the zero Time.
func (r Row) Time(column string) time.Time {
	c := r.column(column)
	if c.IsNull(r.at) {
		return time.Time{}
	}
	switch c := c.(type) {
	case *array.Timestamp:
		return time.UnixMicro(int64(c.Value(r.at))).UTC()
	case *array.Date32:
		return c.Value(r.at).ToTime()
	}
	panic(fmt.Sprintf("column %q is not a date or time but %s", column, c.DataType()))
}

// Set gives the row a value in a column that the func was said to make: nil, a bool, an int, int64, float64, []byte,
// time.Time, or a string, which other types than text read as Arrow writes them, such as "2024-02-29" and "12.50".
func (r Row) Set(column string, value any) {
	m, ok := r.makers[column]
	if !ok {
		panic(fmt.Sprintf("column %q was not declared as one that the func makes", column))
	}
	m.set(value)
}

// EachRow makes a Func of one that is called for each row and gives it values with [Row.Set]. makes declares the columns
// that it sets: new ones come behind those that are there, and one of a name that is there takes its place. Where fn sets
// nothing, a column that was there keeps its value if its type is the same, and all others are NULL.
func EachRow(makes []arrow.Field, fn func(ctx context.Context, row Row) error) Func {
	f := Func{
		Schema: func(in *arrow.Schema) (*arrow.Schema, error) { return withFields(in, makes), nil },
		Batch: func(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
			return eachRow(ctx, b, makes, fn)
		},
	}
	for _, m := range makes {
		f.Makes = append(f.Makes, m.Name)
	}
	return f
}

// Where makes a Func that keeps the rows of which keep says true.
func Where(keep func(ctx context.Context, row Row) (bool, error)) Func {
	return Func{Drops: true, Batch: func(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
		return whereRows(ctx, b, keep)
	}}
}

// withFields returns a schema with more columns, or with others in the place of those of the same name.
func withFields(in *arrow.Schema, makes []arrow.Field) *arrow.Schema {
	fields := in.Fields()
	for _, m := range makes {
		if at := in.FieldIndices(m.Name); len(at) > 0 {
			fields[at[0]] = m
		} else {
			fields = append(fields, m)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// held are arrays and builders that are released together.
type held []interface{ Release() }

func (h *held) release() {
	for _, one := range *h {
		one.Release()
	}
}

// A maker builds a column, row by row.
type maker struct {
	name    string
	builder array.Builder
	before  arrow.Array // the column in whose place it comes; nil
	given   bool        // the row has its value
}

func eachRow(ctx context.Context, b arrow.RecordBatch, makes []arrow.Field, fn func(context.Context, Row) error) (arrow.RecordBatch, error) {
	schema := withFields(b.Schema(), makes)
	row := Row{batch: b, makers: map[string]*maker{}}
	var made held
	defer made.release()
	for _, m := range makes {
		builder := array.NewBuilder(memory.DefaultAllocator, m.Type)
		made = append(made, builder)
		builder.Reserve(int(b.NumRows()))
		one := &maker{name: m.Name, builder: builder}
		if at := b.Schema().FieldIndices(m.Name); len(at) > 0 && arrow.TypeEqual(m.Type, b.Column(at[0]).DataType()) {
			one.before = b.Column(at[0])
		}
		row.makers[m.Name] = one
	}
	for row.at = range int(b.NumRows()) {
		if err := fn(ctx, row); err != nil {
			return nil, err
		}
		for _, m := range row.makers {
			if err := m.next(row.at); err != nil {
				return nil, err
			}
		}
	}
	columns := make([]arrow.Array, schema.NumFields())
	for i, f := range schema.Fields() {
		if m, ok := row.makers[f.Name]; ok {
			columns[i] = m.builder.NewArray()
			made = append(made, columns[i])
		} else {
			columns[i] = row.column(f.Name)
		}
	}
	return array.NewRecordBatch(schema, columns, b.NumRows()), nil
}

// next ends a row: one that was given no value keeps what it had, or gets NULL.
func (m *maker) next(at int) error {
	switch {
	case m.given:
	case m.before != nil && m.before.IsValid(at):
		value, err := scalar.GetScalar(m.before, at)
		if err != nil {
			return fmt.Errorf("column %q: %w", m.name, err)
		}
		if err := scalar.Append(m.builder, value); err != nil {
			return fmt.Errorf("column %q: %w", m.name, err)
		}
	default:
		m.builder.AppendNull()
	}
	m.given = false
	return nil
}

func (m *maker) set(value any) {
	if m.given {
		panic(fmt.Sprintf("column %q was set twice for one row", m.name))
	}
	m.given = true
	if !m.append(value) {
		panic(fmt.Sprintf("column %q is %s, and cannot be %T %v", m.name, m.builder.Type(), value, value))
	}
}

// append reports whether the column can have the value.
func (m *maker) append(value any) bool {
	switch v := value.(type) {
	case nil:
		m.builder.AppendNull()
		return true
	case string:
		return m.builder.AppendValueFromString(v) == nil
	case int:
		return m.appendInt(int64(v))
	case int32:
		return m.appendInt(int64(v))
	case int64:
		return m.appendInt(v)
	case time.Time:
		return m.appendTime(v)
	}
	switch b := m.builder.(type) {
	case *array.BooleanBuilder:
		v, ok := value.(bool)
		b.Append(v)
		return ok
	case *array.Float64Builder:
		v, ok := value.(float64)
		b.Append(v)
		return ok
	case *array.Float32Builder:
		v, ok := value.(float64)
		b.Append(float32(v))
		return ok
	case *array.BinaryBuilder:
		v, ok := value.([]byte)
		b.Append(v)
		return ok
	}
	return false
}

func (m *maker) appendInt(v int64) bool {
	switch b := m.builder.(type) {
	case *array.Int32Builder:
		b.Append(int32(v))
		return int64(int32(v)) == v
	case *array.Int64Builder:
		b.Append(v)
	case *array.Float64Builder:
		b.Append(float64(v))
		return int64(float64(v)) == v
	default:
		return false
	}
	return true
}

func (m *maker) appendTime(v time.Time) bool {
	switch b := m.builder.(type) {
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(v))
	default:
		return false
	}
	return true
}

// whereRows copies runs of rows that are kept, of which most batches have few.
func whereRows(ctx context.Context, b arrow.RecordBatch, keep func(context.Context, Row) (bool, error)) (arrow.RecordBatch, error) {
	var parts []arrow.RecordBatch
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	from, rows := -1, int(b.NumRows())
	for at := range rows {
		kept, err := keep(ctx, Row{batch: b, at: at})
		if err != nil {
			return nil, err
		}
		if kept && from < 0 {
			from = at
		}
		if !kept && from >= 0 {
			parts, from = append(parts, b.NewSlice(int64(from), int64(at))), -1
		}
	}
	switch {
	case from == 0:
		return b, nil
	case from > 0:
		parts = append(parts, b.NewSlice(int64(from), int64(rows)))
	case len(parts) == 0:
		return b.NewSlice(0, 0), nil
	}
	return concatenate(b.Schema(), parts)
}

func concatenate(schema *arrow.Schema, parts []arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, schema.NumFields())
	var made held
	defer made.release()
	rows := int64(0)
	for _, p := range parts {
		rows += p.NumRows()
	}
	for i := range columns {
		pieces := make([]arrow.Array, len(parts))
		for j, p := range parts {
			pieces[j] = p.Column(i)
		}
		column, err := array.Concatenate(pieces, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		made = append(made, column)
		columns[i] = column
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}
