package run

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A tableToRead is what the recipes are made of.
type tableToRead struct {
	d             *tidemark.Description
	schema        *arrow.Schema
	root          string
	folderCatalog bool
}

// What Glue takes: one line of a comment, and an ALTER TABLE of a size that Athena accepts.
const (
	maxGlueComment      = 255
	maxGlueDescription  = 2048
	partitionsPerChange = 100
	nullPartition       = "__HIVE_DEFAULT_PARTITION__"
)

// A glueColumn is a column as Glue's catalog knows it.
type glueColumn struct {
	Name    string `json:"Name"`
	Type    string `json:"Type"`
	Comment string `json:"Comment,omitempty"`
}

// athenaFolder is the DDL of a folder of Parquet files. A partition's value comes from the path there, so its column
// must not be among those of the files.
func (t *tableToRead) athenaFolder() (Recipe, error) {
	r := Recipe{Engine: "athena", Language: "sql", Notes: []string{"Athena runs one statement at a time"}}
	columns, left := t.glueColumns()
	by, err := t.partitionColumns(columns)
	if err != nil {
		return r, err
	}
	byName := map[string]bool{}
	for _, c := range by {
		byName[c.Name] = true
	}
	columns = slices.DeleteFunc(columns, func(c glueColumn) bool { return byName[c.Name] })
	for _, name := range left {
		r.Notes = append(r.Notes, fmt.Sprintf("column %s is left out: Athena has no type for it", name))
	}
	name := hiveName(strings.ToLower(t.d.Table.Namespace)) + "." + hiveName(strings.ToLower(t.d.Table.Name))
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE DATABASE IF NOT EXISTS %s;\n\n", hiveName(strings.ToLower(t.d.Table.Namespace)))
	fmt.Fprintf(&b, "CREATE EXTERNAL TABLE IF NOT EXISTS %s (\n%s\n)\n", name, columnLines(columns))
	if t.d.Comment != "" {
		fmt.Fprintf(&b, "COMMENT %s\n", hiveText(cut(t.d.Comment, maxGlueDescription)))
	}
	if len(by) > 0 {
		fmt.Fprintf(&b, "PARTITIONED BY (\n%s\n)\n", columnLines(by))
	}
	fmt.Fprintf(&b, "STORED AS PARQUET\nLOCATION %s\nTBLPROPERTIES ('classification' = 'parquet');", hiveText(t.d.Location))
	if len(by) > 0 {
		t.addPartitions(&b, &r, name, by)
	}
	r.Text = b.String()
	return r, nil
}

func columnLines(columns []glueColumn) string {
	lines := make([]string, len(columns))
	for i, c := range columns {
		lines[i] = "  " + hiveName(c.Name) + " " + c.Type
		if c.Comment != "" {
			lines[i] += " COMMENT " + hiveText(c.Comment)
		}
	}
	return strings.Join(lines, ",\n")
}

// glueColumns returns the table's columns, and the names of those that Athena cannot read.
func (t *tableToRead) glueColumns() (columns []glueColumn, left []string) {
	for i, f := range t.schema.Fields() {
		typ, ok := hiveType(f.Type)
		if !ok {
			left = append(left, f.Name)
			continue
		}
		comment := ""
		if i < len(t.d.Columns) {
			comment = cmp.Or(t.d.Columns[i].Comment, t.d.Columns[i].Doc)
		}
		columns = append(columns, glueColumn{strings.ToLower(f.Name), typ, cut(oneLine(comment), maxGlueComment)})
	}
	return columns, left
}

// hiveType returns Hive's type for what a file holds; false where it has none.
func hiveType(t arrow.DataType) (string, bool) {
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale), true
	case *arrow.ListType:
		element, ok := hiveType(t.Elem())
		return "array<" + element + ">", ok
	case *arrow.StructType:
		fields := make([]string, t.NumFields())
		for i, f := range t.Fields() {
			typ, ok := hiveType(f.Type)
			if !ok || strings.Trim(strings.ToLower(f.Name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				return "", false
			}
			fields[i] = strings.ToLower(f.Name) + ":" + typ
		}
		return "struct<" + strings.Join(fields, ",") + ">", true
	}
	name, ok := map[arrow.Type]string{
		arrow.BOOL: "boolean", arrow.INT32: "int", arrow.INT64: "bigint", arrow.FLOAT32: "float", arrow.FLOAT64: "double",
		arrow.STRING: "string", arrow.BINARY: "binary", arrow.DATE32: "date", arrow.TIMESTAMP: "timestamp",
	}[t.ID()]
	return name, ok
}

