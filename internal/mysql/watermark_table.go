package mysql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// WatermarkTable is a tidemark.WatermarkTable on a server. Each call takes a connection of its own, as there is one call or two
// in a run. It is safe for concurrent use.
type WatermarkTable struct {
	config  Config
	options WatermarkTableOptions
}

var _ tidemark.WatermarkTable = (*WatermarkTable)(nil)

// WatermarkTableOptions say which table it is and which of its rows are meant.
type WatermarkTableOptions struct {
	Table  tidemark.TableName
	Name   string // in the column tablename
	Zone   string // of DATETIME and DATE values, as in tidemark.Pipeline.CursorZone
	Writes bool   // Insert is wanted: sessions are not read-only
}

// The columns of such a table.
const (
	nameColumn  = "tablename"
	valueColumn = "last_fetched" // a date, a time or an integer, as the cursor is
)

// NewWatermarkTable connects to nothing yet.
func NewWatermarkTable(config Config, o WatermarkTableOptions) *WatermarkTable {
	config.writes = o.Writes
	return &WatermarkTable{config: config, options: o}
}

// String returns the name of the row and the table, as in "orders in db2.fetch_details".
func (w *WatermarkTable) String() string { return w.options.Name + " in " + w.options.Table.String() }

// Newest implements tidemark.WatermarkTable.
func (w *WatermarkTable) Newest(ctx context.Context, cursor tidemark.Cursor) (f tidemark.Fetched, err error) {
	err = w.with(ctx, func(c *conn) error {
		held, err := w.read(ctx, c, cursor)
		if err != nil {
			return err
		}
		f = held.fetched(cursor)
		return nil
	})
	return f, err
}

// Insert implements tidemark.WatermarkTable.
func (w *WatermarkTable) Insert(ctx context.Context, cursor tidemark.Cursor, high tidemark.CursorValue) (f tidemark.Fetched, err error) {
	if !w.options.Writes {
		return f, fmt.Errorf("insert %s: %w", w, tidemark.ErrInvalid)
	}
	err = w.with(ctx, func(c *conn) error {
		held, err := w.read(ctx, c, cursor)
		if err != nil {
			return err
		}
		if v := floorTo(held.unit, rezone(high, held.kind, held.zone)); held.value.Less(v) {
			if err := w.insert(ctx, c, v); err != nil {
				return err
			}
			held.value = v
		}
		f = held.fetched(cursor)
		return nil
	})
	return f, err
}

const codeDuplicate = 1062

