package run_test

import (
	"database/sql"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // a reader that knows nothing of the product
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

func openDuckDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// parquetFiles returns the data files of a table and those of equality deletes, whatever the catalog says of them.
func (s *shop) parquetFiles(t *testing.T, namespace, table string) (data, deletes []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.lake, namespace, table), func(path string, _ fs.DirEntry, err error) error {
		switch {
		case strings.HasSuffix(path, "-deletes.parquet"):
			deletes = append(deletes, path)
		case strings.HasSuffix(path, ".parquet"):
			data = append(data, path)
		}
		return err
	})
	if err != nil || len(data) == 0 {
		t.Fatalf("%s.%s: %d data files, %v", namespace, table, len(data), err)
	}
	return data, deletes
}

// readParquet returns a table function of DuckDB's over files.
func readParquet(files []string) string {
	list := make([]string, len(files))
	for i, path := range files {
		list[i] = duckdb.Literal(path)
	}
	return "read_parquet([" + strings.Join(list, ", ") + "])"
}

// readTypes returns the values of a table's columns as they are in the data files, in the order of id.
func (s *shop) readTypes(t *testing.T, duck *sql.DB, format string, table typeTable) [][]cell {
	t.Helper()
	data, deletes := s.parquetFiles(t, format, table.target)
	if len(deletes) > 0 {
		t.Errorf("deletes in a table that is only appended to: %v", deletes)
	}
	files := readParquet(data)
	s.checkColumns(t, duck, files, table)
	expressions := make([]string, len(table.columns))
	for i, c := range table.columns {
		expressions[i] = inForm(c.form.lake, duckdb.Ident(c.name))
	}
	return scanCells(t, duck, "SELECT "+strings.Join(expressions, ", ")+" FROM "+files+" ORDER BY id", len(table.columns),
		func() any { return new(any) },
		func(column int, v any) (cell, error) { return table.columns[column].form.readCell(*v.(*any)) })
}

// checkColumns compares names and types of the files' columns with those of the table.
func (s *shop) checkColumns(t *testing.T, duck *sql.DB, files string, table typeTable) {
	t.Helper()
	want := [][2]string{{"id", "INTEGER"}, {table.cursor, "TIMESTAMP"}}
	for _, c := range table.columns {
		want = append(want, [2]string{c.name, c.form.duckdb})
	}
	rows, err := duck.QueryContext(t.Context(), "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+files+")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got [][2]string
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	}
	if diff := cmp.Diff(want, got); rows.Err() != nil || diff != "" {
		t.Errorf("columns of the data files (-want +got): %v\n%s", rows.Err(), diff)
	}
}

// A metaColumn is a column in the metadata of an Iceberg table.
type metaColumn struct {
	Name     string
	Type     string
	Required bool
	Doc      string
}

// metadata returns the columns of the current schema, by the hint that other readers follow too.
func (s *shop) metadata(t *testing.T, table string) []metaColumn {
	t.Helper()
	folder := filepath.Join(s.lake, "iceberg", table, "metadata")
	hint, err := os.ReadFile(filepath.Join(folder, "version-hint.text"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "v"+strings.TrimSpace(string(hint))+".metadata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Current int `json:"current-schema-id"`
		Schemas []struct {
			ID     int `json:"schema-id"`
			Fields []struct {
				Name     string
				Type     json.RawMessage
				Required bool
				Doc      string
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var columns []metaColumn
	for _, schema := range doc.Schemas {
		if schema.ID != doc.Current {
			continue
		}
		for _, f := range schema.Fields {
			columns = append(columns, metaColumn{Name: f.Name, Type: metaType(t, f.Type), Required: f.Required, Doc: f.Doc})
		}
	}
	return columns
}

// metaType returns a type as a word, lists too.
func metaType(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var word string
	if json.Unmarshal(text, &word) == nil {
		return word
	}
	var nested struct{ Type, Element string }
	if err := json.Unmarshal(text, &nested); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return nested.Type + "<" + nested.Element + ">"
}

// checkMetadata compares the types and docs in the lake with the design's types and the server's own.
func (s *shop) checkMetadata(t *testing.T, table typeTable) {
	t.Helper()
	docs := s.columnDocs(t, table.name)
	want := []metaColumn{
		{Name: "id", Type: "int", Required: true, Doc: docs["id"]},
		{Name: table.cursor, Type: "timestamp", Doc: docs[table.cursor]},
	}
	for _, c := range table.columns {
		// A date that is none becomes NULL, so a column of dates may be NULL whatever the source says.
		want = append(want, metaColumn{Name: c.name, Type: c.form.iceberg, Required: c.notNull() && !c.temporal(), Doc: docs[c.name]})
	}
	if diff := cmp.Diff(want, s.metadata(t, table.target)); diff != "" {
		t.Errorf("columns in the metadata (-want +got):\n%s", diff)
	}
}

// columnDocs returns the server's own type of each column, and its comment.
func (s *shop) columnDocs(t *testing.T, table string) map[string]string {
	t.Helper()
	rows, err := s.server.DB(t, s.database).QueryContext(t.Context(), "SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_COMMENT FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = "+sqlText(s.database)+" AND TABLE_NAME = "+sqlText(table))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	docs := map[string]string{}
	for rows.Next() {
		var name, doc, comment string
		if err := rows.Scan(&name, &doc, &comment); err != nil {
			t.Fatal(err)
		}
		if comment != "" {
			doc += ": " + comment
		}
		if doc == "" {
			t.Errorf("the server has no type for %q", name)
		}
		docs[name] = doc
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return docs
}
