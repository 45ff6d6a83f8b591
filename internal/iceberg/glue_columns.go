package iceberg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/tidemark-data/tidemark/internal/glue"
)

// glueColumns returns the columns of a table for people who look into the Glue catalog: engines read the metadata file.
// Behind those that the table has now stand those that it had, marked so, as other writers of Iceberg keep them.
func glueColumns(metadata table.Metadata) (columns []types.Column) {
	seen := map[string]bool{}
	add := func(schema *iceberg.Schema, current bool) {
		for _, f := range schema.Fields() {
			if seen[strings.ToLower(f.Name)] {
				continue
			}
			seen[strings.ToLower(f.Name)] = true
			c := types.Column{Name: aws.String(f.Name), Type: aws.String(glueType(f.Type)), Parameters: map[string]string{
				"iceberg.field.id":       strconv.Itoa(f.ID),
				"iceberg.field.optional": strconv.FormatBool(!f.Required),
				"iceberg.field.current":  strconv.FormatBool(current),
			}}
			if f.Doc != "" {
				c.Comment = aws.String(glue.Text(f.Doc, 255))
			}
			columns = append(columns, c)
		}
	}
	add(metadata.CurrentSchema(), true)
	for _, schema := range metadata.Schemas() {
		add(schema, false)
	}
	return columns
}

// glueType returns the Hive type that stands for an Iceberg type.
func glueType(t iceberg.Type) string {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return "boolean"
	case iceberg.Int32Type:
		return "int"
	case iceberg.Int64Type:
		return "bigint"
	case iceberg.Float32Type:
		return "float"
	case iceberg.Float64Type:
		return "double"
	case iceberg.DateType:
		return "date"
	case iceberg.TimestampType, iceberg.TimestampTzType:
		return "timestamp"
	case iceberg.BinaryType, iceberg.FixedType:
		return "binary"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	case *iceberg.ListType:
		return "array<" + glueType(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + glueType(t.KeyType) + "," + glueType(t.ValueType) + ">"
	case *iceberg.StructType:
		fields := make([]string, len(t.FieldList))
		for i, f := range t.FieldList {
			fields[i] = f.Name + ":" + glueType(f.Type)
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	}
	return "string" // time and uuid among others
}
