package folder

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A column is a column of a table, as its record names it.
type column struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"` // such as "int64", "decimal(10,2)", "list", "struct"
	Doc    string   `json:"doc,omitempty"`
	Fields []column `json:"fields,omitempty"` // of a struct; the element of a list

	Comment string `json:"comment,omitempty"` // that a person has set

	Path bool `json:"path,omitempty"` // of an imported table: it is not in the files but in the names of their folders
}

// simple are the types that have no parameters, in both directions.
var simple = map[string]arrow.DataType{
	"bool":        arrow.FixedWidthTypes.Boolean,
	"int32":       arrow.PrimitiveTypes.Int32,
	"int64":       arrow.PrimitiveTypes.Int64,
	"float32":     arrow.PrimitiveTypes.Float32,
	"float64":     arrow.PrimitiveTypes.Float64,
	"date":        arrow.FixedWidthTypes.Date32,
	"time":        arrow.FixedWidthTypes.Time64us,
	"timestamp":   &arrow.TimestampType{Unit: arrow.Microsecond},
	"timestamptz": &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	"string":      arrow.BinaryTypes.String,
	"binary":      arrow.BinaryTypes.Binary,
}

// columnOf describes a field of a batch. Types that only Arrow has take the nearest one that every reader of Parquet
// knows and that holds all values.
func columnOf(f arrow.Field) (column, error) {
	c := column{Name: f.Name}
	if doc, ok := f.Metadata.GetValue(tidemark.DocKey); ok {
		c.Doc = doc
	}
	t := readable(f.Type)
	for name, known := range simple {
		if arrow.TypeEqual(t, known) {
			c.Type = name
			return c, nil
		}
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		c.Type = fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
		return c, nil
	case *arrow.ListType:
		element := t.ElemField()
		element.Name = "element"
		c.Type = "list"
		return c, c.add(element)
	case *arrow.StructType:
		c.Type = "struct"
		for _, field := range t.Fields() {
			if err := c.add(field); err != nil {
				return column{}, err
			}
		}
		return c, nil
	}
	return column{}, tidemark.WithHint(fmt.Errorf("column %q: type %s cannot be kept in the lake: %w", f.Name, f.Type, tidemark.ErrInvalid),
		"cast it in a transform")
}

func (c *column) add(f arrow.Field) error {
	inner, err := columnOf(f)
	c.Fields = append(c.Fields, inner)
	return err
}

// readable replaces types that readers do not know by wider ones that they do.
func readable(t arrow.DataType) arrow.DataType {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.UINT8, arrow.UINT16:
		return arrow.PrimitiveTypes.Int32
	case arrow.UINT32:
		return arrow.PrimitiveTypes.Int64
	case arrow.UINT64:
		return &arrow.Decimal128Type{Precision: 20}
	case arrow.LARGE_STRING, arrow.STRING_VIEW:
		return arrow.BinaryTypes.String
	case arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY:
		return arrow.BinaryTypes.Binary
	case arrow.TIMESTAMP:
		if t.(*arrow.TimestampType).TimeZone == "" {
			return simple["timestamp"]
		}
		return simple["timestamptz"]
	case arrow.DICTIONARY:
		return readable(t.(*arrow.DictionaryType).ValueType)
	default:
		return t
	}
}

var decimalForm = regexp.MustCompile(`^decimal\((\d+),(\d+)\)$`)

// arrowType is the inverse of columnOf. Everything is nullable: a later file may lack what an earlier one has.
func (c column) arrowType() (arrow.DataType, error) {
	if t, ok := simple[c.Type]; ok {
		return t, nil
	}
	if m := decimalForm.FindStringSubmatch(c.Type); m != nil {
		precision, err1 := strconv.ParseInt(m[1], 10, 32)
		scale, err2 := strconv.ParseInt(m[2], 10, 32)
		if err1 == nil && err2 == nil && precision >= 1 && precision <= 38 {
			return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, nil
		}
	}
	fields := make([]arrow.Field, len(c.Fields))
	for i, f := range c.Fields {
		t, err := f.arrowType()
		if err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: true}
	}
	switch {
	case c.Type == "struct" && len(fields) > 0:
		return arrow.StructOf(fields...), nil
	case c.Type == "list" && len(fields) == 1:
		return arrow.ListOfField(fields[0]), nil
	}
	return nil, fmt.Errorf("column %q: type %q is not known: %w", c.Name, c.Type, tidemark.ErrInvalid)
}

// widened returns the type that holds the values of both, or false when no type does without a loss. It is the
// table's own when that is wide enough already.
func widened(table, batch column) (column, bool) {
	if sameType(table, batch) {
		return table, true
	}
	wider, ok := map[[2]string]string{
		{"int32", "int64"}: "int64", {"int64", "int32"}: "int64",
		{"float32", "float64"}: "float64", {"float64", "float32"}: "float64",
	}[[2]string{table.Type, batch.Type}]
	if !ok {
		var t, b [2]int
		if _, err := fmt.Sscanf(table.Type, "decimal(%d,%d)", &t[0], &t[1]); err != nil {
			return column{}, false
		}
		if _, err := fmt.Sscanf(batch.Type, "decimal(%d,%d)", &b[0], &b[1]); err != nil || t[1] != b[1] {
			return column{}, false
		}
		wider = fmt.Sprintf("decimal(%d,%d)", max(t[0], b[0]), t[1])
	}
	table.Type = wider
	return table, true
}

func sameType(a, b column) bool {
	if a.Type != b.Type || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !sameType(a.Fields[i], b.Fields[i]) {
			return false
		}
	}
	return true
}
