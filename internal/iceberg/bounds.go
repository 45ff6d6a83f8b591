package iceberg

import (
	"encoding/binary"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/iceberg-go"

	"github.com/tidemark-data/tidemark"
)

// bounds are what manifests say of the values in data files.
type bounds struct {
	schema *iceberg.Schema
	specs  func(id int) *iceberg.PartitionSpec
	files  []iceberg.DataFile // in the order of tidemark.Snapshot.Data
}

// of implements tidemark.Snapshot.Bounds. Columns inside others have none, and floats none that could be used: NaN is
// left out of them.
func (b *bounds) of(i int, column string) (tidemark.Bounds, bool) {
	none := tidemark.Bounds{Nulls: -1}
	if i < 0 || i >= len(b.files) {
		return none, false
	}
	file := b.files[i]
	for _, field := range b.schema.Fields() {
		if field.Name != column {
			continue
		}
		got := none
		if n, ok := file.NullValueCounts()[field.ID]; ok {
			got.Nulls = n
		}
		got.Lower, got.Upper = boundText(field.Type, file.LowerBoundValues()[field.ID]), boundText(field.Type, file.UpperBoundValues()[field.ID])
		if got.Lower == nil && got.Upper == nil {
			b.partition(file, field, &got)
		}
		return got, got.Lower != nil || got.Upper != nil || got.Nulls >= 0
	}
	return none, false
}

// partition takes the bounds from the partition that the file is in, where the column itself divides the table.
func (b *bounds) partition(file iceberg.DataFile, field iceberg.NestedField, to *tidemark.Bounds) {
	spec := b.specs(int(file.SpecID()))
	if spec == nil {
		return
	}
	for _, by := range spec.Fields() {
		if _, identity := by.Transform.(iceberg.IdentityTransform); !identity || by.SourceID() != field.ID {
			continue
		}
		value, known := file.Partition()[by.FieldID]
		if !known {
			continue
		}
		if value == nil {
			to.Nulls = file.Count()
			continue
		}
		if text := partitionBound(value); text != nil {
			to.Lower, to.Upper, to.Nulls = text, text, 0
		}
	}
}

func partitionBound(value any) *string {
	var text string
	switch v := value.(type) {
	case int32:
		text = strconv.FormatInt(int64(v), 10)
	case int64:
		text = strconv.FormatInt(v, 10)
	case string:
		return plainText(v)
	case iceberg.Date:
		text = dayText(int64(v))
	default:
		return nil // others are rare, and their files have bounds
	}
	return &text
}

// boundText reads a bound as the Iceberg specification stores single values. What it does not know, or what SQL could
// not write, is nil.
func boundText(t iceberg.Type, data []byte) *string {
	if data == nil {
		return nil
	}
	var text string
	switch t := t.(type) {
	case iceberg.Int32Type, iceberg.Int64Type:
		n, ok := integer(data)
		if !ok {
			return nil
		}
		text = strconv.FormatInt(n, 10)
	case iceberg.DateType:
		n, ok := integer(data)
		if !ok || len(data) != 4 {
			return nil
		}
		text = dayText(n)
	case iceberg.TimestampType, iceberg.TimestampTzType:
		n, ok := integer(data)
		if !ok || len(data) != 8 {
			return nil
		}
		text = momentText(n)
	case iceberg.DecimalType:
		text = decimalText(data, t.Scale())
	case iceberg.StringType:
		return plainText(string(data))
	}
	if text == "" {
		return nil
	}
	return &text
}

// integer reads an int or a long: a column that became a long has files from when it was an int.
func integer(data []byte) (int64, bool) {
	switch len(data) {
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(data))), true
	case 8:
		return int64(binary.LittleEndian.Uint64(data)), true
	}
	return 0, false
}

// Years with other than four digits are written in more than one way.
const (
	firstPlainDay = -719162 // 0001-01-01
	lastPlainDay  = 2932896 // 9999-12-31
	dayMicros     = 86400e6
)

func dayText(days int64) string {
	if days < firstPlainDay || days > lastPlainDay {
		return ""
	}
	return time.Unix(days*86400, 0).UTC().Format(time.DateOnly)
}

func momentText(micros int64) string {
	if micros < firstPlainDay*dayMicros || micros > lastPlainDay*dayMicros {
		return ""
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000")
}

// decimalText reads a big-endian number in two's complement.
func decimalText(data []byte, scale int) string {
	if len(data) == 0 || len(data) > 16 {
		return ""
	}
	n := new(big.Int).SetBytes(data)
	if data[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(data))))
	}
	digits := new(big.Int).Abs(n).String()
	if scale > 0 {
		if pad := scale + 1 - len(digits); pad > 0 {
			digits = strings.Repeat("0", pad) + digits
		}
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if n.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}

// plainText returns a text that SQL can write. A bound that was cut in the midst of a character is none.
func plainText(s string) *string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil
	}
	return &s
}
