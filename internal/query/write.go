package query

import (
	"encoding/csv"
	"io"
	"iter"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// WriteCSV writes rows with a header line, as RFC 4180 says but for lines that end in a newline alone. NULL is an
// empty cell.
func WriteCSV(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error {
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			out.Flush()
			return err
		}
		for i, v := range row {
			record[i] = duckdb.Text(v)
		}
		if len(record) == 1 && record[0] == "" { // an empty line would be none
			out.Flush()
			if _, err := io.WriteString(w, "\"\"\n"); err != nil {
				return err
			}
			continue
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
