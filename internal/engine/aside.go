package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// An aside keeps the rows of an attempt that checks set aside, as the source has them, in a temporary file: so many rows
// take no more memory than a batch. The file has no name, so that a killed run leaves none. Several splits may use it at
// once.
type aside struct {
	pipeline tidemark.PipelineID
	run      tidemark.RunID
	dir      string

	mu     sync.Mutex
	file   *os.File // nil before the first row
	sum    hash.Hash
	writer *ipc.Writer
	rows   int64
	steps  []tidemark.CheckResult // what steps have found
}

// The columns of a rejected row behind those of the source.
const rejectedPrefix = "_rejected_"

var rejectedFields = []arrow.Field{
	{Name: rejectedPrefix + "id", Type: arrow.BinaryTypes.String},
	{Name: rejectedPrefix + "pipeline", Type: arrow.BinaryTypes.String},
	{Name: rejectedPrefix + "run", Type: arrow.BinaryTypes.String},
	{Name: rejectedPrefix + "at", Type: arrow.FixedWidthTypes.Timestamp_us},
	{Name: rejectedPrefix + "check", Type: arrow.BinaryTypes.String},
	{Name: rejectedPrefix + "reason", Type: arrow.BinaryTypes.String},
}

// checkAside refuses what rows cannot be set aside of.
func (l *landing) checkAside(p tidemark.Pipeline, s *tidemark.Schema) error {
	if !l.quarantines() {
		return nil
	}
	if !l.Shape().Keeps() {
		return tidemark.WithHint(fmt.Errorf("pipeline %s: the transforms do not make one row of each, so that it cannot be told which row of the source fails: %w", p.ID, tidemark.ErrInvalid),
			"use on_fail: stop or warn, or let a sql step leave such rows out")
	}
	for _, c := range s.Columns {
		if strings.HasPrefix(strings.ToLower(c.Name), rejectedPrefix) {
			return tidemark.WithHint(fmt.Errorf("pipeline %s: column %q of the source has a name that rejected rows have for themselves: %w", p.ID, c.Name, tidemark.ErrInvalid),
				"use on_fail: stop or warn")
		}
	}
	return nil
}

// add takes over rows of the source with what is wrong with each.
func (a *aside) add(rows arrow.RecordBatch, rejects []tidemark.Reject) error {
	defer rows.Release()
	a.mu.Lock()
	defer a.mu.Unlock()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(rejectedFields, nil))
	defer b.Release()
	at := arrow.Timestamp(time.Now().UnixMicro())
	for _, r := range rejects {
		a.rows++
		for i, value := range []any{rejectedID(a.run, a.rows), string(a.pipeline), string(a.run), at, r.Check, r.Reason} {
			switch value := value.(type) {
			case arrow.Timestamp:
				b.Field(i).(*array.TimestampBuilder).Append(value)
			case string:
				b.Field(i).(*array.StringBuilder).Append(value)
			}
		}
	}
	said := b.NewRecordBatch()
	defer said.Release()
	whole := array.NewRecordBatch(rejectedSchema(rows.Schema()), append(append([]arrow.Array{}, rows.Columns()...), said.Columns()...), rows.NumRows())
	defer whole.Release()
	if a.writer == nil {
		if err := a.open(whole.Schema()); err != nil {
			return err
		}
	}
	if err := a.writer.Write(whole); err != nil {
		return fmt.Errorf("set rows aside: %w", err)
	}
	return nil
}

// note counts rows that a step has marked.
func (a *aside) note(rejects []tidemark.Reject) {
	if len(rejects) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range rejects {
		at := slices.IndexFunc(a.steps, func(c tidemark.CheckResult) bool { return c.Check == r.Check })
		if at < 0 {
			at = len(a.steps)
			a.steps = append(a.steps, tidemark.CheckResult{Check: r.Check, OnFail: tidemark.OnFailQuarantine, Detail: r.Reason})
		}
		a.steps[at].Failed++
	}
}

// found returns what steps have found.
func (a *aside) found() []tidemark.CheckResult {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.SortFunc(a.steps, func(x, y tidemark.CheckResult) int { return strings.Compare(x.Check, y.Check) })
	return a.steps
}

// rejectedSchema is that of the rejected rows of a source. Any column may be NULL, whatever becomes of the source's.
func rejectedSchema(source *arrow.Schema) *arrow.Schema {
	var fields []arrow.Field
	for _, f := range source.Fields() {
		f.Nullable = true
		fields = append(fields, f)
	}
	metadata := source.Metadata()
	return arrow.NewSchema(append(fields, rejectedFields...), &metadata)
}

func (a *aside) open(schema *arrow.Schema) error {
	file, err := os.CreateTemp(a.dir, "rejected-")
	if err != nil {
		return fmt.Errorf("set rows aside: %w", err)
	}
	_ = os.Remove(file.Name()) // it stays until it is closed
	a.file, a.sum = file, sha256.New()
	a.writer = ipc.NewWriter(io.MultiWriter(file, a.sum), ipc.WithSchema(schema), ipc.WithZstd())
	return nil
}

// store puts the rows into a side file, and returns what the commit says of them.
func (a *aside) store(ctx context.Context, side tidemark.SideFiles, name string) (tidemark.Rejected, error) {
	if err := a.writer.Close(); err != nil {
		return tidemark.Rejected{}, fmt.Errorf("set rows aside: %w", err)
	}
	size, err := a.file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = a.file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = side.Put(ctx, name, a.file, size)
	}
	if err != nil {
		return tidemark.Rejected{}, fmt.Errorf("store the rejected rows in side file %s: %w", name, err)
	}
	return tidemark.Rejected{Run: a.run, Name: name, Rows: a.rows, Bytes: size, Checksum: hex.EncodeToString(a.sum.Sum(nil))}, nil
}

func (a *aside) close() error {
	if a == nil || a.file == nil {
		return nil
	}
	return a.file.Close()
}