func (w *WatermarkTable) insert(ctx context.Context, c *conn, v tidemark.CursorValue) error {
	o := w.options
	err := c.modify(ctx, fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (?, ?)", identTable(o.Table), ident(nameColumn), ident(valueColumn)), o.Name, v)
	switch {
	case codeOf(err) == codeDuplicate:
		return tidemark.WithHint(err, fmt.Sprintf("each commit adds a row: a unique key of the table must have both %s and %s", nameColumn, valueColumn))
	case errors.Is(err, tidemark.ErrDenied):
		return tidemark.WithHint(err, "GRANT INSERT ON "+identTable(o.Table)+" TO "+w.config.User)
	}
	return err
}

// Writable finds out, without writing a row, whether rows can be inserted.
func (w *WatermarkTable) Writable(ctx context.Context) error {
	return w.with(ctx, func(c *conn) error {
		o := w.options
		columns := ident(nameColumn) + ", " + ident(valueColumn)
		err := c.exec(ctx, fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[1]s WHERE 1 = 0", identTable(o.Table), columns))
		if errors.Is(err, tidemark.ErrDenied) {
			return tidemark.WithHint(err, "GRANT SELECT, INSERT ON "+identTable(o.Table)+" TO "+w.config.User)
		}
		return err
	})
}

func (w *WatermarkTable) with(ctx context.Context, do func(*conn) error) error {
	c, err := connect(ctx, w.config)
	if err == nil {
		defer c.close()
		err = do(c)
	}
	if err != nil {
		return fmt.Errorf("watermark of %s: %w", w, err)
	}
	return nil
}

// held is what the table holds, on its own clock.
type held struct {
	value tidemark.CursorValue // none where there is no row
	kind  tidemark.CursorKind  // of the column
	unit  time.Duration        // of the column; 0 for integers
	zone  *time.Location       // between instants and the wall; nil where nothing has to be translated
}

// read asks for the newest row. Its field tells the column's type, also where there is no row.
func (w *WatermarkTable) read(ctx context.Context, c *conn, cursor tidemark.Cursor) (held, error) {
	o := w.options
	from := fmt.Sprintf("%s FROM %s WHERE %s = ?", ident(valueColumn), identTable(o.Table), ident(nameColumn))
	fields, rows, err := c.typed(ctx, "SELECT "+from+fmt.Sprintf(" ORDER BY %s DESC LIMIT 1", ident(valueColumn)), o.Name)
	if err != nil {
		return held{}, w.explain(ctx, c, err)
	}
	h := held{kind: kindOnWire(fields[0])}
	if h.kind == tidemark.CursorNone || h.kind.Temporal() != cursor.Kind.Temporal() {
		return held{}, tidemark.WithHint(fmt.Errorf("column %s does not hold values of cursor %q, which is of kind %s: %w", valueColumn, cursor.Column, cursor.Kind, tidemark.ErrInvalid),
			"for a cursor that is a date or a time it must be DATE, DATETIME or TIMESTAMP, and an integer for one that is an integer")
	}
	h.unit = granularity(h.kind, min(int(fields[0].decimals), 6))
	if (h.kind == tidemark.CursorTimestamp) != (cursor.Kind == tidemark.CursorTimestamp) {
		if h.zone, err = w.zone(ctx, c); err != nil {
			return held{}, err
		}
	}
	if len(rows) == 0 {
		return h, nil
	}
	v := rows[0][0]
	if h.value = cursorValue(h.kind, cell{text: v.String(), null: v.null}); h.value.IsZero() {
		return held{}, tidemark.WithHint(fmt.Errorf("its newest %s is NULL or no date: %w", valueColumn, tidemark.ErrInvalid),
			"set it to the largest cursor value that was fetched, or delete the row to load everything")
	}
	return h, nil
}

// explain says what is wrong with a table that cannot be asked.
func (w *WatermarkTable) explain(ctx context.Context, c *conn, err error) error {
	o := w.options
	switch codeOf(err) {
	case codeNoTable, codeNoDatabase, codeTableDenied, codeDatabaseDenied:
		return missingTable(ctx, c, o.Table)
	case codeNoColumn:
		return tidemark.WithHint(err, fmt.Sprintf("the table needs the columns %s and %s", nameColumn, valueColumn))
	}
	return err
}

// zone returns the zone in which DATETIME values are written. Only one whose rules are known will do: an instant of years ago
// may have had another offset than now.
func (w *WatermarkTable) zone(ctx context.Context, c *conn) (*time.Location, error) {
	name := w.options.Zone
	if name == "" {
		row, err := c.queryRow(ctx, "SELECT @@GLOBAL.time_zone, @@GLOBAL.system_time_zone")
		if err != nil {
			return nil, err
		}
		if name = row[0].text; name == "SYSTEM" {
			name = row[1].text
		}
	}
	if zone, ok := zoneByName(name); ok {
		return zone, nil
	}
	return nil, tidemark.WithHint(fmt.Errorf("one of cursor and %s is a TIMESTAMP and the other is not, and the server's time zone %q is not known: %w", valueColumn, name, tidemark.ErrInvalid),
		"set the pipeline's cursor_zone, such as Europe/Berlin")
}

// fetched translates to the cursor's clock and precision.
func (h held) fetched(cursor tidemark.Cursor) tidemark.Fetched {
	if h.value.IsZero() {
		return tidemark.Fetched{}
	}
	f := tidemark.Fetched{Value: floorTo(cursor.Granularity, rezone(h.value, cursor.Kind, h.zone))}
	if h.unit > cursor.Granularity {
		f.Notice = fmt.Sprintf("its values are cut to %s and those of the cursor to %s: what was fetched of the time between cannot be told from them", h.unit, cursor.Granularity)
	}
	return f
}
