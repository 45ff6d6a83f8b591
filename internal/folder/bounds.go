package folder

import (
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// bounds returns what the folders of a partitioned table say of the values in its files: all that is known of them
// without opening them. It is nil for a table without partitions.
func (t *table) bounds(s *tidemark.Snapshot) func(int, string) (tidemark.Bounds, bool) {
	fields := map[string][]parquet.PartitionField{} // by the column that divides
	for _, spec := range t.Partition {
		if f, err := parquet.ParsePartition(spec); err == nil {
			fields[f.Column] = append(fields[f.Column], f)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return func(i int, column string) (tidemark.Bounds, bool) {
		at := s.Schema.FieldIndices(column)
		if i < 0 || i >= len(s.Data) || len(at) != 1 {
			return tidemark.Bounds{Nulls: -1}, false
		}
		for _, f := range fields[column] {
			text, found := segment(s.Data[i].Key, f.Name)
			if !found {
				continue
			}
			if b, ok := boundsIn(f, s.Schema.Field(at[0]).Type, text, s.Data[i].Rows); ok {
				return b, true
			}
		}
		return tidemark.Bounds{Nulls: -1}, false
	}
}

// segment returns the value in the folder name=value of a key.
func segment(key, name string) (string, bool) {
	for part := range strings.SplitSeq(path.Dir(key), "/") {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		if plain, err := url.PathUnescape(k); err != nil || plain != name {
			continue
		}
		text, err := url.PathUnescape(v)
		return text, err == nil
	}
	return "", false
}

// nullText is what stands for NULL in a folder's name.
const nullText = "__HIVE_DEFAULT_PARTITION__"

// boundsIn returns what a partition's value says of those of its column.
func boundsIn(f parquet.PartitionField, t arrow.DataType, text string, rows int64) (tidemark.Bounds, bool) {
	exactly := f.Transform == parquet.Identity
	switch {
	case text == nullText && t.ID() == arrow.STRING:
		return tidemark.Bounds{Nulls: -1}, false // a text may be that
	case text == nullText:
		return tidemark.Bounds{Nulls: rows}, true
	case exactly && (t.ID() == arrow.INT32 || t.ID() == arrow.INT64 || t.ID() == arrow.DATE32 || t.ID() == arrow.STRING):
		return tidemark.Bounds{Lower: &text, Upper: &text}, true
	case t.ID() != arrow.DATE32 && t.ID() != arrow.TIMESTAMP:
		return tidemark.Bounds{Nulls: -1}, false
	}
	from, until, ok := span(f.Transform, text)
	if !ok {
		return tidemark.Bounds{Nulls: -1}, false
	}
	lower, upper := from.Format(time.DateTime), until.Format(time.DateTime)
	return tidemark.Bounds{Lower: &lower, Upper: &upper}, true
}

// span returns the time that a partition covers; its end is not in it.
func span(by parquet.Transform, text string) (from, until time.Time, ok bool) {
	form, years, months, days, long := "", 0, 0, 0, time.Duration(0)
	switch by {
	case parquet.Year:
		form, years = "2006", 1
	case parquet.Month:
		form, months = "2006-01", 1
	case parquet.Day:
		form, days = time.DateOnly, 1
	case parquet.Hour:
		form, long = "2006-01-02-15", time.Hour
	default:
		return from, until, false
	}
	from, err := time.Parse(form, text)
	if err != nil || from.Year() < 1 || from.Year() > 9998 {
		return from, until, false
	}
	return from, from.AddDate(years, months, days).Add(long), true
}
