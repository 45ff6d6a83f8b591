package iceberg

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// loadHead loads a table as load does, but without its history: of the snapshots only those that a branch or tag names.
// A table that gets a commit every few minutes has thousands, and reading them takes longer than a query. What it
// returns is for reading alone; a commit that stood on it would lose them.
func (l *Lake) loadHead(ctx context.Context, id tidemark.TableID) (*table.Table, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	location, data, err := l.tables.heads.load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", id, kindOf(err))
	}
	metadata, err := table.ParseMetadataBytes(withoutHistory(data))
	if err != nil {
		return nil, fmt.Errorf("load table %s: metadata file %s: %w: %w", id, location, tidemark.ErrInvalid, err)
	}
	t := table.New(identifier(id), metadata, location, l.tables.io, nil)
	if isDropped(t) {
		return nil, tidemark.BeingDropped(id)
	}
	return t, nil
}

// withoutHistory takes the logs out of a metadata file, and the snapshots that are neither current nor named by a
// branch or tag. What it does not understand it returns as it is.
func withoutHistory(data []byte) []byte {
	members, ok := elements(data)
	if !ok {
		return data
	}
	var kept [][]byte
	var snapshots []byte
	for _, m := range members {
		switch name, value, _ := bytes.Cut(m, []byte(":")); string(bytes.TrimSpace(name)) {
		case `"snapshots"`:
			snapshots = bytes.TrimSpace(value)
		case `"snapshot-log"`, `"metadata-log"`:
		default:
			kept = append(kept, m)
		}
	}
	if snapshots == nil {
		return data
	}
	ids, ok := namedSnapshots(join('{', kept, '}'))
	if !ok {
		return data
	}
	all, ok := elements(snapshots)
	if !ok {
		return data
	}
	var some [][]byte
	for _, s := range all {
		for _, id := range ids {
			if bytes.Contains(s, id) { // or its parent is: one too many does no harm
				some = append(some, s)
				break
			}
		}
	}
	kept = append(kept, append([]byte(`"snapshots":`), join('[', some, ']')...))
	return join('{', kept, '}')
}

// namedSnapshots returns the ids, as digits, of the snapshots that are current or named by a branch or tag.
func namedSnapshots(metadata []byte) (ids [][]byte, ok bool) {
	type ref struct {
		ID int64 `json:"snapshot-id"`
	}
	var head struct {
		Current *int64         `json:"current-snapshot-id"`
		Refs    map[string]ref `json:"refs"`
	}
	if err := json.Unmarshal(metadata, &head); err != nil {
		return nil, false
	}
	if head.Current != nil {
		ids = append(ids, strconv.AppendInt(nil, *head.Current, 10))
	}
	for _, r := range head.Refs {
		ids = append(ids, strconv.AppendInt(nil, r.ID, 10))
	}
	return ids, true
}

// elements splits a JSON array or object into its elements, an object's with their names. It does not look inside them:
// that is what makes it quick.
func elements(data []byte) (list [][]byte, ok bool) {
	data = bytes.TrimSpace(data)
	depth, begin := 0, 1
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			end := textEnd(data[i+1:])
			if end < 0 {
				return nil, false
			}
			i += end + 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth > 0 {
				continue
			}
			if last := bytes.TrimSpace(data[begin:i]); len(last) > 0 {
				list = append(list, last)
			}
			return list, depth == 0 && i == len(data)-1
		case ',':
			if depth == 1 {
				list, begin = append(list, bytes.TrimSpace(data[begin:i])), i+1
			}
		}
	}
	return nil, false
}

// textEnd returns where the quote is that ends a JSON string, -1 for nowhere.
func textEnd(data []byte) int {
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func join(open byte, elements [][]byte, end byte) []byte {
	return append(append([]byte{open}, bytes.Join(elements, []byte(","))...), end)
}
