package mysql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Comparer = (*Source)(nil)

const (
	// pieceRows is about how many rows one statement of Sums reads, so that none runs for long on the server, and one
	// that is interrupted is soon repeated.
	pieceRows = 500_000

	// sumsPerGroup is how many rows each sum that goes over the network stands for at least, on average.
	sumsPerGroup = 16

	// fetchKeys is how many rows one statement of Fetch asks for by their keys.
	fetchKeys = 250
)

// A comparison is a tidemark.Comparison with what the table knows about it.
type comparison struct {
	tidemark.Comparison
	table   *table
	columns []*column
	key     []*column
	where   conditions
}

func (s *Source) comparison(ctx context.Context, c tidemark.Comparison) (*comparison, error) {
	t, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	own := &comparison{Comparison: c, table: t}
	if own.columns, err = t.comparedAll(c.Columns); err != nil {
		return nil, err
	}
	if own.key, err = t.comparedAll(c.Key); err != nil {
		return nil, err
	}
	if own.where, err = s.counted(t, c); err != nil {
		return nil, err
	}
	if c.Below > 0 {
		own.where = append(own.where, condition{sql: fmt.Sprintf("%s < %d", own.part(), c.Below)})
	}
	return own, nil
}

// known returns the table that a comparison has looked at.
func (s *Source) known() (*table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table == nil {
		return nil, fmt.Errorf("look at %s before its schema was read: %w", s.pipeline.Table, tidemark.ErrInvalid)
	}
	return s.table, nil
}

func (t *table) comparedAll(names []string) ([]*column, error) {
	columns := make([]*column, len(names))
	for i, name := range names {
		c, err := t.compared(name)
		if err != nil {
			return nil, err
		}
		columns[i] = c
	}
	return columns, nil
}

// compared returns a column that the pipeline reads, by its exact name.
func (t *table) compared(name string) (*column, error) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name })
	if i < 0 {
		return nil, t.noColumn(name)
	}
	return &t.columns[i], nil
}

// counted are the conditions for the rows that are compared: those of the pipeline's filter whose cursor lies in the
// range. A row without a cursor is read by each run, so it is in no range.
func (s *Source) counted(t *table, c tidemark.Comparison) (conditions, error) {
	in := s.filter()
	if t.schema.Cursor == nil || s.pipeline.Mode == tidemark.ModeReplace {
		return in, nil
	}
	cursor := t.columnNamed(t.schema.Cursor.Column)
	name := ident(cursor.Name)
	limit := func(op string, v tidemark.CursorValue) error {
		if v.IsZero() {
			return nil
		}
		if v.Kind() != t.schema.Cursor.Kind {
			return fmt.Errorf("compare from or up to %s: cursor column %q is of kind %s: %w", v, cursor.Name, t.schema.Cursor.Kind, tidemark.ErrInvalid)
		}
		arg, err := cursorArgument(v)
		in = append(in, condition{sql: name + " " + op + " ?", args: []value{arg}})
		return err
	}
	if err := errors.Join(limit(">=", c.Since), limit("<", c.Settled)); err != nil {
		return nil, err
	}
	if none := withoutCursor(cursor); !c.Settled.IsZero() && none != "" {
		in = append(in, condition{sql: "NOT (" + none + ")"})
	}
	return in, nil
}

// part is the SQL for the number of a row's part.
func (c *comparison) part() string {
	known := c.key
	if len(known) == 0 {
		known = c.columns
	}
	return fmt.Sprintf("(%s & %d)", checksumOf(known), c.N-1)
}

// from returns what follows the list of a SELECT that reads the rows which meet the conditions.
func (c *comparison) from(force string, where conditions) (string, []value) {
	sql := " FROM " + identTable(c.table.name)
	if force != "" {
		sql += " FORCE INDEX (" + ident(force) + ")"
	}
	condition, args := where.where()
	return sql + condition, args
}

