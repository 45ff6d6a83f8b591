package run

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestHiveType(t *testing.T) {
	item := arrow.StructOf(arrow.Field{Name: "Sku", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32})
	for _, tt := range []struct {
		t    arrow.DataType
		want string // "" for none
	}{
		{arrow.FixedWidthTypes.Boolean, "boolean"},
		{arrow.PrimitiveTypes.Int64, "bigint"},
		{&arrow.Decimal128Type{Precision: 38, Scale: 9}, "decimal(38,9)"},
		{&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, "timestamp"},
		{arrow.ListOf(item), "array<struct<sku:string,n:int>>"},
		{arrow.FixedWidthTypes.Time64us, ""},
		{arrow.ListOf(arrow.FixedWidthTypes.Time64us), ""},
		{arrow.StructOf(arrow.Field{Name: "a b", Type: arrow.PrimitiveTypes.Int32}), ""}, // nothing quotes it
	} {
		got, ok := hiveType(tt.t)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s is %q, %v, want %q", tt.t, got, ok, tt.want)
		}
	}
}

// TestAthenaFolder: what cannot be said in DDL is left out, and the notes say so.
func TestAthenaFolder(t *testing.T) {
	table := &tableToRead{
		root: "s3://bucket/lake",
		schema: arrow.NewSchema([]arrow.Field{
			{Name: "Id", Type: arrow.PrimitiveTypes.Int64}, {Name: "part", Type: arrow.PrimitiveTypes.Int32}, {Name: "took", Type: arrow.FixedWidthTypes.Time64us},
		}, nil),
		d: &tidemark.Description{
			Table: tidemark.TableID{Namespace: "Shop", Name: "Items"}, Location: "s3://bucket/lake/Shop/Items/", Comment: "the shop's\nitems \\o/",
			PartitionBy: []string{"part"},
			Columns:     []tidemark.DescribedColumn{{Doc: "bigint", Comment: strings.Repeat("é", 200)}, {Doc: "int"}, {Doc: "time"}},
			Files:       []tidemark.LakeFile{{Key: "Shop/Items/part=2/a.parquet"}, {Key: "Shop/Items/part=2/b.parquet"}, {Key: "Shop/Items/part=__HIVE_DEFAULT_PARTITION__/c.parquet"}},
		},
	}
	got, err := table.athenaFolder()
	if err != nil {
		t.Fatal(err)
	}
	want := Recipe{Engine: "athena", Language: "sql", Notes: []string{
		"Athena runs one statement at a time",
		"column took is left out: Athena has no type for it",
		"the partitions are those that are there now: add those that later runs bring in the same way",
		"1 partition is left out: NULL is no value that one can name there for a type other than string; " +
			"`MSCK REPAIR TABLE `shop`.`items`` finds them where all names are in lower case",
	}, Text: "CREATE DATABASE IF NOT EXISTS `shop`;\n\n" +
		"CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`items` (\n  `id` bigint COMMENT '" + strings.Repeat("é", 126) + "…'\n)\n" +
		"COMMENT 'the shop\\'s items \\\\o/'\nPARTITIONED BY (\n  `part` int COMMENT 'int'\n)\nSTORED AS PARQUET\n" +
		"LOCATION 's3://bucket/lake/Shop/Items/'\nTBLPROPERTIES ('classification' = 'parquet');\n\n" +
		"ALTER TABLE `shop`.`items` ADD IF NOT EXISTS\n  PARTITION (`part` = '2') LOCATION 's3://bucket/lake/Shop/Items/part=2/';"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
