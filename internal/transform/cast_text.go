package transform

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

const (
	dateForm = "2006-01-02"
	timeForm = "2006-01-02 15:04:05.999999"
)

// textOf returns the values of a column as text, in the form that people write them; nil for a type that has none.
func textOf(a arrow.Array) func(row int) string {
	if values := integersOf(a); values != nil {
		return func(row int) string { return strconv.FormatInt(values(row), 10) }
	}
	if values, bits := floatsOf(a); values != nil {
		return func(row int) string { return strconv.FormatFloat(values(row), 'g', -1, bits) }
	}
	switch a := a.(type) {
	case *array.Boolean:
		return func(row int) string { return strconv.FormatBool(a.Value(row)) }
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(row int) string { return a.Value(row).ToString(scale) }
	case *array.String:
		return a.Value
	case *array.Binary:
		return a.ValueString
	case *array.Date32:
		return func(row int) string { return a.Value(row).ToTime().Format(dateForm) }
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		form := timeForm
		if t.TimeZone != "" {
			form += "Z"
		}
		return func(row int) string { return a.Value(row).ToTime(t.Unit).Format(form) }
	}
	return nil
}

func toText(from arrow.DataType) appending {
	switch from.ID() {
	case arrow.BINARY:
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.Binary), b.(*array.StringBuilder)
			return func(row int) bool {
				v := values.Value(row)
				out.Append(string(v))
				return utf8.Valid(v)
			}
		}
	case arrow.BOOL, arrow.DECIMAL128, arrow.STRING, arrow.DATE32, arrow.TIMESTAMP:
	default:
		if !isInteger(from) && !arrow.IsFloating(from.ID()) {
			return nil
		}
	}
	return func(a arrow.Array, b array.Builder) appender {
		text, out := textOf(a), b.(*array.StringBuilder)
		return func(row int) bool {
			out.Append(text(row))
			return true
		}
	}
}

func toBytes(from arrow.DataType) appending {
	if from.ID() != arrow.STRING {
		return nil
	}
	return func(a arrow.Array, b array.Builder) appender {
		values, out := a.(*array.String), b.(*array.BinaryBuilder)
		return func(row int) bool {
			out.Append([]byte(values.Value(row)))
			return true
		}
	}
}

const microsPerDay = 24 * 60 * 60 * 1_000_000

func toDate(from arrow.DataType) appending {
	switch from.ID() {
	case arrow.TIMESTAMP:
		unit := from.(*arrow.TimestampType).Unit
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.Timestamp), b.(*array.Date32Builder)
			return func(row int) bool {
				out.Append(arrow.Date32FromTime(values.Value(row).ToTime(unit)))
				return true
			}
		}
	case arrow.STRING:
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.String), b.(*array.Date32Builder)
			return func(row int) bool {
				v, err := time.Parse(dateForm, values.Value(row))
				out.Append(arrow.Date32FromTime(v))
				return err == nil
			}
		}
	}
	return nil
}

// toTimestamp casts to microseconds. A time without a zone is taken as UTC, and the other way round.
func toTimestamp(from arrow.DataType, to *arrow.TimestampType) appending {
	switch from.ID() {
	case arrow.TIMESTAMP:
		unit := from.(*arrow.TimestampType).Unit
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.Timestamp), b.(*array.TimestampBuilder)
			return func(row int) bool {
				v := values.Value(row).ToTime(unit)
				out.Append(arrow.Timestamp(v.UnixMicro()))
				return v.Nanosecond()%1000 == 0
			}
		}
	case arrow.DATE32:
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.Date32), b.(*array.TimestampBuilder)
			return func(row int) bool {
				out.Append(arrow.Timestamp(int64(values.Value(row)) * microsPerDay))
				return true
			}
		}
	case arrow.STRING:
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.String), b.(*array.TimestampBuilder)
			return func(row int) bool {
				v, ok := parseTime(values.Value(row), to.TimeZone != "")
				out.Append(arrow.Timestamp(v.UnixMicro()))
				return ok
			}
		}
	}
	return nil
}

// parseTime reads a time as MySQL or ISO 8601 writes it. An offset says which moment is meant, so only a type with a zone
// takes it.
func parseTime(text string, zoned bool) (time.Time, bool) {
	forms := []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", dateForm} // a fraction of a second is read behind any of them
	if zoned {
		forms = append(forms, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00")
	}
	for _, form := range forms {
		if v, err := time.Parse(form, text); err == nil {
			return v, v.Nanosecond()%1000 == 0
		}
	}
	return time.Time{}, false
}
