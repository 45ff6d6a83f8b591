package iceberg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A place is where the newest metadata file of a table lies, as a list of the tables tells.
type place struct {
	id       tidemark.TableID
	metadata string
	size     int64 // of the file, in bytes; -1 where the list does not tell
}

// Metadata returns the newest metadata file of a table as it is, and where it lies, without looking further. A table that
// is not there, or that is being dropped, is tidemark.ErrNotFound.
func (l *Lake) Metadata(ctx context.Context, id tidemark.TableID) (location string, metadata []byte, err error) {
	missing := fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	if checkID(id) != nil {
		return "", nil, missing // no table has such a name
	}
	location, metadata, err = l.tables.heads.load(ctx, id)
	if err != nil {
		return "", nil, fmt.Errorf("load table %s: %w", id, kindOf(err))
	}
	if isMark(metadata) {
		return "", nil, missing
	}
	return location, metadata, nil
}

// isMark reports whether a metadata file bears the mark of a drop.
func isMark(metadata []byte) bool {
	if !bytes.Contains(metadata, []byte(droppedKey)) {
		return false
	}
	var head struct {
		Properties map[string]string `json:"properties"`
	}
	return json.Unmarshal(metadata, &head) == nil && head.Properties[droppedKey] != ""
}

// marks remembers of metadata files, by where they lie, whether they are the mark of a drop, so that a list of the tables
// reads only those that are new. A file of the folder catalog may come again under its name when a table is made anew; its
// size is a part of what is remembered, and the mark is never the first version.
type marks struct {
	mu    sync.Mutex
	known map[place]bool
}

// maxMark is the size in bytes up to which a metadata file may be the mark of a drop: that has no snapshots, and a table
// in use has soon so many that its file is larger, and need not be read.
const maxMark = 64 << 10

// Living returns the tables as Tables does, but those that are being dropped.
func (l *Lake) Living(ctx context.Context) ([]tidemark.TableID, error) {
	places, err := l.tables.heads.list(ctx)
	if err != nil {
		return nil, err
	}
	dropped := make([]bool, len(places))
	l.marks.mu.Lock()
	before := l.marks.known
	l.marks.mu.Unlock()
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(parallelMarks)
	for i, p := range places {
		if known, ok := before[p]; ok {
			dropped[i] = known
			continue
		}
		g.Go(func() (err error) {
			dropped[i], err = l.isMarkAt(each, p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	now := make(map[place]bool, len(places))
	var living []tidemark.TableID
	for i, p := range places {
		now[p] = dropped[i]
		if !dropped[i] && checkID(p.id) == nil {
			living = append(living, p.id)
		}
	}
	l.marks.mu.Lock()
	l.marks.known = now // it is not changed any more
	l.marks.mu.Unlock()
	sortTables(living)
	return living, nil
}

// parallelMarks is how many metadata files are read at once.
const parallelMarks = 32

func (l *Lake) isMarkAt(ctx context.Context, p place) (bool, error) {
	key, err := l.root.key(p.metadata)
	size, data := p.size, []byte(nil)
	if err == nil && size < 0 {
		var object blob.Object
		object, err = l.store.Stat(ctx, key)
		size = object.Size
	}
	if err == nil && size <= maxMark {
		data, err = read(ctx, l.store, key)
	}
	switch {
	case errors.Is(err, tidemark.ErrNotFound): // it was overtaken, or the drop has come to its end, meanwhile
		return false, nil
	case errors.Is(err, tidemark.ErrInvalid): // it lies outside the lake
		return false, nil
	}
	return isMark(data), err
}
