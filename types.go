package tidemark

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// typeNames are the types that columns of the lake are cast to, by the names that Athena and Spark have for them.
func typeNames() map[string]arrow.DataType {
	return map[string]arrow.DataType{
		"boolean":     arrow.FixedWidthTypes.Boolean,
		"int":         arrow.PrimitiveTypes.Int32,
		"bigint":      arrow.PrimitiveTypes.Int64,
		"float":       arrow.PrimitiveTypes.Float32,
		"double":      arrow.PrimitiveTypes.Float64,
		"string":      arrow.BinaryTypes.String,
		"binary":      arrow.BinaryTypes.Binary,
		"date":        arrow.FixedWidthTypes.Date32,
		"timestamp":   &arrow.TimestampType{Unit: arrow.Microsecond},
		"timestamptz": &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	}
}

// typeAliases are other names that people write.
func typeAliases() map[string]string {
	return map[string]string{"bool": "boolean", "integer": "int", "long": "bigint", "real": "float", "varchar": "string", "text": "string", "datetime": "timestamp"}
}

var decimalForm = regexp.MustCompile(`^(?:decimal|numeric)\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)$`)

// ParseType reads the name of a type: boolean, int, bigint, float, double, decimal(P,S), string, binary, date, timestamp
// or timestamptz, in any case. Another is ErrInvalid with a hint.
func ParseType(name string) (arrow.DataType, error) {
	text := strings.ToLower(strings.TrimSpace(name))
	if m := decimalForm.FindStringSubmatch(text); m != nil {
		precision, _ := strconv.Atoi(m[1])
		scale, _ := strconv.Atoi(m[2]) // none is 0
		if precision < 1 || precision > 38 || scale > precision {
			return nil, WithHint(fmt.Errorf("type %q: %w", name, ErrInvalid), "a decimal has 1 to 38 digits, of which no more than all stand behind the point")
		}
		return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, nil
	}
	if known, ok := typeAliases()[text]; ok {
		text = known
	}
	if t, ok := typeNames()[text]; ok {
		return t, nil
	}
	return nil, WithHint(fmt.Errorf("unknown type %q: %w", name, ErrInvalid),
		"use boolean, int, bigint, float, double, decimal(P,S), string, binary, date, timestamp or timestamptz")
}

// TypeName returns the name of a type as ParseType reads it; Arrow's own name for one that it does not know.
func TypeName(t arrow.DataType) string {
	if d, ok := t.(*arrow.Decimal128Type); ok {
		return fmt.Sprintf("decimal(%d,%d)", d.Precision, d.Scale)
	}
	for name, known := range typeNames() {
		if arrow.TypeEqual(known, t) {
			return name
		}
	}
	return t.String()
}
