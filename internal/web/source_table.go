package web

import (
	"context"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type sourceTableQuery struct {
	Name   string `path:"name" maxLength:"300"`
	Table  string `path:"table" maxLength:"600" doc:"DATABASE.TABLE, a name with a dot in backquotes"`
	Lake   string `query:"lake" maxLength:"300" doc:"the connection of the target; none: the first lake of the config"`
	Format string `query:"format" enum:"iceberg,parquet" default:"iceberg" doc:"of the target"`
}

// A sourceColumn is a column of a table of a source.
type sourceColumn struct {
	Name     string `json:"name"`
	Source   string `json:"source_type" example:"int unsigned" doc:"as the server has it"`
	Type     string `json:"type" example:"BIGINT" doc:"that it would have in the lake, as a query sees it"`
	Nullable bool   `json:"nullable"`
	Comment  string `json:"comment,omitempty"`
	Key      bool   `json:"key,omitempty" doc:"of the primary key"`
}

// A possibleCursor is a column that could be the cursor.
type possibleCursor struct {
	Column    string `json:"column"`
	Kind      string `json:"kind" enum:"integer,date,datetime,timestamp"`
	ServerSet bool   `json:"server_set" doc:"the server sets it at each change, or counts it up"`
	Indexed   bool   `json:"indexed" doc:"without an index each run scans the table"`
	Nullable  bool   `json:"nullable"`
}

// A proposedPipeline is how a table could be loaded, and why.
type proposedPipeline struct {
	Name         string   `json:"name" doc:"that no pipeline has"`
	Cursor       string   `json:"cursor,omitempty" doc:"none with mode replace"`
	CursorReason string   `json:"cursor_reason"`
	Key          []string `json:"key" doc:"that a merge goes by"`
	KeyReason    string   `json:"key_reason"`
	Mode         string   `json:"mode" enum:"append,merge,replace"`
	ModeReason   string   `json:"mode_reason"`
	Reason       string   `json:"reason" doc:"all in one sentence"`
	YAML         string   `json:"yaml" doc:"the pipeline, to be saved under its name"`
}

type sourceTable struct {
	Body struct {
		Table    tidemark.TableName `json:"table"`
		Columns  []sourceColumn     `json:"columns"`
		Key      []string           `json:"key" doc:"the primary key"`
		Unique   [][]string         `json:"unique" doc:"all keys without NULL, the primary key included"`
		Rows     int64              `json:"rows" doc:"the server's guess; -1: it has none"`
		Bytes    int64              `json:"bytes" doc:"the same"`
		Cursors  []possibleCursor   `json:"cursors"`
		Proposal proposedPipeline   `json:"proposal"`
	}
}

func (a *answers) getSourceTable(ctx context.Context, q *sourceTableQuery) (*sourceTable, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*sourceTable, error) {
		t, err := r.SourceTable(ctx, q.Name, q.Table, run.SourceTableOptions{Lake: q.Lake, Format: tidemark.Format(q.Format)})
		if err != nil {
			return nil, err
		}
		return sourceTableOf(t), nil
	})
}

func sourceTableOf(t *run.SourceTable) *sourceTable {
	s := new(sourceTable)
	b := &s.Body
	b.Table, b.Rows, b.Bytes = t.Table, t.Rows, t.Bytes
	b.Key, b.Unique = append([]string{}, t.Key...), append([][]string{}, t.Unique...)
	b.Columns, b.Cursors = []sourceColumn{}, []possibleCursor{}
	keys := map[string]bool{}
	for _, name := range t.Key {
		keys[name] = true
	}
	for _, c := range t.Columns {
		b.Columns = append(b.Columns, sourceColumn{Name: c.Name, Source: c.SourceType, Type: c.Lake, Nullable: c.Nullable, Comment: c.Comment, Key: keys[c.Name]})
	}
	for _, c := range t.Cursors {
		b.Cursors = append(b.Cursors, possibleCursor{Column: c.Column, Kind: c.Kind.String(), ServerSet: c.ServerSet, Indexed: c.Indexed, Nullable: c.Nullable})
	}
	p := t.Proposal
	b.Proposal = proposedPipeline{
		Name: t.Pipeline, Cursor: p.Cursor, CursorReason: p.Reasons.Cursor, Key: append([]string{}, p.Key...), KeyReason: p.Reasons.Key,
		Mode: string(p.Mode), ModeReason: p.Reasons.Mode, Reason: p.Reason, YAML: t.YAML,
	}
	return s
}
