package run_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// A cell is a value of either side in the one text that all of its type's values have. NULL is not the text "NULL".
type cell struct {
	null bool
	text string
}

func (c cell) String() string {
	if c.null {
		return "NULL"
	}
	return fmt.Sprintf("%.120q", c.text)
}

// A form is how the values of some source types lie in the lake. Both sides come to their text on ways of their own:
// the server's from what it says in the text protocol, the lake's from what DuckDB makes of the file.
type form struct {
	iceberg string // the type in the table's metadata
	duckdb  string // the type that DuckDB finds in the file
	server  string // what the server is asked for; @ stands for the column, and is all of it when this is ""
	lake    string // the same for DuckDB
	said    func(string) (string, error)
	read    func(any) (string, error)
}

// errNoDate says that the server shows a date that no calendar has: NULL in the lake.
var errNoDate = errors.New("no date")

func (f form) saidCell(text *string) (cell, error) {
	if text == nil {
		return cell{null: true}, nil
	}
	s, err := f.said(*text)
	if errors.Is(err, errNoDate) {
		return cell{null: true}, nil
	}
	return cell{text: s}, err
}

func (f form) readCell(v any) (cell, error) {
	if v == nil {
		return cell{null: true}, nil
	}
	s, err := f.read(v)
	return cell{text: s}, err
}

// as is a reader that takes one type of DuckDB's and no other.
func as[T any](text func(T) string) func(any) (string, error) {
	return func(v any) (string, error) {
		typed, ok := v.(T)
		if !ok {
			return "", fmt.Errorf("DuckDB gives a %T", v)
		}
		return text(typed), nil
	}
}

func same(s string) string               { return s }
func verbatim(s string) (string, error)  { return s, nil }
func hexOf(b []byte) string              { return hex.EncodeToString(b) }
func hexOfText(s string) (string, error) { return hexOf([]byte(s)), nil }
func bitsOfFloat[T float32 | float64](v T) string {
	return strconv.FormatFloat(float64(v), 'x', -1, 64)
}

// wholeText takes the zeros away that ZEROFILL and YEAR show.
func wholeText(s string) (string, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return "", fmt.Errorf("%q is no integer", s)
	}
	return n.String(), nil
}

// bitText takes the bytes of a BIT as the number that they are.
func bitText(s string) (string, error) { return new(big.Int).SetBytes([]byte(s)).String(), nil }

func boolText(s string) (string, error) { return strconv.FormatBool(s == "\x01"), nil }

func floatText(s string) (string, error) {
	v, err := strconv.ParseFloat(s, 64)
	return bitsOfFloat(v), err
}

func dateText(s string) (string, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", errNoDate
	}
	return s, nil
}

// microsText counts the microseconds since 1970, as if the time were UTC's; that of a TIMESTAMP is.
func microsText(s string) (string, error) {
	at, err := time.Parse(time.DateTime, s)
	if err != nil {
		return "", errNoDate
	}
	return strconv.FormatInt(at.UnixMicro(), 10), nil
}

func vectorText(s string) (string, error) {
	if len(s)%4 != 0 {
		return "", fmt.Errorf("a vector of %d bytes", len(s))
	}
	var out []string
	for b := []byte(s); len(b) > 0; b = b[4:] {
		out = append(out, bitsOfFloat(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	return strings.Join(out, " "), nil
}

func vectorRead(list []any) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprintf("%T", v) // differs from every number
		if f, ok := v.(float32); ok {
			out[i] = bitsOfFloat(f)
		}
	}
	return strings.Join(out, " ")
}

// withoutSRID leaves the four bytes out that a server puts before the WKB.
func withoutSRID(s string) (string, error) {
	if len(s) < 4 {
		return "", fmt.Errorf("a geometry of %d bytes", len(s))
	}
	return hexOfText(s[4:])
}

const asText = "CAST(@ AS VARCHAR)"

func whole[T int32 | int64](v T) string { return strconv.FormatInt(int64(v), 10) }

func decimalOf(precision, scale int) form {
	return form{
		iceberg: fmt.Sprintf("decimal(%d, %d)", precision, scale), duckdb: fmt.Sprintf("DECIMAL(%d,%d)", precision, scale),
		lake: asText, said: verbatim, read: as(leadingZero),
	}
}

// leadingZero adds what DuckDB leaves out when there are no digits before the point.
func leadingZero(s string) string {
	unsigned := strings.TrimPrefix(s, "-")
	if strings.HasPrefix(unsigned, ".") {
		return strings.TrimSuffix(s, unsigned) + "0" + unsigned
	}
	return s
}

// unsignedOf is decimal(20, 0), for values that the server shows in a way of their own.
func unsignedOf(said func(string) (string, error)) form {
	f := decimalOf(20, 0)
	f.said = said
	return f
}

var (
	intForm      = form{iceberg: "int", duckdb: "INTEGER", said: wholeText, read: as(whole[int32])}
	longForm     = form{iceberg: "long", duckdb: "BIGINT", said: wholeText, read: as(whole[int64])}
	bitsForm     = form{iceberg: "long", duckdb: "BIGINT", said: bitText, read: as(whole[int64])}
	boolForm     = form{iceberg: "boolean", duckdb: "BOOLEAN", said: boolText, read: as(strconv.FormatBool)}
	doubleForm   = form{iceberg: "double", duckdb: "DOUBLE", said: floatText, read: as(bitsOfFloat[float64])}
	dateForm     = form{iceberg: "date", duckdb: "DATE", lake: asText, said: dateText, read: as(same)}
	stringForm   = form{iceberg: "string", duckdb: "VARCHAR", said: verbatim, read: as(same)}
	binaryForm   = form{iceberg: "binary", duckdb: "BLOB", said: hexOfText, read: as(hexOf)}
	datetimeForm = form{iceberg: "timestamp", duckdb: "TIMESTAMP", lake: "epoch_us(@)", said: microsText, read: as(whole[int64])}
	instantForm  = form{iceberg: "timestamptz", duckdb: "TIMESTAMP WITH TIME ZONE", lake: "epoch_us(@)", said: microsText, read: as(whole[int64])}
	vectorForm   = form{iceberg: "list<float>", duckdb: "FLOAT[]", said: vectorText, read: as(vectorRead)}

	// In the text protocol a FLOAT has six digits; as a DOUBLE it has all. (A sum would lose the sign of -0.)
	floatForm = form{iceberg: "float", duckdb: "FLOAT", server: "@ * 1e0", said: floatText, read: as(bitsOfFloat[float32])}

	geometryForm = form{iceberg: "binary", duckdb: "BLOB", said: withoutSRID, read: as(hexOf)}
)

// wkbForm asks the server for the WKB. MySQL would turn the axes of some systems; the stored order is kept.
func wkbForm(flavor string) form {
	f := binaryForm
	f.server = "ST_AsBinary(@)"
	if flavor == "mysql" {
		f.server = "ST_AsBinary(@, 'axis-order=long-lat')"
	}
	return f
}
