package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/tidemark-data/tidemark"
)

// decimals writes decimals of more than 18 digits, BIGINT UNSIGNED among them. arrow-go makes a slice header and
// 128 bytes of scratch for each value; the bytes themselves, written one behind the other, are all that is needed.
type decimals struct{ bytes []byte }

// write encodes values if column and encoder take them in this way, and says whether it did.
func (d *decimals) write(column file.ColumnChunkWriter, values arrow.Array, levels []int16) (bool, error) {
	c, ok := column.(*file.FixedLenByteArrayColumnChunkWriter)
	v, exact := values.(*array.Decimal128)
	if !ok || !exact || !c.SupportsArrowValues() || v.Len() == 0 {
		return false, nil
	}
	width := c.Descr().TypeLength()
	precision := v.DataType().(*arrow.Decimal128Type).Precision
	d.bytes = d.bytes[:0]
	for i, n := range v.Values() {
		if !n.FitsInPrecision(precision) && v.IsValid(i) {
			return true, fmt.Errorf("value %s has more than %d digits: %w", n.BigInt(), precision, tidemark.ErrInvalid)
		}
		var whole [16]byte // big-endian two's complement; the precision says how many of them are needed
		binary.BigEndian.PutUint64(whole[:8], uint64(n.HighBits()))
		binary.BigEndian.PutUint64(whole[8:], n.LowBits())
		d.bytes = append(d.bytes, whole[16-width:]...)
	}
	var err error
	if v.NullN() == 0 {
		_, err = c.WriteBatchArrow(d.bytes, levels, nil)
	} else {
		_, err = c.WriteBatchSpacedArrow(d.bytes, levels, nil, v.NullBitmapBytes(), int64(v.Data().Offset()))
	}
	return true, err
}
