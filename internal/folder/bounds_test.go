package folder

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

func TestFolderBounds(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond}}, {Name: "day", Type: arrow.FixedWidthTypes.Date32},
		{Name: "region", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	for _, tt := range []struct{ by, key, column, want string }{
		{"region", "a/b/region=k%C3%B6ln%2F1/x.parquet", "region", "köln/1 köln/1 0"},
		{"region", "a/b/region=__HIVE_DEFAULT_PARTITION__/x.parquet", "region", "none"},
		{"n", "a/b/n=__HIVE_DEFAULT_PARTITION__/x.parquet", "n", "- - 7"},
		{"n", "a/b/n=-5/x.parquet", "n", "-5 -5 0"},
		{"n", "a/b/n=-5/x.parquet", "region", "none"},
		{"n", "a/b/x.parquet", "n", "none"},
		{"year(at)", "a/b/at_year=2014/x.parquet", "at", "2014-01-01 00:00:00 2015-01-01 00:00:00 0"},
		{"month(at)", "a/b/at_month=2014-12/x.parquet", "at", "2014-12-01 00:00:00 2015-01-01 00:00:00 0"},
		{"day(day)", "a/b/day_day=2014-02-28/x.parquet", "day", "2014-02-28 00:00:00 2014-03-01 00:00:00 0"},
		{"hour(at)", "a/b/at_hour=2014-02-28-23/x.parquet", "at", "2014-02-28 23:00:00 2014-03-01 00:00:00 0"},
		{"month(at)", "a/b/at_month=9999-12/x.parquet", "at", "none"},
		{"month(at)", "a/b/at_month=soon/x.parquet", "at", "none"},
		{"bucket(4, n)", "a/b/n_bucket_4=2/x.parquet", "n", "none"},
		{"truncate(2, region)", "a/b/region_trunc_2=ab/x.parquet", "region", "none"},
	} {
		table := &table{Partition: []string{tt.by}}
		s := &tidemark.Snapshot{Schema: schema, Data: []tidemark.LakeFile{{Key: tt.key, Rows: 7}}}
		got := "none"
		if b, ok := table.bounds(s)(0, tt.column); ok {
			got = fmt.Sprintf("%s %s %d", orDash(b.Lower), orDash(b.Upper), b.Nulls)
		}
		if got != tt.want {
			t.Errorf("%s in %s: %s of %s, want %s", tt.by, tt.key, got, tt.column, tt.want)
		}
	}
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
