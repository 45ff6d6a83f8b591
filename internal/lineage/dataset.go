package lineage

import (
	"cmp"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Job is what a pipeline reads and what it writes.
type Job struct {
	Source Dataset
	Target Dataset
}

// A Dataset is a table, by the names that OpenLineage has for such.
type Dataset struct {
	Namespace string  // the server or the bucket
	Name      string  // within it
	Fields    []Field // nil where they are not known
}

// A Field is a column.
type Field struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
}

func (d Dataset) facets() (f datasetFacets) {
	if len(d.Fields) > 0 {
		f.Schema = &schemaFacet{facetOf(schemaOf), d.Fields}
	}
	return f
}

// Source returns a table of a MySQL server at HOST:PORT: mysql://HOST:PORT, DATABASE.TABLE.
func Source(address string, t tidemark.TableName, fields []Field) Dataset {
	return Dataset{Namespace: "mysql://" + address, Name: t.String(), Fields: fields}
}

// Target returns a table of the lake, by its location: s3://BUCKET, PREFIX, or file, PATH.
func Target(location string, fields []Field) Dataset {
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		bucket, key, _ := strings.Cut(rest, "/")
		return Dataset{Namespace: "s3://" + bucket, Name: strings.Trim(key, "/"), Fields: fields}
	}
	path := strings.TrimPrefix(location, "file://")
	return Dataset{Namespace: "file", Name: cmp.Or(strings.TrimRight(path, "/"), "/"), Fields: fields}
}

// SourceFields returns the columns of a table of the source, with the server's own types.
func SourceFields(s *tidemark.Schema) (fields []Field) {
	if s == nil {
		return nil
	}
	for _, c := range s.Columns {
		fields = append(fields, Field{c.Name, cmp.Or(c.SourceType, tidemark.TypeName(c.Type)), c.Comment})
	}
	return fields
}

// TargetFields returns the columns of a table of the lake, with the types of its format.
func TargetFields(columns []tidemark.DescribedColumn) (fields []Field) {
	for _, c := range columns {
		fields = append(fields, Field{c.Name, c.Type, cmp.Or(c.Comment, c.Doc)})
	}
	return fields
}
