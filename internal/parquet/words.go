package parquet

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// words knows the dictionary of a string column while a row group is open, as arrow-go's encoder has built it: the
// values in the order in which they first came. A batch that brings no new value is handed over as indices, which
// spares an allocation and a slow look-up per value. A nil *words knows nothing.
type words struct {
	column   *file.ByteArrayColumnChunkWriter
	pageSize int64

	index  map[string]int32
	values []string // by index

	indices []int32  // scratch, by row
	valid   []byte   // scratch, a bitmap by row
	seen    []uint32 // by index: the number of the last batch with it
	batch   uint32
	open    int // indices in the open page, at most
}

// newWords returns nil for a column without a dictionary.
func newWords(c *file.ByteArrayColumnChunkWriter) *words {
	if c.CurrentEncoder().Encoding() != parquet.Encodings.PlainDict {
		return nil
	}
	return &words{column: c, pageSize: c.Properties().DataPageSize(), index: make(map[string]int32)}
}

// write encodes values if all of them are known, and says whether it did.
func (w *words) write(values arrow.Array, levels []int16) (bool, error) {
	if w == nil || w.index == nil {
		return false, nil
	}
	v, ok := stringsOf(values)
	if !ok || !w.lookup(v) {
		return false, nil
	}
	w.count(values)
	indices := w.array(values)
	defer indices.Release()
	if err := w.column.WriteDictIndices(indices, levels, nil); err != nil {
		return true, err
	}
	// arrow-go cuts pages by the values that it hashed itself, and these were not among them.
	if w.open += values.Len(); int64(w.open*arrow.Int32SizeBytes) < w.pageSize {
		return true, nil
	}
	w.open = 0
	return true, w.column.FlushCurrentPage()
}

// learn adds the values that the encoder has just seen. It gives up where the encoder did: the dictionary became
// too large. That bounds the memory.
func (w *words) learn(values arrow.Array) {
	if w == nil || w.index == nil {
		return
	}
	v, ok := stringsOf(values)
	dictionary, encoded := w.column.CurrentEncoder().(interface{ NumEntries() int })
	if !ok || !encoded {
		*w = words{}
		return
	}
	for i := range values.Len() {
		if values.IsNull(i) {
			continue
		}
		if _, known := w.index[string(v.at(i))]; !known {
			word := string(v.at(i))
			w.index[word] = int32(len(w.values))
			w.values = append(w.values, word)
			w.seen = append(w.seen, 0)
		}
	}
	if dictionary.NumEntries() != len(w.values) {
		*w = words{} // the encoder counts in another way than we believe
	}
}

// lookup fills indices, and says whether all values were known.
func (w *words) lookup(v binaryValues) bool {
	n := v.Len()
	if cap(w.indices) < n {
		w.indices = make([]int32, n)
	}
	w.indices = w.indices[:n]
	w.batch++
	nulls := v.NullN() > 0
	for i := range w.indices {
		if nulls && v.IsNull(i) {
			w.indices[i] = 0
			continue
		}
		at, known := w.index[string(v.at(i))]
		if !known {
			return false
		}
		w.indices[i] = at
		w.seen[at] = w.batch
	}
	return true
}

// count updates the page's statistics, which WriteDictIndices leaves alone. No page ends between here and there.
func (w *words) count(values arrow.Array) {
	s, ok := w.column.PageStatistics().(*metadata.ByteArrayStatistics)
	if !ok || s == nil {
		return
	}
	nulls := int64(values.NullN())
	s.IncNulls(nulls)
	s.IncNumValues(int64(values.Len()) - nulls)
	var least, most []byte
	for i, seen := range w.seen {
		if seen != w.batch {
			continue
		}
		word := []byte(w.values[i])
		if least == nil || bytes.Compare(word, least) < 0 {
			least = word
		}
		if most == nil || bytes.Compare(word, most) > 0 {
			most = word
		}
	}
	s.SetMinMax(least, most)
}

// array returns indices as an Arrow array with the NULLs of values. It is good until the next batch.
func (w *words) array(values arrow.Array) arrow.Array {
	n := values.Len()
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(w.indices))}
	if values.NullN() > 0 {
		size := int(bitutil.BytesForBits(int64(n)))
		if cap(w.valid) < size {
			w.valid = make([]byte, size)
		}
		w.valid = w.valid[:size]
		bitutil.CopyBitmap(values.NullBitmapBytes(), values.Data().Offset(), n, w.valid, 0)
		buffers[0] = memory.NewBufferBytes(w.valid)
	}
	data := array.NewData(arrow.PrimitiveTypes.Int32, n, buffers, nil, values.NullN(), 0)
	defer data.Release()
	return array.NewInt32Data(data)
}

// binaryValues gives the bytes of a string or binary array without a copy.
type binaryValues struct {
	arrow.Array
	offsets []int32
	bytes   []byte
}

func (v binaryValues) at(i int) []byte { return v.bytes[v.offsets[i]:v.offsets[i+1]] }

// stringsOf returns the values of a string or binary array; false for other types.
func stringsOf(values arrow.Array) (binaryValues, bool) {
	v, ok := values.(interface{ ValueOffsets() []int32 })
	if !ok || !arrow.IsBaseBinary(values.DataType().ID()) {
		return binaryValues{}, false
	}
	var data []byte
	if b := values.Data().Buffers()[2]; b != nil {
		data = b.Bytes()
	}
	return binaryValues{Array: values, offsets: v.ValueOffsets(), bytes: data}, true
}
