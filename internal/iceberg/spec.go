package iceberg

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// parseSpec reads a pipeline's partition_by. A field that an earlier spec of the table had keeps its id and its name,
// as the format wants.
func parseSpec(partitionBy []string, schema *iceberg.Schema, earlier []iceberg.PartitionSpec) (iceberg.PartitionSpec, error) {
	var options []iceberg.PartitionOption
	for _, text := range partitionBy {
		by, err := parquet.ParsePartition(text)
		if err != nil {
			return iceberg.PartitionSpec{}, err
		}
		source, ok := schema.FindFieldByName(by.Column)
		if !ok {
			return iceberg.PartitionSpec{}, fmt.Errorf("partition_by %q: no column %q: %w", text, by.Column, tidemark.ErrInvalid)
		}
		transform := transformOf(by)
		if !transform.CanTransform(source.Type) {
			return iceberg.PartitionSpec{}, fmt.Errorf("partition_by %q: %s of column %q, which is %s: %w", text, by.Transform, by.Column, source.Type, tidemark.ErrInvalid)
		}
		field := knownField(iceberg.PartitionField{SourceIDs: []int{source.ID}, Name: by.Name, Transform: transform}, earlier)
		options = append(options, iceberg.AddPartitionFieldBySourceID(source.ID, field.Name, transform, schema, &field.FieldID))
	}
	spec, err := iceberg.NewPartitionSpecOpts(options...)
	if err != nil {
		return iceberg.PartitionSpec{}, fmt.Errorf("partition_by %q: %w: %w", partitionBy, tidemark.ErrInvalid, err)
	}
	return spec, nil
}

func knownField(field iceberg.PartitionField, specs []iceberg.PartitionSpec) iceberg.PartitionField {
	for _, spec := range specs {
		for _, known := range spec.Fields() {
			if known.SourceID() == field.SourceID() && known.Transform.Equals(field.Transform) {
				field.FieldID, field.Name = known.FieldID, known.Name
			}
		}
	}
	return field
}

func transformOf(by parquet.PartitionField) iceberg.Transform {
	switch by.Transform {
	case parquet.Year:
		return iceberg.YearTransform{}
	case parquet.Month:
		return iceberg.MonthTransform{}
	case parquet.Day:
		return iceberg.DayTransform{}
	case parquet.Hour:
		return iceberg.HourTransform{}
	case parquet.Bucket:
		return iceberg.BucketTransform{NumBuckets: by.Width}
	case parquet.Truncate:
		return iceberg.TruncateTransform{Width: by.Width}
	default:
		return iceberg.IdentityTransform{}
	}
}

// A partitioner divides rows by a table's default spec, whoever has set that.
type partitioner struct {
	*parquet.Partitioning
	ids []int // of the partition fields, in the order of a parquet.Partition
}

func newPartitioner(tbl *table.Table, schema *arrow.Schema) (*partitioner, error) {
	p := &partitioner{}
	var fields []parquet.PartitionField
	spec := tbl.Spec()
	for _, field := range spec.Fields() {
		if _, void := field.Transform.(iceberg.VoidTransform); void {
			continue // a field that was dropped: NULL in all new files
		}
		column, ok := tbl.Schema().FindColumnName(field.SourceID())
		if !ok {
			return nil, fmt.Errorf("partition field %q of table %v has no column: %w", field.Name, tbl.Identifier(), tidemark.ErrInvalid)
		}
		by := parquet.PartitionField{Name: field.Name, Column: column}
		switch t := field.Transform.(type) {
		case iceberg.BucketTransform:
			by.Transform, by.Width = parquet.Bucket, t.NumBuckets
		case iceberg.TruncateTransform:
			by.Transform, by.Width = parquet.Truncate, t.Width
		case iceberg.UnknownTransform:
			return nil, fmt.Errorf("partition field %q of table %v: transform %s is not known: %w", field.Name, tbl.Identifier(), t, tidemark.ErrInvalid)
		default:
			by.Transform = parquet.Transform(t.String()) // the others have the same names
		}
		fields, p.ids = append(fields, by), append(p.ids, field.FieldID)
	}
	var err error
	p.Partitioning, err = parquet.NewPartitioning(schema, fields)
	return p, err
}

// by returns what parquet.WriteFiles divides rows by; nil without partitions.
func (p *partitioner) by() *parquet.Partitioning {
	if p == nil {
		return nil
	}
	return p.Partitioning
}

// values returns a partition as Iceberg wants it: by field id, in iceberg-go's types.
func (p *partitioner) values(schema *arrow.Schema, at parquet.Partition) map[int]any {
	if p == nil {
		return nil
	}
	values := make(map[int]any, len(at))
	for i, v := range at {
		switch x := v.Value.(type) {
		case arrow.Date32:
			values[p.ids[i]] = iceberg.Date(x)
		case arrow.Timestamp:
			values[p.ids[i]] = iceberg.Timestamp(x)
		case decimal128.Num:
			column, _ := schema.FieldsByName(v.Field.Column)
			values[p.ids[i]] = iceberg.Decimal{Val: x, Scale: int(column[0].Type.(*arrow.Decimal128Type).Scale)}
		default:
			values[p.ids[i]] = x
		}
	}
	return values
}
