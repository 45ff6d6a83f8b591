package duckdb

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/tidemark-data/tidemark"
)

// A bridge is the type of a column as both DuckDB and Arrow have it, and knows how to bring values across.
type bridge struct {
	typ      arrow.DataType
	id       bindings.Type
	physical bindings.Type // how DuckDB keeps a decimal or the number of an enum's word
	words    []string      // of an enum
	length   int           // of an array
	children []*bridge     // a map has its keys and its values
}

// numbers are the types that both sides keep in the same bytes.
var numbers = map[bindings.Type]arrow.DataType{
	bindings.TypeTinyInt: arrow.PrimitiveTypes.Int8, bindings.TypeSmallInt: arrow.PrimitiveTypes.Int16,
	bindings.TypeInteger: arrow.PrimitiveTypes.Int32, bindings.TypeBigInt: arrow.PrimitiveTypes.Int64,
	bindings.TypeUTinyInt: arrow.PrimitiveTypes.Uint8, bindings.TypeUSmallInt: arrow.PrimitiveTypes.Uint16,
	bindings.TypeUInteger: arrow.PrimitiveTypes.Uint32, bindings.TypeUBigInt: arrow.PrimitiveTypes.Uint64,
	bindings.TypeFloat: arrow.PrimitiveTypes.Float32, bindings.TypeDouble: arrow.PrimitiveTypes.Float64,
}

var ids = map[arrow.Type]bindings.Type{
	arrow.BOOL: bindings.TypeBoolean, arrow.DATE32: bindings.TypeDate,
	arrow.STRING: bindings.TypeVarchar, arrow.LARGE_STRING: bindings.TypeVarchar,
	arrow.BINARY: bindings.TypeBlob, arrow.LARGE_BINARY: bindings.TypeBlob, arrow.FIXED_SIZE_BINARY: bindings.TypeBlob,
}

func init() {
	for id, t := range numbers {
		ids[t.ID()] = id
	}
}

// bridgeIn returns how rows of an Arrow type come in.
func bridgeIn(t arrow.DataType) (*bridge, error) {
	if id, ok := ids[t.ID()]; ok {
		return &bridge{typ: t, id: id}, nil
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		if t.Scale >= 0 && t.Scale <= t.Precision {
			return &bridge{typ: t, id: bindings.TypeDecimal, physical: decimalPhysical(int(t.Precision))}, nil
		}
	case *arrow.TimestampType:
		switch {
		case t.Unit == arrow.Microsecond && t.TimeZone != "":
			return &bridge{typ: t, id: bindings.TypeTimestampTZ}, nil
		case t.TimeZone == "":
			ids := []bindings.Type{bindings.TypeTimestampS, bindings.TypeTimestampMS, bindings.TypeTimestamp, bindings.TypeTimestampNS}
			return &bridge{typ: t, id: ids[t.Unit]}, nil
		}
	case *arrow.MapType:
		return parent(t, bindings.TypeMap, t.KeyType(), t.ItemType())
	case *arrow.ListType:
		return parent(t, bindings.TypeList, t.Elem())
	case *arrow.LargeListType:
		return parent(t, bindings.TypeList, t.Elem())
	case *arrow.StructType:
		var types []arrow.DataType
		for _, f := range t.Fields() {
			types = append(types, f.Type)
		}
		if len(types) > 0 {
			return parent(t, bindings.TypeStruct, types...)
		}
	}
	return nil, fmt.Errorf("type %s has no counterpart in SQL: %w", t, tidemark.ErrInvalid)
}

func parent(t arrow.DataType, id bindings.Type, types ...arrow.DataType) (*bridge, error) {
	c := &bridge{typ: t, id: id}
	for _, child := range types {
		made, err := bridgeIn(child)
		if err != nil {
			return nil, err
		}
		c.children = append(c.children, made)
	}
	return c, nil
}

// decimalPhysical is how DuckDB keeps decimals of so many digits.
func decimalPhysical(precision int) bindings.Type {
	switch {
	case precision <= 4:
		return bindings.TypeSmallInt
	case precision <= 9:
		return bindings.TypeInteger
	case precision <= 18:
		return bindings.TypeBigInt
	default:
		return bindings.TypeHugeInt
	}
}

// logical returns DuckDB's type, for the caller to destroy.
func (c *bridge) logical() bindings.LogicalType {
	var types []bindings.LogicalType
	for _, child := range c.children {
		types = append(types, child.logical())
	}
	defer func() {
		for i := range types {
			bindings.DestroyLogicalType(&types[i])
		}
	}()
	switch t := c.typ.(type) {
	case *arrow.Decimal128Type:
		return bindings.CreateDecimalType(uint8(t.Precision), uint8(t.Scale))
	case *arrow.MapType:
		return bindings.CreateMapType(types[0], types[1])
	case *arrow.StructType:
		var names []string
		for _, f := range t.Fields() {
			names = append(names, f.Name)
		}
		return bindings.CreateStructType(types, names)
	case arrow.ListLikeType:
		return bindings.CreateListType(types[0])
	}
	return bindings.CreateLogicalType(c.id)
}

