package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// placed reads columns of files, each row with its file, the file's sequence number and its place in the file.
func (v *view) placed(columns []viewColumn, files []tidemark.LakeFile, paths []string) string {
	var rows []string
	for i, path := range paths {
		rows = append(rows, fmt.Sprintf("(%s, %d)", duckdb.Literal(path), files[i].Seq))
	}
	return v.fill("SELECT * FROM ($rows) JOIN (VALUES $files) AS f($file, $seq) USING ($file)",
		"$rows", v.scan(columns, paths, v.file, v.place), "$files", strings.Join(rows, ", "))
}

// fill puts what comes in pairs into an SQL text, and the names of the columns that v adds to those of the table.
func (v *view) fill(sql string, pairs ...string) string {
	names := []string{"$file", duckdb.Ident(v.file), "$seq", duckdb.Ident(v.seq), "$place", duckdb.Ident(v.place)}
	return strings.NewReplacer(append(pairs, names...)...).Replace(sql)
}

// deleted returns, per set of key columns, the SELECT for file and place of the rows that a later commit has deleted.
func (v *view) deleted(s *tidemark.Snapshot, data, deletes []string) ([]string, error) {
	sets, err := deleteSets(s.Deletes, deletes)
	if err != nil {
		return nil, err
	}
	var statements []string
	for _, set := range sets {
		keys, err := v.keys(set.columns)
		if err != nil {
			return nil, err
		}
		statements = append(statements, v.fill("SELECT r.$file, r.$place FROM ($rows) AS r JOIN "+
			"(SELECT $keys, max($seq) AS $seq FROM ($deletes) GROUP BY ALL) AS d ON $same WHERE d.$seq > r.$seq",
			"$rows", v.placed(keys, s.Data, data), "$keys", strings.Join(idents(keys), ", "),
			"$deletes", v.numbered(keys, set.files, set.paths), "$same", equal("r", "d", keys)))
	}
	return statements, nil
}

// older returns the SELECT for file and place of the versions of a row that have a newer one: with a greater cursor, or
// without one in a later commit. Versions with the same cursor are all read; nobody can tell them apart.
func (v *view) older(s *tidemark.Snapshot, data []string, n Newest) (string, error) {
	columns, err := v.keys(n.Key)
	if err != nil {
		return "", err
	}
	keys := strings.Join(idents(columns), ", ")
	order := "$seq DESC"
	if n.Cursor != "" {
		cursor, err := v.keys([]string{n.Cursor})
		if err != nil {
			return "", err
		}
		if !slices.Contains(n.Key, n.Cursor) {
			columns = append(columns, cursor...)
		}
		order = v.fill("$cursor DESC NULLS LAST, CASE WHEN $cursor IS NULL THEN $seq END DESC", "$cursor", cursor[0].ident)
	}
	return v.fill("WITH r AS ($rows) SELECT $file, $place FROM (SELECT $file, $place, rank() OVER (PARTITION BY $keys ORDER BY "+order+
		") AS n FROM r WHERE ($keys) IN (SELECT ($keys) FROM r GROUP BY $keys HAVING count(*) > 1)) WHERE n > 1",
		"$rows", v.placed(columns, s.Data, data), "$keys", keys), nil
}
