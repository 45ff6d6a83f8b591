package mysql

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// kind is how a column's values are carried over: one kind, one form in the batch.
type kind uint8

const (
	kindInt32 kind = iota // integers that fit, YEAR
	kindInt64
	kindUint64 // BIGINT UNSIGNED and BIT(64), as decimal(20,0): the lake has no unsigned type
	kindFloat32
	kindFloat64
	kindBool    // BIT(1)
	kindBits    // BIT(2) to BIT(63), as int64
	kindDecimal // up to 38 digits, exact
	kindDate
	kindDatetime
	kindTimestamp
	kindTime   // text: it is a duration, may be negative and longer than a day
	kindString // also DECIMAL of more than 38 digits
	kindBinary
	kindGeometry // WKB, without the four bytes of the SRID before it
	kindVector
)

// A column is a column of the table with all that reading it needs.
type column struct {
	tidemark.Column
	kind      kind
	precision int // of a DECIMAL; bits of a BIT
	scale     int // of a DECIMAL; digits of the fraction of a DATETIME, TIMESTAMP or TIME
	unsigned  bool
	dataType  string // DATA_TYPE in lower case
	defaulted string // COLUMN_DEFAULT
	extra     string // EXTRA in lower case
	declared  bool   // declared NOT NULL, though zero dates may make it nullable in the batches
}

// maxDecimal is the number of digits that Arrow, Parquet and Iceberg can carry.
const maxDecimal = 38

// classify sets kind, Arrow type and nullability from what information_schema says. It is ErrInvalid for a type that is
// not known: guessing would corrupt.
func (c *column) classify(zero ZeroDates) error {
	switch c.dataType {
	case "tinyint", "smallint", "mediumint", "year":
		c.kind = kindInt32
	case "int", "integer":
		c.kind = kindInt32
		if c.unsigned {
			c.kind = kindInt64
		}
	case "bigint":
		c.kind = kindInt64
		if c.unsigned {
			c.kind = kindUint64
		}
	case "bit":
		c.kind = bitKind(c.precision)
	case "decimal", "numeric":
		c.kind = kindDecimal
		if c.precision > maxDecimal {
			c.kind = kindString
		}
	case "float":
		c.kind = kindFloat32
	case "double", "real":
		c.kind = kindFloat64
	case "date":
		c.kind = kindDate
	case "datetime":
		c.kind = kindDatetime
	case "timestamp":
		c.kind = kindTimestamp
	case "time":
		c.kind = kindTime
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "uuid", "inet4", "inet6":
		c.kind = kindString
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		c.kind = kindBinary
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		c.kind = kindGeometry
	case "vector":
		c.kind = kindVector
	default:
		return tidemark.WithHint(fmt.Errorf("column %q has type %s, which is not known here: %w", c.Name, c.SourceType, tidemark.ErrInvalid),
			"leave it out by naming the others in the source's columns")
	}
	c.Type = c.arrowType()
	c.Nullable = !c.declared || c.temporal() && zero != ZeroDatesError
	return nil
}

func bitKind(bits int) kind {
	switch bits {
	case 1:
		return kindBool
	case 64:
		return kindUint64
	default:
		return kindBits
	}
}

// temporal reports whether the column can hold dates that do not exist.
func (c *column) temporal() bool {
	return c.kind == kindDate || c.kind == kindDatetime || c.kind == kindTimestamp
}

func (c *column) arrowType() arrow.DataType {
	switch c.kind {
	case kindInt32:
		return arrow.PrimitiveTypes.Int32
	case kindInt64, kindBits:
		return arrow.PrimitiveTypes.Int64
	case kindUint64:
		return &arrow.Decimal128Type{Precision: 20}
	case kindFloat32:
		return arrow.PrimitiveTypes.Float32
	case kindFloat64:
		return arrow.PrimitiveTypes.Float64
	case kindBool:
		return arrow.FixedWidthTypes.Boolean
	case kindDecimal:
		return &arrow.Decimal128Type{Precision: int32(c.precision), Scale: int32(c.scale)}
	case kindDate:
		return arrow.FixedWidthTypes.Date32
	case kindDatetime:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case kindTimestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case kindBinary, kindGeometry:
		return arrow.BinaryTypes.Binary
	case kindVector:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.PrimitiveTypes.Float32})
	default: // kindTime, kindString
		return arrow.BinaryTypes.String
	}
}

// matches reports whether a result's column still is what the schema says. After an ALTER TABLE it is not, and the
// values would be read as something else.
func (c *column) matches(f field) bool {
	if !strings.EqualFold(f.name, c.Name) || (c.declared && !f.notNull()) {
		return false
	}
	switch c.kind {
	case kindInt32:
		switch f.typ {
		case typeTiny, typeShort, typeInt24:
			return true
		case typeYear:
			return c.dataType == "year"
		default:
			return f.typ == typeLong && !f.unsigned()
		}
	case kindInt64:
		return f.typ == typeLongLong && !f.unsigned() || f.typ == typeLong && f.unsigned()
	case kindUint64:
		return f.typ == typeLongLong && f.unsigned() || f.typ == typeBit && c.dataType == "bit"
	case kindFloat32:
		return f.typ == typeFloat
	case kindFloat64:
		return f.typ == typeDouble
	case kindBool:
		return f.typ == typeBit && f.length == 1
	case kindBits:
		return f.typ == typeBit && f.length > 1 && f.length < 64
	case kindDecimal:
		return f.typ == typeNewDecimal && int(f.decimals) == c.scale && f.precision() == c.precision
	case kindDate:
		return f.typ == typeDate
	case kindDatetime:
		return f.typ == typeDatetime && int(f.decimals) == c.scale
	case kindTimestamp:
		return f.typ == typeTimestamp && int(f.decimals) == c.scale
	case kindTime:
		return f.typ == typeTime
	case kindVector:
		return f.typ == typeVector || isText(f.typ) && f.binary()
	case kindGeometry:
		return f.typ == typeGeometry
	case kindBinary:
		return isText(f.typ) && f.binary()
	default:
		return f.typ == typeJSON || f.typ == typeNewDecimal && c.dataType == "decimal" || isText(f.typ) && !f.binary()
	}
}

// precision returns the digits of a DECIMAL, from the characters that it takes at most.
func (f field) precision() int {
	n := int(f.length)
	if f.decimals > 0 {
		n-- // the point
	}
	if !f.unsigned() {
		n-- // the sign
	}
	return n
}

// isText reports whether a value is a string of characters or bytes.
func isText(typ byte) bool { return typ >= 0xf7 && typ <= 0xfe || typ == 0x0f }

// ident quotes an identifier. Names come from the server or are looked for there first.
func ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func identTable(t tidemark.TableName) string { return ident(t.Database) + "." + ident(t.Name) }
