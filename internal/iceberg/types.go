package iceberg

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"

	"github.com/tidemark-data/tidemark"
)

// typeOf returns the Iceberg type that holds all values of an Arrow type and no others. newID numbers the element of a
// list.
func typeOf(t arrow.DataType, newID func() int) (iceberg.Type, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return iceberg.PrimitiveTypes.Bool, nil
	case *arrow.Int32Type:
		return iceberg.PrimitiveTypes.Int32, nil
	case *arrow.Int64Type:
		return iceberg.PrimitiveTypes.Int64, nil
	case *arrow.Float32Type:
		return iceberg.PrimitiveTypes.Float32, nil
	case *arrow.Float64Type:
		return iceberg.PrimitiveTypes.Float64, nil
	case *arrow.Decimal128Type:
		return iceberg.DecimalTypeOf(int(t.Precision), int(t.Scale)), nil
	case *arrow.StringType:
		return iceberg.PrimitiveTypes.String, nil
	case *arrow.BinaryType:
		return iceberg.PrimitiveTypes.Binary, nil
	case *arrow.Date32Type:
		return iceberg.PrimitiveTypes.Date, nil
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond && t.TimeZone == "" {
			return iceberg.PrimitiveTypes.Timestamp, nil
		}
		if t.Unit == arrow.Microsecond && t.TimeZone == "UTC" {
			return iceberg.PrimitiveTypes.TimestampTz, nil
		}
	case *arrow.ListType:
		element, err := typeOf(t.Elem(), newID)
		if err != nil {
			return nil, err
		}
		return &iceberg.ListType{ElementID: newID(), Element: element, ElementRequired: !t.ElemField().Nullable}, nil
	}
	return nil, fmt.Errorf("type %s has no place in an Iceberg table: %w", t, tidemark.ErrInvalid)
}

// A fit says how the type that a batch has goes into the type that a table has.
type fit uint8

const (
	fitNot   fit = iota // values would be lost
	fitSame             // as it is
	fitCast             // the table's type is the wider one: the batch is cast
	fitWiden            // the table's type must become the batch's
)

// fitOf compares the type of a table's column with the type that batches have now. Only what Iceberg calls a type
// promotion is a widening; everything else would need the data files to be written again.
func fitOf(have, want iceberg.Type) fit {
	switch {
	case sameType(have, want):
		return fitSame
	case promotes(want, have):
		return fitCast
	case promotes(have, want):
		return fitWiden
	}
	return fitNot
}

// sameType compares types but not the ids inside them.
func sameType(a, b iceberg.Type) bool {
	la, isList := a.(*iceberg.ListType)
	lb, both := b.(*iceberg.ListType)
	if isList && both {
		return sameType(la.Element, lb.Element)
	}
	return a.Equals(b)
}

func promotes(from, to iceberg.Type) bool {
	switch f := from.(type) {
	case iceberg.Int32Type:
		return to.Equals(iceberg.PrimitiveTypes.Int64)
	case iceberg.Float32Type:
		return to.Equals(iceberg.PrimitiveTypes.Float64)
	case iceberg.DecimalType:
		t, ok := to.(iceberg.DecimalType)
		return ok && t.Scale() == f.Scale() && t.Precision() > f.Precision()
	}
	return false
}
