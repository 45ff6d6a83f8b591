package duckdb

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// plain are the types without parameters, by Arrow's id.
var plain = map[arrow.Type]string{
	arrow.BOOL: "BOOLEAN",
	arrow.INT8: "TINYINT", arrow.INT16: "SMALLINT", arrow.INT32: "INTEGER", arrow.INT64: "BIGINT",
	arrow.UINT8: "UTINYINT", arrow.UINT16: "USMALLINT", arrow.UINT32: "UINTEGER", arrow.UINT64: "UBIGINT",
	arrow.FLOAT32: "FLOAT", arrow.FLOAT64: "DOUBLE",
	arrow.STRING: "VARCHAR", arrow.LARGE_STRING: "VARCHAR", arrow.STRING_VIEW: "VARCHAR",
	arrow.BINARY: "BLOB", arrow.LARGE_BINARY: "BLOB", arrow.FIXED_SIZE_BINARY: "BLOB", arrow.BINARY_VIEW: "BLOB",
	arrow.DATE32: "DATE", arrow.DATE64: "DATE",
	arrow.TIME32: "TIME", arrow.TIME64: "TIME",
}

// Type returns DuckDB's name of an Arrow type as it is read from Parquet. A type that is not known is
// tidemark.ErrInvalid.
func Type(t arrow.DataType) (string, error) {
	if name, ok := plain[t.ID()]; ok {
		return name, nil
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale), nil
	case *arrow.TimestampType:
		switch {
		case t.TimeZone != "":
			return "TIMESTAMPTZ", nil
		case t.Unit == arrow.Nanosecond:
			return "TIMESTAMP_NS", nil
		default:
			return "TIMESTAMP", nil
		}
	case *arrow.DictionaryType:
		return Type(t.ValueType)
	case arrow.ExtensionType:
		if t.ExtensionName() == "arrow.uuid" {
			return "UUID", nil
		}
		return Type(t.StorageType())
	case *arrow.MapType:
		key, err := Type(t.KeyType())
		if err != nil {
			return "", err
		}
		item, err := Type(t.ItemType())
		return fmt.Sprintf("MAP(%s, %s)", key, item), err
	case arrow.ListLikeType:
		element, err := Type(t.Elem())
		return element + "[]", err
	case *arrow.StructType:
		return structType(t)
	}
	return "", fmt.Errorf("type %s cannot be queried: %w", t, tidemark.ErrInvalid)
}

func structType(t *arrow.StructType) (string, error) {
	var parts []string
	for _, f := range t.Fields() {
		typ, err := Type(f.Type)
		if err != nil {
			return "", fmt.Errorf("field %q: %w", f.Name, err)
		}
		parts = append(parts, Ident(f.Name)+" "+typ)
	}
	return "STRUCT(" + strings.Join(parts, ", ") + ")", nil
}
