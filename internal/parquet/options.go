package parquet

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/tidemark-data/tidemark"
)

// Options of a Writer. The zero value is good.
type Options struct {
	// Level is the zstd level, from 1 (fastest); 0 means DefaultLevel.
	Level int

	// RowGroupBytes is the encoded size at which a row group is closed; a Writer may hold twice as much in memory.
	// 0 means DefaultRowGroupBytes.
	RowGroupBytes int64

	// Metadata are key-value pairs for the file's footer.
	Metadata map[string]string
}

const (
	// DefaultLevel is the zstd level of Options.
	DefaultLevel = 1

	// DefaultRowGroupBytes is the size of a row group: large enough that readers skip and prefetch well, small
	// enough that two writers stay within the memory that a run may use (arrow-go's buffers double as they grow).
	DefaultRowGroupBytes = 8 << 20

	// RowGroupRows is the number of rows at which a row group is closed in any case. Readers work on several row
	// groups in parallel, and columns that compress to nothing would make them endless.
	RowGroupRows = 1 << 20

	// openPages bounds the pages that are not yet compressed, over all columns of a file. Each costs about four
	// times its size: the values, two scratch buffers for compression, and the slack of growing slices.
	openPages   = 4 << 20
	maxPageSize = 1 << 20
	minPageSize = 64 << 10

	// writeBatch is after how many values arrow-go looks whether a page is full.
	writeBatch = 1024

	createdBy = "tidemark"
)

func (o Options) level() int {
	if o.Level == 0 {
		return DefaultLevel
	}
	return o.Level
}

func (o Options) rowGroupBytes() int64 {
	if o.RowGroupBytes == 0 {
		return DefaultRowGroupBytes
	}
	return o.RowGroupBytes
}

func (o Options) validate() error {
	if o.Level < 0 || o.Level > 22 {
		return fmt.Errorf("zstd level %d: use 1 to 22: %w", o.Level, tidemark.ErrInvalid)
	}
	if o.RowGroupBytes < 0 {
		return fmt.Errorf("row group of %d bytes: %w", o.RowGroupBytes, tidemark.ErrInvalid)
	}
	for key, value := range o.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return fmt.Errorf("file metadata %q is not UTF-8: %w", key, tidemark.ErrInvalid)
		}
	}
	return nil
}

// properties returns what arrow-go wants to know. first may be nil.
func (o Options) properties(schema *arrow.Schema, first arrow.RecordBatch) *parquet.WriterProperties {
	page := pageSize(schema.NumFields())
	props := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCreatedBy(createdBy),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(o.level()),
		parquet.WithStats(true),
		parquet.WithDataPageSize(page),
		parquet.WithDictionaryPageSizeLimit(page),
		parquet.WithBatchSize(writeBatch),
		// Iceberg keeps decimals of up to 18 digits in integers. So do we everywhere; it is the fastest to read.
		parquet.WithStoreDecimalAsInteger(true),
	}
	for _, name := range plainColumns(schema, first) {
		props = append(props, parquet.WithDictionaryFor(name, false))
	}
	return parquet.NewWriterProperties(props...)
}

func pageSize(columns int) int64 {
	return min(maxPageSize, max(minPageSize, int64(openPages/max(columns, 1))))
}

// pairs returns the footer's key-value pairs in a fixed order, so that equal rows make equal files.
func (o Options) pairs() metadata.KeyValueMetadata {
	pairs := metadata.NewKeyValueMetadata()
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		_ = pairs.Append(key, o.Metadata[key]) // fails for invalid UTF-8 only, which validate refuses
	}
	return pairs
}
