package iceberg

import (
	"maps"

	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// metrics returns the table's properties, changed so that no bounds are recorded for a column of which a row group has
// values and no bounds of its own: arrow-go leaves out each that is longer than 4 KiB. iceberg-go would take the bounds
// of the other row groups for the whole file's, and readers would skip rows that are there.
func metrics(tbl *table.Table, meta *metadata.FileMetaData) iceberg.Properties {
	props := tbl.Properties()
	copied := false
	for column := range meta.Schema.NumColumns() {
		if bounded(meta, column) {
			continue
		}
		if !copied {
			props, copied = maps.Clone(props), true
		}
		if props == nil {
			props = iceberg.Properties{}
		}
		props[table.MetricsModeColumnConfPrefix+"."+meta.Schema.Column(column).Path()] = "counts"
	}
	return props
}

// bounded reports whether every row group that has a value in a column has bounds for it.
func bounded(meta *metadata.FileMetaData, column int) bool {
	for i := range meta.NumRowGroups() {
		chunk, err := meta.RowGroup(i).ColumnChunk(column)
		if err != nil {
			return false
		}
		set, err := chunk.StatsSet()
		if err != nil || !set {
			return false
		}
		stats, err := chunk.Statistics()
		if err != nil || stats == nil {
			return false
		}
		if stats.HasNullCount() && stats.NullCount() == chunk.NumValues() {
			continue
		}
		// arrow-go reads a bound that is missing beside the other one as empty. A missing lower bound does no harm,
		// since nothing is below the empty text.
		texts, isText := stats.(*metadata.ByteArrayStatistics)
		if !stats.HasMinMax() || isText && len(texts.Max()) == 0 {
			return false
		}
	}
	return true
}
