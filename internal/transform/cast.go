package transform

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// A caster returns a column with another type. A value that does not fit is a misfitError, or is told to aside, where that is
// not nil, and any value takes its place. It is safe for concurrent use.
type caster func(a arrow.Array, aside func(misfitError)) (arrow.Array, error)

// A misfitError is a value that does not fit into the type that it is cast to.
type misfitError struct {
	row   int
	value string // as messages show it
}

func (e misfitError) Error() string { return fmt.Sprintf("row %d: %s does not fit", e.row, e.value) }

// An appender adds the value of a row, which is not NULL, to the column that is made; false when it does not fit.
type appender func(row int) bool

// An appending makes the appender for a column and a builder of the type that it is cast to.
type appending func(from arrow.Array, to array.Builder) appender

// castOf returns what casts columns of one type to another. Nothing is ever cut off, save that a time cast to a date loses
// its hours and that float and double round. What has no obvious meaning is tidemark.ErrInvalid.
func castOf(from, to arrow.DataType) (caster, error) {
	appending := appendingOf(from, to)
	if appending == nil {
		return nil, tidemark.WithHint(fmt.Errorf("%s cannot be cast to %s: %w", typeName(from), typeName(to), tidemark.ErrInvalid),
			"an sql step can say how the one becomes the other")
	}
	if widens(from, to) {
		return func(a arrow.Array, _ func(misfitError)) (arrow.Array, error) {
			return compute.CastArray(context.Background(), a, compute.SafeCastOptions(to)) // no I/O, so nothing to cancel
		}, nil
	}
	return func(a arrow.Array, aside func(misfitError)) (arrow.Array, error) {
		b := array.NewBuilder(memory.DefaultAllocator, to)
		defer b.Release()
		b.Reserve(a.Len())
		add := appending(a, b)
		for row := range a.Len() {
			if a.IsNull(row) {
				b.AppendNull()
			} else if !add(row) {
				misfit := misfitError{row: row, value: valueText(a, row)}
				if aside == nil {
					return nil, misfit
				}
				if aside(misfit); b.Len() == row {
					b.AppendNull()
				}
			}
		}
		return b.NewArray(), nil
	}, nil
}

// widens reports whether each value of one type is one of the other, so that nothing needs to be looked at.
func widens(from, to arrow.DataType) bool {
	switch to.ID() {
	case arrow.INT64:
		return from.ID() == arrow.INT32
	case arrow.FLOAT64:
		return from.ID() == arrow.INT32 || from.ID() == arrow.FLOAT32
	}
	return false
}

func appendingOf(from, to arrow.DataType) appending {
	switch to.ID() {
	case arrow.BOOL:
		return toBool(from)
	case arrow.INT32, arrow.INT64:
		return toInteger(from, to)
	case arrow.FLOAT32, arrow.FLOAT64:
		return toFloat(from, to)
	case arrow.DECIMAL128:
		return toDecimal(from, to.(*arrow.Decimal128Type))
	case arrow.STRING:
		return toText(from)
	case arrow.BINARY:
		return toBytes(from)
	case arrow.DATE32:
		return toDate(from)
	case arrow.TIMESTAMP:
		return toTimestamp(from, to.(*arrow.TimestampType))
	}
	return nil
}

// keepsApart reports whether two values that differ always differ after the cast, too.
func keepsApart(from, to arrow.DataType) bool {
	switch {
	case arrow.TypeEqual(from, to):
		return true
	case arrow.IsFloating(from.ID()) || arrow.IsFloating(to.ID()):
		return false
	case from.ID() == arrow.STRING || from.ID() == arrow.BINARY: // "1" and "01"
		return to.ID() == arrow.STRING || to.ID() == arrow.BINARY
	case to.ID() == arrow.DATE32: // the hours go
		return false
	}
	return true
}

func typeName(t arrow.DataType) string { return tidemark.TypeName(t) }

// maxShown is how many characters of a value messages show.
const maxShown = 40

// valueText returns a value as messages show it.
func valueText(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return "NULL"
	}
	text := a.ValueStr(row)
	if t := textOf(a); t != nil {
		text = t(row)
	}
	return shown(text, a.DataType())
}

// shown returns the text of a value of some type as messages show it.
func shown(text string, t arrow.DataType) string {
	if len([]rune(text)) > maxShown {
		text = string([]rune(text)[:maxShown]) + "…"
	}
	switch t.ID() {
	case arrow.STRING, arrow.BINARY:
		return strconv.Quote(text)
	}
	return text
}