// partitionColumns are the columns that the folders of a table name, as texts of their type. One that the files have too
// keeps its comment.
func (t *tableToRead) partitionColumns(inFiles []glueColumn) ([]glueColumn, error) {
	var columns []glueColumn
	for _, spec := range t.d.PartitionBy {
		f, err := parquet.ParsePartition(spec)
		if err != nil {
			return nil, err
		}
		c := glueColumn{Name: strings.ToLower(f.Name), Type: "string"}
		switch f.Transform {
		case parquet.Year, parquet.Bucket:
			c.Type = "int"
		case parquet.Day:
			c.Type = "date"
		case parquet.Identity, parquet.Truncate:
			if at := t.schema.FieldIndices(f.Column); len(at) == 1 {
				c.Type = partitionType(t.schema.Field(at[0]).Type)
			}
		}
		if f.Transform != parquet.Identity {
			c.Comment = cut(oneLine(spec), maxGlueComment)
		} else if i := slices.IndexFunc(inFiles, func(f glueColumn) bool { return f.Name == c.Name }); i >= 0 {
			c.Comment = inFiles[i].Comment
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// partitionType is the type as which Athena reads the text of a value in a path.
func partitionType(t arrow.DataType) string {
	switch t.ID() {
	case arrow.INT32, arrow.INT64, arrow.DATE32, arrow.DECIMAL128, arrow.BOOL:
		name, _ := hiveType(t)
		return name
	}
	return "string"
}

// addPartitions names the partitions that are there. Athena finds no partition by itself, and the statement that looks for
// them wants lower case names in the paths.
func (t *tableToRead) addPartitions(b *strings.Builder, r *Recipe, name string, by []glueColumn) {
	folders := map[string]bool{}
	for _, f := range t.d.Files {
		folders[path.Dir(f.Key)] = true
	}
	var lines []string
	left := 0
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		values, ok := partitionValues(folder, by)
		if !ok {
			left++
			continue
		}
		lines = append(lines, fmt.Sprintf("  PARTITION (%s) LOCATION %s", values, hiveText(t.root+"/"+folder+"/")))
	}
	for some := range slices.Chunk(lines, partitionsPerChange) {
		fmt.Fprintf(b, "\n\nALTER TABLE %s ADD IF NOT EXISTS\n%s;", name, strings.Join(some, "\n"))
	}
	r.Notes = append(r.Notes, "the partitions are those that are there now: add those that later runs bring in the same way")
	if left > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s left out: NULL is no value that one can name there for a type other than string; "+
			"`MSCK REPAIR TABLE %s` finds them where all names are in lower case", countOf(left, "partition is", "partitions are"), name))
	}
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// partitionValues returns the values that a folder's name holds, as a PARTITION clause has them; false where one of them
// cannot be named.
func partitionValues(folder string, by []glueColumn) (string, bool) {
	names := strings.Split(folder, "/")
	if len(names) < len(by) {
		return "", false
	}
	names = names[len(names)-len(by):]
	clauses := make([]string, len(by))
	for i, c := range by {
		_, text, found := strings.Cut(names[i], "=")
		value, err := url.PathUnescape(text)
		if !found || err != nil || value == nullPartition && c.Type != "string" {
			return "", false
		}
		clauses[i] = hiveName(c.Name) + " = " + hiveText(value)
	}
	return strings.Join(clauses, ", "), true
}

// athenaIceberg enters the table in Glue's catalog, as Iceberg's own library does. Athena has no statement for that: its
// CREATE TABLE makes a new table, and CREATE EXTERNAL TABLE refuses Iceberg.
func (t *tableToRead) athenaIceberg() (Recipe, error) {
	database, name := strings.ToLower(t.d.Table.Namespace), strings.ToLower(t.d.Table.Name)
	columns, left := t.glueColumns()
	entry := map[string]any{
		"Name": name, "TableType": "EXTERNAL_TABLE",
		"Parameters":        map[string]string{"table_type": "ICEBERG", "metadata_location": t.d.Metadata},
		"StorageDescriptor": map[string]any{"Location": t.d.Location, "Columns": columns},
	}
	if t.d.Comment != "" {
		entry["Description"] = cut(t.d.Comment, maxGlueDescription)
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return Recipe{}, fmt.Errorf("encode the entry of table %s: %w", t.d.Table, err)
	}
	r := Recipe{Engine: "athena", Language: "shell", Notes: []string{
		"Athena finds Iceberg tables in Glue's catalog; it has no statement that takes in one that is there",
		"it shows the table as it is now; after later runs, the same entry with `aws glue update-table` in place of create-table", readOnlyNote,
	}}
	for _, name := range left {
		r.Notes = append(r.Notes, fmt.Sprintf("column %s is not listed: Athena has no type for it", name))
	}
	r.Text = fmt.Sprintf("aws glue create-database --database-input %s\naws glue create-table --database-name %s --table-input \\\n  %s",
		shellText(`{"Name":"`+database+`"}`), shellText(database), shellText(string(data)))
	return r, nil
}

// cut shortens a text to a number of bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := 0
	for i := range s {
		if i > most-len("…") {
			break
		}
		end = i
	}
	return s[:end] + "…"
}