// bridgeOut returns how values of one of DuckDB's types come out.
func bridgeOut(t bindings.LogicalType) (*bridge, error) {
	c := &bridge{id: bindings.GetTypeId(t)}
	if c.typ = numbers[c.id]; c.typ != nil {
		return c, nil
	}
	switch c.id {
	case bindings.TypeBoolean:
		c.typ = arrow.FixedWidthTypes.Boolean
	case bindings.TypeVarchar, bindings.TypeUUID, bindings.TypeTime:
		c.typ = arrow.BinaryTypes.String
	case bindings.TypeBlob:
		c.typ = arrow.BinaryTypes.Binary
	case bindings.TypeDate:
		c.typ = arrow.FixedWidthTypes.Date32
	case bindings.TypeTimestamp, bindings.TypeTimestampS, bindings.TypeTimestampMS:
		c.typ = &arrow.TimestampType{Unit: arrow.Microsecond}
	case bindings.TypeTimestampTZ:
		c.typ = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case bindings.TypeHugeInt, bindings.TypeUHugeInt:
		c.typ = &arrow.Decimal128Type{Precision: 38}
	case bindings.TypeDecimal:
		c.typ = &arrow.Decimal128Type{Precision: int32(bindings.DecimalWidth(t)), Scale: int32(bindings.DecimalScale(t))}
		c.physical = bindings.DecimalInternalType(t)
	case bindings.TypeEnum:
		c.typ, c.physical = arrow.BinaryTypes.String, bindings.EnumInternalType(t)
		for i := range bindings.EnumDictionarySize(t) {
			c.words = append(c.words, bindings.EnumDictionaryValue(t, bindings.IdxT(i)))
		}
	default:
		return c, c.nest(t)
	}
	return c, nil
}

// nest makes the type of what has parts, and refuses what is left.
func (c *bridge) nest(t bindings.LogicalType) error {
	switch c.id {
	case bindings.TypeList:
		if err := c.adopt(bindings.ListTypeChildType(t)); err != nil {
			return err
		}
		c.typ = arrow.ListOfField(arrow.Field{Name: "element", Type: c.children[0].typ, Nullable: true})
	case bindings.TypeArray:
		c.length = int(bindings.ArrayTypeArraySize(t))
		if err := c.adopt(bindings.ArrayTypeChildType(t)); err != nil {
			return err
		}
		c.typ = arrow.ListOfField(arrow.Field{Name: "element", Type: c.children[0].typ, Nullable: true})
	case bindings.TypeMap:
		if err := c.adopt(bindings.MapTypeKeyType(t), bindings.MapTypeValueType(t)); err != nil {
			return err
		}
		c.typ = arrow.MapOf(c.children[0].typ, c.children[1].typ)
	case bindings.TypeStruct:
		var fields []arrow.Field
		for i := range bindings.StructTypeChildCount(t) {
			if err := c.adopt(bindings.StructTypeChildType(t, i)); err != nil {
				return err
			}
			fields = append(fields, arrow.Field{Name: bindings.StructTypeChildName(t, i), Type: c.children[i].typ, Nullable: true})
		}
		c.typ = arrow.StructOf(fields...)
	default:
		name, cast := refused[c.id], "VARCHAR"
		switch c.id {
		case bindings.TypeTimestampNS:
			cast = "TIMESTAMP"
		case bindings.TypeBigNum:
			cast = "DECIMAL(38,0)"
		}
		if name == "" {
			name = fmt.Sprintf("number %d", c.id)
		}
		err := fmt.Errorf("no table has the type %s: %w", name, tidemark.ErrInvalid)
		return tidemark.WithHint(err, "CAST(… AS "+cast+")")
	}
	return nil
}

// refused are the names of the types that no table has.
var refused = map[bindings.Type]string{
	bindings.TypeInterval: "INTERVAL", bindings.TypeBit: "BIT", bindings.TypeUnion: "UNION", bindings.TypeTimeTZ: "TIME WITH TIME ZONE",
	bindings.TypeTimestampNS: "TIMESTAMP_NS", bindings.TypeTimeNS: "TIME_NS", bindings.TypeBigNum: "BIGNUM", bindings.TypeSQLNull: "NULL",
	bindings.TypeGeometry: "GEOMETRY", bindings.TypeVariant: "VARIANT",
}

// adopt makes children of types, and destroys those.
func (c *bridge) adopt(types ...bindings.LogicalType) error {
	var first error
	for i := range types {
		child, err := bridgeOut(types[i])
		bindings.DestroyLogicalType(&types[i])
		if err != nil && first == nil {
			first = err
		}
		c.children = append(c.children, child)
	}
	return first
}
