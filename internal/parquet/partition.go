package parquet

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A Transform makes a partition's value from a column's, as the Iceberg specification defines it.
type Transform string

// The transforms of Iceberg.
const (
	Identity Transform = "identity"
	Year     Transform = "year"
	Month    Transform = "month"
	Day      Transform = "day"
	Hour     Transform = "hour"
	Bucket   Transform = "bucket"
	Truncate Transform = "truncate"
)

// A PartitionField says how a column divides a table.
type PartitionField struct {
	Name      string // of the partition's column, such as "order_date_day"
	Column    string // of the table
	Transform Transform
	Width     int // the number of buckets, or the width to truncate to
}

var partitionForm = regexp.MustCompile(`^\s*(\w+)\s*\(\s*(?:(\d+)\s*,\s*)?(.+?)\s*\)\s*$`)

// ParsePartition reads one entry of Pipeline.PartitionBy: a column, or year(c), month(c), day(c), hour(c),
// bucket(N, c) or truncate(N, c). Another form is tidemark.ErrInvalid.
func ParsePartition(spec string) (PartitionField, error) {
	invalid := fmt.Errorf("partition_by %q: use a column, year(c), month(c), day(c), hour(c), bucket(N, c) or truncate(N, c): %w",
		spec, tidemark.ErrInvalid)
	m := partitionForm.FindStringSubmatch(spec)
	if m == nil {
		name := strings.TrimSpace(spec)
		if name == "" || strings.ContainsAny(name, "()") {
			return PartitionField{}, invalid
		}
		return PartitionField{Name: name, Column: name, Transform: Identity}, nil
	}
	f := PartitionField{Column: m[3], Transform: Transform(strings.ToLower(m[1]))}
	if m[2] != "" {
		width, err := strconv.ParseInt(m[2], 10, 32)
		if err != nil || width < 1 {
			return PartitionField{}, invalid
		}
		f.Width = int(width)
	}
	switch f.Transform {
	case Year, Month, Day, Hour:
		f.Name = f.Column + "_" + string(f.Transform)
	case Bucket:
		f.Name = fmt.Sprintf("%s_bucket_%d", f.Column, f.Width)
	case Truncate:
		f.Name = fmt.Sprintf("%s_trunc_%d", f.Column, f.Width)
	}
	wide := f.Transform == Bucket || f.Transform == Truncate
	if f.Name == "" || wide != (f.Width > 0) {
		return PartitionField{}, invalid
	}
	return f, nil
}

// A PartitionValue is what all rows of a file have in common in one PartitionField.
type PartitionValue struct {
	Field PartitionField

	// Value is nil for NULL. For year, month and hour it is an int32 counted from 1970, for day an arrow.Date32, for
	// bucket an int32; for identity and truncate it has the column's type: bool, int32, int64, string, []byte,
	// arrow.Date32, arrow.Timestamp (in microseconds) or decimal128.Num.
	Value any

	// Text is the value as people read it, such as "2014-07"; "" for NULL.
	Text string
}

// A Partition holds the values of a file, in the order of the partition fields. It is empty for a table without
// partitions.
type Partition []PartitionValue

// nullSegment is what Hive, Spark and DuckDB read as NULL in a path.
const nullSegment = "__HIVE_DEFAULT_PARTITION__"

// Path returns the partition as folders, "order_date_day=2014-07-24/region=eu", or "" for no partition. Special
// characters are escaped.
func (p Partition) Path() string {
	segments := make([]string, len(p))
	for i, v := range p {
		text := nullSegment
		if v.Value != nil {
			text = escape(v.Text)
		}
		segments[i] = escape(v.Field.Name) + "=" + text
	}
	return strings.Join(segments, "/")
}

// escape leaves letters, digits and "-_.~". Readers of such paths decode %20, but not all of them +.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// A Partitioning divides the rows of one schema by the values of its fields. It is immutable and may be shared.
type Partitioning struct {
	fields  []PartitionField
	columns []int
	types   []arrow.DataType // of the columns
}

// NewPartitioning checks that each field's column is there and of a type that its transform takes; if not it returns
// tidemark.ErrInvalid.
func NewPartitioning(schema *arrow.Schema, fields []PartitionField) (*Partitioning, error) {
	p := &Partitioning{fields: slices.Clone(fields)}
	for _, f := range fields {
		at := schema.FieldIndices(f.Column)
		if len(at) != 1 {
			return nil, fmt.Errorf("partition by %s: no column %q: %w", f.Name, f.Column, tidemark.ErrInvalid)
		}
		t := schema.Field(at[0]).Type
		if !f.takes(t) {
			return nil, fmt.Errorf("partition by %s: %s of column %q, which is %s: %w", f.Name, f.Transform, f.Column, t, tidemark.ErrInvalid)
		}
		p.columns, p.types = append(p.columns, at[0]), append(p.types, t)
	}
	return p, nil
}

func (f PartitionField) takes(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT32, arrow.INT64, arrow.DECIMAL128, arrow.STRING, arrow.BINARY:
		return f.Transform == Identity || f.Transform == Bucket || f.Transform == Truncate
	case arrow.DATE32:
		return f.Transform != Truncate && f.Transform != Hour
	case arrow.TIMESTAMP:
		return f.Transform != Truncate
	case arrow.BOOL:
		return f.Transform == Identity
	default:
		return false // floats above all: NaN is not equal to itself
	}
}
