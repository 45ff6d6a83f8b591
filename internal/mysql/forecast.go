package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Forecast says what reading a window would mean, for `plan`.
type Forecast struct {
	Splits   []SplitForecast
	Rows     int64                // of all splits; -1 where the server does not say
	Exact    bool                 // Rows was counted
	Nulls    int64                // of those, rows without a cursor, which every run reads; -1 where counting them is not cheap
	Max      tidemark.CursorValue // the largest in the table; none where no index tells it at once
	Warnings []string
}

// A SplitForecast says what reading a split would mean.
type SplitForecast struct {
	SQL    string `json:"sql"`    // the first statement, with its values; "?" for text in keys
	Access string `json:"access"` // how the server reads it, in words
	Rows   int64  `json:"rows_expected"`
	Exact  bool   `json:"rows_exact"` // Rows was counted
}

// countUpTo is the number of rows up to which Forecast counts. Where the server expects to touch more, its guess stands.
const countUpTo = 100_000

// Forecast tells what a run would read. It reads no rows, but counts those of small splits.
func (s *Source) Forecast(ctx context.Context, w tidemark.Window, n int) (Forecast, error) {
	t, err := s.current(ctx)
	if err != nil {
		return Forecast{}, err
	}
	splits, err := s.plan(ctx, t, w, n)
	if err != nil {
		return Forecast{}, fmt.Errorf("plan the window of %s: %w", t.name, err)
	}
	f := Forecast{Rows: t.schema.Rows, Nulls: -1, Warnings: s.warnings(t)}
	if s.server.family == familyDolt { // it neither explains nor guesses
		for _, sp := range splits {
			f.Splits = append(f.Splits, SplitForecast{SQL: sp.String(), Access: "not known", Rows: -1})
		}
		return f, nil
	}
	err = s.with(ctx, func(c *conn) error { return f.ask(ctx, c, t, splits, w) })
	if err != nil {
		return Forecast{}, fmt.Errorf("plan the window of %s: %w", t.name, err)
	}
	return f, nil
}

// ask fills in what the server tells.
func (f *Forecast) ask(ctx context.Context, c *conn, t *table, splits []*split, w tidemark.Window) error {
	total, exact := int64(0), true
	for _, sp := range splits {
		x, err := explained(ctx, c, sp)
		if err != nil {
			return err
		}
		notes, err := unusable(ctx, c)
		if err != nil {
			return err
		}
		f.warn(sp, x, notes)
		one, err := forecastOf(ctx, c, sp, x)
		if err != nil {
			return err
		}
		f.Splits = append(f.Splits, one)
		exact = exact && one.Exact
		total += max(one.Rows, 0)
	}
	if f.Exact = exact; exact || splits[0].window != nil {
		f.Rows = total
	}
	cursor := t.schema.Cursor
	if cursor == nil || !cursor.Indexed {
		return nil
	}
	var err error
	if f.Max, err = newest(ctx, c, t); err != nil {
		return err
	}
	none := withoutCursor(t.columnNamed(cursor.Column))
	if f.Nulls = 0; none != "" && w.Until.IsZero() && w.Nulls != tidemark.NullsError {
		f.Nulls, err = counted(ctx, c, " FROM "+identTable(t.name)+" WHERE "+none, nil)
	}
	return err
}

// forecastOf counts what is small, and takes the server's guess for the rest.
func forecastOf(ctx context.Context, c *conn, sp *split, x explanation) (SplitForecast, error) {
	f := SplitForecast{SQL: sp.String(), Access: x.String(), Rows: x.rows}
	if sp.window == nil && sp.lower == nil && sp.upper == nil { // LIMIT would cap the guess
		f.Rows = max(sp.table.schema.Rows, x.rows)
	}
	if f.Rows > countUpTo {
		return f, nil
	}
	from, args := sp.from(nil)
	n, err := counted(ctx, c, from, args)
	if n < 0 {
		f.Rows = max(f.Rows, countUpTo)
	} else {
		f.Rows, f.Exact = n, true
	}
	return f, err
}

// counted returns the number of rows, or -1 when there are more than countUpTo.
func counted(ctx context.Context, c *conn, from string, args []value) (int64, error) {
	row, err := c.queryRow(ctx, fmt.Sprintf("SELECT COUNT(*) FROM (SELECT 1%s LIMIT %d) AS counted", from, countUpTo+1), anys(args)...)
	if err != nil {
		return -1, err
	}
	if n := estimate(row[0]); n <= countUpTo {
		return n, nil
	}
	return -1, nil
}

// cursorValue reads a cursor value that came as text; none for NULL and for dates that do not exist.
func cursorValue(kind tidemark.CursorKind, c cell) tidemark.CursorValue {
	text := c.text
	if kind == tidemark.CursorTimestamp && !c.null {
		text = strings.Replace(text, " ", "T", 1) + "Z" // sessions are in UTC
	}
	v, err := tidemark.ParseCursorValue(text)
	if err != nil || c.null {
		return tidemark.CursorValue{}
	}
	return v
}

// warn adds what the server's way to read a split should tell the owner of the table; each once.
func (f *Forecast) warn(sp *split, x explanation, notes []string) {
	add := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(f.Warnings, text) {
			f.Warnings = append(f.Warnings, text)
		}
	}
	if sp.force != "" && x.access != "" && !strings.EqualFold(x.key, sp.force) {
		add("the server does not read through index %q: %s", sp.force, x)
	}
	if x.sorts {
		add("the server sorts the rows or puts them aside before it sends the first (filesort or temporary): see EXPLAIN of the statement")
	}
	for _, text := range notes {
		add("the server says: %s", text)
	}
}

func (s *Source) warnings(t *table) []string {
	var out []string
	cursor := t.schema.Cursor
	incremental := cursor != nil && s.pipeline.Mode != tidemark.ModeReplace
	if incremental && !cursor.Indexed {
		out = append(out, fmt.Sprintf("no index begins with cursor column %q: each run behind the first scans the whole table of about %d rows%s",
			cursor.Column, t.schema.Rows, t.adviseIndex(cursor.Column)))
	}
	if t.order == nil && s.pipeline.Mode != tidemark.ModeReplace {
		out = append(out, "the table has no key that splits can be cut along: it is read in one stream, and a lost connection begins the run again")
	}
	if incremental && !cursor.ServerSet {
		out = append(out, fmt.Sprintf("cursor column %q is not set by the server at each change (DEFAULT and ON UPDATE CURRENT_TIMESTAMP): rows that applications date back by more than the lateness are missed", cursor.Column))
	}
	return append(out, s.Notices()...)
}

// adviseIndex says what gives a column an index that windows can be read through.
func (t *table) adviseIndex(column string) string {
	if t.kind == "VIEW" {
		return ""
	}
	name := column
	for _, ix := range t.indexes {
		if strings.EqualFold(ix.name, name) {
			name += "_cursor"
		}
		if strings.EqualFold(ix.columns[0], column) && !ix.usable {
			return fmt.Sprintf("; index %q begins with it, but the server is told to ignore it", ix.name)
		}
	}
	return fmt.Sprintf("; to give it one: CREATE INDEX %s ON %s (%s)", ident(name), identTable(t.name), ident(column))
}

// Notices returns what the owner of the table should know: its engine, dates that became NULL.
func (s *Source) Notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}
