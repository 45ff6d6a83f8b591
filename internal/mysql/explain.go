package mysql

import (
	"context"
	"fmt"
	"slices"

	"github.com/tidemark-data/tidemark"
)

// explain asks for the form that has a row per table. It is no longer every server's default.
const explain = "EXPLAIN FORMAT=TRADITIONAL "

// A Forecast says what reading a window would mean, for `plan`.
type Forecast struct {
	Rows       int64    // as the server's optimizer guesses; -1 where it does not say
	Statements []string // one per split
	Warnings   []string
}

// Forecast tells what a run would read, and reads no rows.
func (s *Source) Forecast(ctx context.Context, w tidemark.Window, n int) (Forecast, error) {
	t, err := s.current(ctx)
	if err != nil {
		return Forecast{}, err
	}
	splits, err := s.plan(ctx, t, w, n)
	if err != nil {
		return Forecast{}, fmt.Errorf("plan the window of %s: %w", t.name, err)
	}
	f := Forecast{Rows: t.schema.Rows}
	for _, sp := range splits {
		f.Statements = append(f.Statements, sp.String())
	}
	increment := t.schema.Cursor != nil && !w.From.IsZero() && s.pipeline.Mode != tidemark.ModeReplace
	if increment && len(splits) == 1 && s.server.family != familyDolt {
		if f.Rows, err = s.expected(ctx, splits[0]); err != nil {
			return Forecast{}, fmt.Errorf("plan the window of %s: %w", t.name, err)
		}
	}
	f.Warnings = s.warnings(t, w)
	return f, nil
}

func (s *Source) warnings(t *table, w tidemark.Window) []string {
	var out []string
	cursor := t.schema.Cursor
	if cursor != nil && !cursor.Indexed && !w.From.IsZero() {
		out = append(out, fmt.Sprintf("no index begins with cursor column %q: each run scans the whole table of about %d rows", cursor.Column, t.schema.Rows))
	}
	if t.order == nil && s.pipeline.Mode != tidemark.ModeReplace {
		out = append(out, "the table has no key that splits can be cut along: it is read in one stream, and a lost connection begins the run again")
	}
	if cursor != nil && !cursor.ServerSet {
		out = append(out, fmt.Sprintf("cursor column %q is not set by the server at each change (DEFAULT and ON UPDATE CURRENT_TIMESTAMP): rows that applications date back by more than the lateness are missed", cursor.Column))
	}
	return append(out, s.Notices()...)
}

// Notices returns what the owner of the table should know: its engine, dates that became NULL.
func (s *Source) Notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}

// expected returns the number of rows that the optimizer expects a split to touch.
func (s *Source) expected(ctx context.Context, sp *split) (rows int64, err error) {
	sql, args := sp.statement(nil)
	err = s.with(ctx, func(c *conn) error {
		res, err := c.query(ctx, explain+sql, anys(args)...)
		if err != nil {
			return err
		}
		at := slices.Index(res.columns, "rows")
		if at < 0 || len(res.rows) == 0 {
			rows = -1
			return nil
		}
		rows = estimate(res.rows[0][at])
		return nil
	})
	return rows, err
}
