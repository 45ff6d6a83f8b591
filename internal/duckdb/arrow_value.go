package duckdb

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// ValueOf returns a cell of an Arrow column as a query over the same column has it.
func ValueOf(a arrow.Array, row int) Value {
	if a.IsNull(row) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(row)
	case *array.Binary:
		return hex.EncodeToString(a.Value(row))
	case *array.Float32:
		return floatOf(float64(a.Value(row)), 32)
	case *array.Float64:
		return floatOf(a.Value(row), 64)
	case *array.Decimal128:
		return Number(a.Value(row).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		text := a.Value(row).ToTime(t.Unit).Format("2006-01-02 15:04:05.999999")
		if t.TimeZone != "" {
			text += "Z"
		}
		return text
	}
	if arrow.IsInteger(a.DataType().ID()) {
		return Number(a.ValueStr(row))
	}
	if arrow.IsNested(a.DataType().ID()) {
		if text, err := json.Marshal(a.GetOneForMarshal(row)); err == nil {
			return string(text)
		}
	}
	return a.ValueStr(row)
}

func floatOf(v float64, bits int) Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strings.ToLower(fmt.Sprint(v))
	}
	return Number(strconv.FormatFloat(v, 'g', -1, bits))
}
