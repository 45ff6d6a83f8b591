package parquet

import "github.com/apache/arrow-go/v18/arrow"

// sampleRows is how many values of the first batch are looked at to decide about a dictionary.
const sampleRows = 2048

// repeats reports whether a dictionary pays for a column that begins with these values. A dictionary of numbers
// costs a look-up per value and saves little that zstd does not save as well, so numbers must repeat a lot. The
// answer may turn out wrong further on: a dictionary that grows too large is then dropped by the encoder.
func repeats(values arrow.Array) bool {
	n := min(values.Len(), sampleRows)
	distinct := make(map[string]struct{})
	present, enough := 0, 8
	each := fixedValues(values)
	if v, ok := stringsOf(values); ok {
		each, enough = v.at, 2
	}
	if each == nil {
		return false
	}
	for i := range n {
		if values.IsValid(i) {
			present++
			distinct[string(each(i))] = struct{}{}
		}
	}
	return len(distinct)*enough <= present && present > 0
}

// fixedValues gives the bytes of each value of a type that has whole bytes; nil for others.
func fixedValues(values arrow.Array) func(i int) []byte {
	t, ok := values.DataType().(arrow.FixedWidthDataType)
	if !ok || t.BitWidth()%8 != 0 || arrow.IsNested(t.ID()) || t.ID() == arrow.DICTIONARY || t.ID() == arrow.NULL {
		return nil
	}
	buffers := values.Data().Buffers()
	if len(buffers) < 2 || buffers[1] == nil {
		return nil
	}
	data, width, offset := buffers[1].Bytes(), t.BitWidth()/8, values.Data().Offset()
	return func(i int) []byte { return data[(offset+i)*width : (offset+i+1)*width] }
}

// plainColumns returns the names of the columns that get no dictionary.
func plainColumns(schema *arrow.Schema, first arrow.RecordBatch) []string {
	var plain []string
	for i, field := range schema.Fields() {
		if arrow.IsNested(field.Type.ID()) {
			continue // the default: arrow-go tries a dictionary
		}
		if first == nil || !repeats(first.Column(i)) {
			plain = append(plain, field.Name)
		}
	}
	return plain
}
