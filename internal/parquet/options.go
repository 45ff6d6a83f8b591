package parquet

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
)

// Options of a Writer. The zero value is good.
type Options struct {
	// Level is the zstd level, from 1 (fastest); 0 means DefaultLevel.
	Level int

	// RowGroupBytes is the size in bytes at which a row group is closed. It is what a Writer holds in memory; 0
	// means DefaultRowGroupBytes.
	RowGroupBytes int64

	// Metadata are key-value pairs for the file's footer.
	Metadata map[string]string
}

const (
	// DefaultLevel is the zstd level of Options.
	DefaultLevel = 1

	// DefaultRowGroupBytes is the size of a row group: large enough that readers skip and prefetch well, small
	// enough that two writers stay within the memory that a run may use.
	DefaultRowGroupBytes = 16 << 20

	// openPages bounds the pages that are not yet compressed, over all columns of a file. Each costs about four
	// times its size: the values, two scratch buffers for compression, and the slack of growing slices.
	openPages   = 4 << 20
	maxPageSize = 1 << 20
	minPageSize = 64 << 10

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
	return nil
}

// properties returns what arrow-go wants to know. Columns named in plain are not dictionary encoded.
func (o Options) properties(columns int, plain []string) *parquet.WriterProperties {
	page := pageSize(columns)
	props := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCreatedBy(createdBy),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(o.level()),
		parquet.WithStats(true),
		parquet.WithDataPageSize(page),
		parquet.WithDictionaryPageSizeLimit(page),
		// Iceberg stores decimals of up to 18 digits in integers; so do we everywhere, it is the fastest to read.
		parquet.WithStoreDecimalAsInteger(true),
	}
	for _, path := range plain {
		props = append(props, parquet.WithDictionaryFor(path, false))
	}
	return parquet.NewWriterProperties(props...)
}

func pageSize(columns int) int64 {
	return min(maxPageSize, max(minPageSize, int64(openPages/max(columns, 1))))
}

// fileSchema adds the footer's key-value pairs to the schema, in a fixed order so that equal rows make equal files.
func (o Options) fileSchema(schema *arrow.Schema) *arrow.Schema {
	keys := make([]string, 0, len(o.Metadata))
	for k := range o.Metadata {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = o.Metadata[k]
	}
	meta := arrow.NewMetadata(keys, values)
	return arrow.NewSchema(schema.Fields(), &meta)
}

// arrowProperties leaves the Arrow schema out of the file: the Parquet types say everything that a table can hold.
func arrowProperties() pqarrow.ArrowWriterProperties { return pqarrow.NewArrowWriterProperties() }
