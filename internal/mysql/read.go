package mysql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

const (
	// maxTries is how often a split is begun or continued without a batch in between.
	maxTries   = 6
	firstPause = 200 * time.Millisecond
)

// errStopped says that the consumer wants no more.
var errStopped = errors.New("stopped")

// Read yields the rows of a split. After a lost connection it goes on behind the last key that it handed on, in a
// new statement; what changes in between has a cursor at or above the bound, and so comes again in the next run.
// Without an order of the rows it can only begin again, which it does as long as nothing was handed on, and yields
// ErrRestart after that. The end of the rows is what the server says is the end, nothing else.
func (s *Source) Read(ctx context.Context, sp tidemark.Split) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		own, ok := sp.(*split)
		if !ok {
			yield(nil, fmt.Errorf("read a split of type %T: %w", sp, tidemark.ErrInvalid))
			return
		}
		r := &reader{source: s, split: own, schema: own.table.schema.Arrow(), yield: yield, zeros: map[string]int64{}}
		if err := r.run(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("read %s: %w", own.table.name, err))
		}
		r.report()
	}
}

// A reader reads one split for one consumer.
type reader struct {
	source *Source
	split  *split
	schema *arrow.Schema
	yield  func(arrow.RecordBatch, error) bool

	last   []value          // the key of the last row that was handed on
	handed int64            // rows handed on
	zeros  map[string]int64 // dates that became NULL, by column
}

// run makes statements until the split is at its end.
func (r *reader) run(ctx context.Context) error {
	for tries, pause := 1, r.source.pause; ; tries, pause = tries+1, 2*pause {
		before := r.handed
		done, err := r.statement(ctx)
		switch {
		case done:
			return nil
		case err == nil: // the statement's limit, not the split's end
			tries, pause = 0, r.source.pause/2
			continue
		case ctx.Err() != nil, !errors.Is(err, tidemark.ErrTransient):
			return err
		case r.handed > 0 && r.split.order == nil:
			return fmt.Errorf("%w: %d rows were read, and without a key they cannot be told from the rest: %w", tidemark.ErrRestart, r.handed, err)
		}
		if r.handed > before {
			tries, pause = 1, r.source.pause
		}
		if tries >= maxTries {
			return fmt.Errorf("after %d tries: %w", tries, err)
		}
		r.source.log.Info("read interrupted; going on", "table", r.split.table.name.String(), "rows", r.handed, "err", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// statement runs one statement behind the last key and hands on its rows. It reports whether the split is at its end.
func (r *reader) statement(ctx context.Context) (done bool, err error) {
	c, err := r.source.acquire(ctx)
	if err != nil {
		return false, err
	}
	rows, err := r.rows(ctx, c)
	if err != nil {
		r.source.discard(c) // the server may still be sending
		if !errors.Is(err, errStopped) {
			err = orCanceled(ctx, err)
		}
		return false, err
	}
	r.source.release(c)
	return r.split.order == nil || rows < r.split.limit, nil
}

// rows sends the statement and reads its result to the end; it returns the number of rows.
func (r *reader) rows(ctx context.Context, c *conn) (int64, error) {
	done := c.watch(ctx)
	defer done()
	if err := c.begin(); err != nil {
		return 0, gone(err)
	}
	sql, args := r.split.statement(r.last)
	statement, err := c.prepare(sql)
	if err != nil {
		return 0, gone(err)
	}
	if err := c.execute(statement, args); err != nil {
		return 0, gone(err)
	}
	b, err := newBatch(r.schema, r.split.columns, statement.fields)
	if err != nil {
		return 0, err
	}
	r.apply(b)
	var count int64
	for {
		payload, err := c.nextRow()
		if err != nil {
			return count, err
		}
		if payload == nil {
			break
		}
		if err := b.decode(payload); err != nil {
			return count, r.locate(err, payload, statement.fields, count)
		}
		count++
		if b.full() || count == r.split.limit {
			rows := int64(b.rows)
			if err := r.hand(b, payload, statement.fields); err != nil {
				return count, err
			}
			if pause := r.source.config.Pause; pause != nil {
				if err := pause(ctx, rows); err != nil {
					return count, err
				}
			}
		}
	}
	if b.rows > 0 {
		if err := r.hand(b, nil, nil); err != nil {
			return count, err
		}
	}
	if err := c.closeStatement(statement); err != nil {
		return count, err
	}
	return count, c.commit()
}

// hand gives a batch to the consumer. From here on the split is continued behind its last row; at the end of the result
// there is none to continue behind, and lastRow is nil.
func (r *reader) hand(b *batch, lastRow []byte, fields []field) error {
	if r.split.order != nil && lastRow != nil {
		key, err := r.split.key(lastRow, fields)
		if err != nil {
			return err
		}
		r.last = key
	}
	r.handed += int64(b.rows)
	for i := range b.cols {
		if c := &b.cols[i]; c.zeros > 0 {
			r.zeros[c.Name] += c.zeros
			c.zeros = 0
		}
	}
	if !r.yield(b.take(), nil) {
		return errStopped
	}
	return nil
}

// key returns the values of the split's order in a row, for the row to be found again.
func (s *split) key(row []byte, fields []field) ([]value, error) {
	values, err := binaryRow(row, fields)
	if err != nil {
		return nil, err
	}
	selected := s.selected()
	key := make([]value, len(s.order))
	for i, o := range s.order {
		at := slices.IndexFunc(selected, func(c column) bool { return c.Name == o.Name })
		key[i] = values[at].clone()
	}
	return key, nil
}

// apply tells the columns what they must refuse.
func (r *reader) apply(b *batch) {
	cursor := r.split.table.schema.Cursor
	for i := range b.cols {
		c := &b.cols[i]
		c.refuseZero = r.source.config.ZeroDates == ZeroDatesError
		if cursor != nil && cursor.Index == i && r.source.pipeline.Mode != tidemark.ModeReplace {
			c.cursor = true
			c.refuseNull = r.source.pipeline.Nulls == tidemark.NullsError
		}
	}
}

// report tells how many dates became NULL.
func (r *reader) report() {
	for name, count := range r.zeros {
		r.source.notice("column %q: %d dates that do not exist, such as 0000-00-00, became NULL", name, count)
	}
}

// gone turns the error for a table, column or index that is there no more into ErrRestart: the schema is read again, and
// says what is missing if it still is.
func gone(err error) error {
	switch codeOf(err) {
	case codeNoTable, codeNoColumn, codeNoIndex:
		return fmt.Errorf("%w: the table has changed: %w", tidemark.ErrRestart, err)
	default:
		return err
	}
}

// locate adds to an error which row it is about.
func (r *reader) locate(err error, row []byte, fields []field, before int64) error {
	var bad *badValue
	if !errors.As(err, &bad) {
		return err
	}
	values, cut := binaryRow(row, fields)
	var parts []string
	for _, key := range r.split.table.schema.Key {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if cut == nil && at >= 0 {
			parts = append(parts, fmt.Sprintf("%s = %s", key, values[at]))
		}
	}
	if len(parts) == 0 || len(parts) < len(r.split.table.schema.Key) {
		return fmt.Errorf("row %d of the result: %w", before+1, err)
	}
	return fmt.Errorf("row with %s: %w", strings.Join(parts, ", "), err)
}
