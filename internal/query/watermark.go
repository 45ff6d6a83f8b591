package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// fetchDetails is the name of the view that says how far each table was loaded, for statements that are written as they
// were before there was a watermark: SELECT max(last_fetched) FROM fetch_details WHERE tablename = 'orders'.
const fetchDetails = "fetch_details"

// watermarkName is the function that tells how far a pipeline has come.
const watermarkName = "watermark"

func isFetchDetails(t duckdb.Table) bool {
	return t.Schema == "" && t.AsOf == nil && !t.CTE && strings.EqualFold(t.Name, fetchDetails)
}

// defineWatermarks makes the view fetch_details and the function watermark, where the statement uses them.
func (s *session) defineWatermarks(parsed *duckdb.Statement) error {
	view := slices.ContainsFunc(parsed.Tables, isFetchDetails)
	if !view && len(parsed.Calls) == 0 {
		return nil
	}
	var marks []tidemark.Watermark
	if s.o.Watermarks != nil {
		var err error
		if marks, err = s.o.Watermarks(s.ctx); err != nil {
			return fmt.Errorf("read the watermarks of the lake: %w", err)
		}
	}
	if view {
		if err := s.db.Exec(s.ctx, "CREATE VIEW "+mainSchema+"."+fetchDetails+" AS "+detailsQuery(marks)); err != nil {
			return err
		}
	}
	if len(parsed.Calls) == 0 {
		return nil
	}
	macro, err := watermarkMacro(parsed, marks)
	if err != nil {
		return err
	}
	return s.db.Exec(s.ctx, macro)
}

// detailsQuery is a row per pipeline: its source table's name, without the database, and its high. An instant is told in
// UTC. An integer is no time: NULL; watermark('PIPELINE') tells it.
func detailsQuery(marks []tidemark.Watermark) string {
	const none = "SELECT CAST(NULL AS VARCHAR) AS tablename, CAST(NULL AS TIMESTAMP) AS last_fetched WHERE false"
	parts := []string{none}
	for _, w := range marks {
		at := "NULL"
		if w.High.Kind().Temporal() {
			at = duckdb.Literal(w.High.SQL())
		}
		parts = append(parts, fmt.Sprintf("SELECT %s, CAST(%s AS TIMESTAMP)", duckdb.Literal(sourceTable(w)), at))
	}
	return strings.Join(parts, " UNION ALL ")
}

// sourceTable is the name of a pipeline's table without its database.
func sourceTable(w tidemark.Watermark) string {
	if _, name, ok := strings.Cut(w.Origin.Table, "."); ok {
		return name
	}
	return w.Origin.Table
}

// watermarkMacro defines watermark('PIPELINE'): the high of a pipeline, in the type of its cursor. An SQL function has one
// type, so the pipelines that a statement asks for have cursors of one kind.
func watermarkMacro(parsed *duckdb.Statement, marks []tidemark.Watermark) (string, error) {
	var asked []tidemark.Watermark
	for _, c := range parsed.Calls {
		if !c.Literal {
			return "", tidemark.WithHint(parsed.RejectCall(c, "watermark wants the name of a pipeline, as a text"), pipelinesIn(marks))
		}
		at := slices.IndexFunc(marks, func(w tidemark.Watermark) bool { return string(w.Pipeline) == c.Text })
		if at < 0 {
			return "", tidemark.WithHint(parsed.RejectCall(c, fmt.Sprintf("no pipeline %q has loaded into the lake", c.Text)), pipelinesIn(marks))
		}
		asked = append(asked, marks[at])
	}
	typ := ""
	var cases strings.Builder
	for i, w := range asked {
		if w.High.IsZero() {
			continue
		}
		t := highType(w.High)
		if typ != "" && t != typ {
			return "", parsed.RejectCall(parsed.Calls[i], fmt.Sprintf("watermark is a %s for one pipeline and a %s for another: ask for one kind in a statement", typ, t))
		}
		typ = t
		fmt.Fprintf(&cases, " WHEN %s THEN CAST(%s AS %s)", duckdb.Literal(string(w.Pipeline)), duckdb.Literal(w.High.String()), t)
	}
	if typ == "" {
		return "CREATE MACRO watermark(pipeline) AS NULL", nil
	}
	parsed.Define(watermarkName, typ)
	return "CREATE MACRO watermark(pipeline) AS CASE pipeline" + cases.String() + " END", nil
}

// highType is the type that a cursor's column has in the lake.
func highType(v tidemark.CursorValue) string {
	switch v.Kind() {
	case tidemark.CursorDate:
		return "DATE"
	case tidemark.CursorDatetime:
		return "TIMESTAMP"
	case tidemark.CursorTimestamp:
		return "TIMESTAMPTZ"
	}
	if _, err := strconv.ParseInt(v.String(), 10, 64); err != nil {
		return "DECIMAL(20,0)" // as the column of such a cursor
	}
	return "BIGINT"
}

func pipelinesIn(marks []tidemark.Watermark) string {
	if len(marks) == 0 {
		return "the lake has no watermarks yet: run a pipeline first"
	}
	var names []string
	for _, w := range marks {
		names = append(names, string(w.Pipeline))
	}
	return "there are " + strings.Join(names, ", ")
}
