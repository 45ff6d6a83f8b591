package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// taken are rejected rows by their ids: the run that set them aside, and their numbers in it. It takes a bit for each.
type taken map[tidemark.RunID]tidemark.RowSet

// rejectedID is the id of the nth row that a run has set aside.
func rejectedID(run tidemark.RunID, n int64) string { return fmt.Sprintf("%s-%d", run, n) }

func parseRejectedID(id string) (run tidemark.RunID, n int64, err error) {
	before, behind, _ := strings.Cut(id, "-")
	n, err = strconv.ParseInt(behind, 10, 64)
	if err != nil || n < 1 {
		return "", 0, fmt.Errorf("a rejected row has the id %q: %w", id, tidemark.ErrInvalid)
	}
	return tidemark.RunID(before), n, nil
}

func (t taken) add(id string) error {
	run, n, err := parseRejectedID(id)
	if err != nil {
		return err
	}
	rows := t[run]
	rows.Add(n)
	t[run] = rows
	return nil
}

func (t taken) has(id string) (bool, error) {
	run, n, err := parseRejectedID(id)
	return err == nil && t[run].Has(n), err
}

func (t taken) len() (n int64) {
	for _, rows := range t {
		n += rows.Len()
	}
	return n
}

// store puts the ids into a side file, and returns what the commit of that run says of them.
func (t taken) store(ctx context.Context, side tidemark.SideFiles, name string, run tidemark.RunID) (tidemark.Rejected, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return tidemark.Rejected{}, err
	}
	if err := side.Put(ctx, name, bytes.NewReader(data), int64(len(data))); err != nil {
		return tidemark.Rejected{}, fmt.Errorf("store the ids of replayed rows in side file %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return tidemark.Rejected{Run: run, Taken: true, Name: name, Rows: t.len(), Bytes: int64(len(data)), Checksum: hex.EncodeToString(sum[:])}, nil
}

// remove takes the rows that the side file names out of the table. Rows that are not there any more were taken out before.
func (c *completion) remove(ctx context.Context) error {
	file, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	defer file.Close()
	ids := taken{}
	data, err := io.ReadAll(file)
	if err == nil {
		err = json.Unmarshal(data, &ids)
	}
	if err != nil {
		return c.damaged(err)
	}
	w := c.next()
	w.Rows, w.Total = 0, max(0, c.base.Total-c.todo.Rows)
	commit := tidemark.Commit{Base: c.base, Watermark: w, KeepRows: true}
	table, err := c.RejectedRows(ctx)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil // it was dropped, and the rows with it
	}
	if err != nil {
		return err
	}
	defer table.Close()
	places, err := ids.places(ctx, table)
	if err != nil {
		return err
	}
	if len(places) > 0 {
		if err := c.Rejected.Prepare(ctx, tableOf(table.Schema(), c.origin)); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		if commit.Files, err = takeOut(ctx, c.p, c.Rejected, w.Run, places); err != nil {
			return err
		}
		commit.Replaces = slices.Sorted(maps.Keys(places))
	}
	return c.written(ctx, commit)
}

// places finds the rows in a table.
func (t taken) places(ctx context.Context, table Table) (tidemark.Places, error) {
	places := tidemark.Places{}
	for b, err := range table.Rows(ctx, []string{rejectedPrefix + "id"}) {
		if err != nil {
			return nil, err
		}
		err := t.find(b, places)
		b.Release()
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

func (t taken) find(b *tidemark.LakeRows, places tidemark.Places) error {
	ids, ok := b.Column(0).(*array.String)
	if !ok {
		return fmt.Errorf("column %sid is %s: %w", rejectedPrefix, b.Column(0).DataType(), tidemark.ErrInvalid)
	}
	for row := range ids.Len() {
		is, err := t.has(ids.Value(row))
		if err != nil {
			return err
		}
		if is {
			places.Add(b.File, b.Place(row))
		}
	}
	return nil
}