// Sums implements tidemark.Comparer.
func (s *Source) Sums(ctx context.Context, c tidemark.Comparison) ([]tidemark.PartSum, error) {
	own, err := s.comparison(ctx, c)
	if err != nil {
		return nil, err
	}
	pieces, force, err := s.pieces(ctx, own)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", own.table.name, err)
	}
	sums := make([]tidemark.PartSum, c.N)
	for _, piece := range pieces {
		rows, err := s.sumPiece(ctx, own, force, piece, sums)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", own.table.name, err)
		}
		if c.Pause != nil {
			if err := c.Pause(ctx, rows); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

// pieces cuts the rows that are compared along the table's key, in the server's own order.
func (s *Source) pieces(ctx context.Context, c *comparison) (pieces []conditions, force string, err error) {
	t := c.table
	n := t.schema.Rows / max(pieceRows, sumsPerGroup*int64(c.N))
	if t.order == nil || n < 2 || !c.Since.IsZero() || s.server.family == familyDolt {
		return []conditions{c.where}, "", nil
	}
	boundaries, err := s.boundaries(ctx, t, int(n))
	if err != nil {
		return nil, "", err
	}
	whole := &split{order: t.order}
	for _, part := range whole.cut(boundaries) {
		where := slices.Clip(c.where)
		if part.lower != nil {
			where = append(where, behind(t.order, part.lower))
		}
		if part.upper != nil {
			where = append(where, upTo(t.order, part.upper))
		}
		pieces = append(pieces, where)
	}
	return pieces, t.orderIndex(), nil
}

// sumPiece adds the sums of one piece. A piece whose connection is lost is asked for again; nothing of it was added.
func (s *Source) sumPiece(ctx context.Context, c *comparison, force string, where conditions, sums []tidemark.PartSum) (rows int64, err error) {
	from, args := c.from(force, where)
	sql := fmt.Sprintf("SELECT %s AS part, COUNT(*), CAST(SUM(%s) AS CHAR)%s GROUP BY part ORDER BY NULL", c.part(), checksumOf(c.columns), from)
	var res result
	err = s.repeat(ctx, func() error {
		return s.with(ctx, func(conn *conn) (err error) {
			res, err = conn.query(ctx, sql, anys(args)...)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	for _, row := range res.rows {
		part, count, sum := estimate(row[0]), estimate(row[1]), estimate(row[2])
		if part < 0 || part >= int64(c.N) || count < 0 || sum < 0 {
			return 0, fmt.Errorf("the server sums up part %q as %q and %q: %w", row[0], row[1], row[2], tidemark.ErrInvalid)
		}
		sums[part].Rows += count
		sums[part].Sum += uint64(sum)
		rows += count
	}
	return rows, nil
}

// Marks implements tidemark.Comparer.
func (s *Source) Marks(ctx context.Context, c tidemark.Comparison, parts tidemark.Parts) iter.Seq2[arrow.RecordBatch, error] {
	return s.compareRows(ctx, c, func(own *comparison) ([]column, string, []value, error) {
		var list []string
		for part := range c.N {
			if parts.Has(part) {
				list = append(list, fmt.Sprint(part))
			}
		}
		where := append(slices.Clip(own.where), condition{sql: own.part() + " IN (" + strings.Join(list, ",") + ")"})
		from, args := own.from("", where)
		columns := append(own.keyColumns(), markColumn)
		return columns, "SELECT " + nameList(columns[:len(columns)-1]) + comma(len(own.key)) + "CAST(" + checksumOf(own.columns) + " AS SIGNED) AS " + markColumn.Name + from, args, nil
	})
}

func comma(n int) string {
	if n == 0 {
		return ""
	}
	return ", "
}

// markColumn is the checksum as Marks yields it.
var markColumn = column{
	Column: tidemark.Column{Name: "tidemark_checksum", Type: arrow.PrimitiveTypes.Int64, SourceType: "bigint"},
	kind:   kindInt64, dataType: "bigint",
}

// keyColumns are the columns of the key, or of nothing.
func (c *comparison) keyColumns() []column {
	columns := make([]column, len(c.key), len(c.key)+1)
	for i, k := range c.key {
		columns[i] = *k
	}
	return columns
}

// Pending implements tidemark.Comparer.
func (s *Source) Pending(ctx context.Context, c tidemark.Comparison) iter.Seq2[arrow.RecordBatch, error] {
	return s.compareRows(ctx, c, func(own *comparison) ([]column, string, []value, error) {
		window, err := s.window(own.table, tidemark.Window{From: c.Settled, Nulls: tidemark.NullsLoad})
		if err != nil {
			return nil, "", nil, err
		}
		from, args := own.from("", append(window, s.filter()...))
		return own.keyColumns(), "SELECT " + nameList(own.keyColumns()) + from, args, nil
	})
}

// compareRows yields the rows of one statement, that make returns with the columns that it selects.
func (s *Source) compareRows(ctx context.Context, c tidemark.Comparison, make func(*comparison) ([]column, string, []value, error)) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		own, err := s.comparison(ctx, c)
		if err != nil {
			yield(nil, err)
			return
		}
		columns, sql, args, err := make(own)
		if err == nil {
			err = s.stream(ctx, columns, sql, args, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("compare %s: %w", own.table.name, err))
		}
	}
}

// repeat calls do until it succeeds, as long as another try may.
func (s *Source) repeat(ctx context.Context, do func() error) error {
	for tries, pause := 1, s.pause; ; tries, pause = tries+1, 2*pause {
		err := do()
		if err == nil || tries == maxTries || ctx.Err() != nil || !errors.Is(err, tidemark.ErrTransient) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// stream yields the rows of one statement, which is sent again when the connection is lost before the first batch.
func (s *Source) stream(ctx context.Context, columns []column, sql string, args []value, yield func(arrow.RecordBatch, error) bool) error {
	schema := tidemark.Schema{}
	for _, col := range columns {
		schema.Columns = append(schema.Columns, col.Column)
	}
	var lost error // behind the first batch
	err := s.repeat(ctx, func() error {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		handed := false
		err = streamOn(ctx, c, schema.Arrow(), columns, sql, args, func(b arrow.RecordBatch) bool {
			handed = true
			return yield(b, nil)
		})
		if err == nil {
			s.release(c)
			return nil
		}
		s.discard(c) // the server may still be sending
		if !errors.Is(err, errStopped) {
			err = orCanceled(ctx, err)
		}
		if handed {
			lost, err = err, nil
		}
		return err
	})
	return errors.Join(err, lost)
}

func streamOn(ctx context.Context, c *conn, schema *arrow.Schema, columns []column, sql string, args []value, yield func(arrow.RecordBatch) bool) error {
	done := c.watch(ctx)
	defer done()
	if err := c.begin(); err != nil {
		return gone(err)
	}
	statement, err := c.prepare(sql)
	if err != nil {
		return gone(err)
	}
	if err := c.execute(statement, args); err != nil {
		return gone(err)
	}
	b, err := newBatch(schema, columns, statement.fields)
	if err != nil {
		return err
	}
	for {
		payload, err := c.nextRow()
		if err != nil {
			return err
		}
		if payload != nil {
			if err := b.decode(payload); err != nil {
				return err
			}
		}
		if (b.full() || payload == nil && b.rows > 0) && !yield(b.take()) {
			return errStopped
		}
		if payload == nil {
			break
		}
	}
	if err := c.closeStatement(statement); err != nil {
		return err
	}
	return c.commit()
}
