package propose

import (
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Bundle is the proposals that one pipeline of the config can hold.
type Bundle struct {
	Mode    tidemark.Mode
	Cursors []string
	Members []Proposal
}

// Bundles groups proposals by mode, so that many tables make few pipelines. A table for which an earlier cursor of
// its bundle's list would be chosen instead of its own gets a bundle of its own.
func Bundles(all []Proposal, columns map[tidemark.TableName][]string) []Bundle {
	var list []Bundle
	for _, p := range all {
		i := slices.IndexFunc(list, func(b Bundle) bool { return b.takes(p, columns) })
		if i < 0 {
			list = append(list, Bundle{Mode: p.Mode})
			i = len(list) - 1
		}
		b := &list[i]
		b.Members = append(b.Members, p)
		if p.Cursor != "" && !slices.Contains(b.Cursors, p.Cursor) {
			b.Cursors = append(b.Cursors, p.Cursor)
		}
	}
	slices.SortStableFunc(list, func(a, b Bundle) int { return len(b.Members) - len(a.Members) })
	return list
}

// takes reports whether p and all members would still get their own cursor if p became one.
func (b Bundle) takes(p Proposal, columns map[tidemark.TableName][]string) bool {
	if b.Mode != p.Mode {
		return false
	}
	cursors := b.Cursors
	if !slices.Contains(cursors, p.Cursor) {
		cursors = append(slices.Clone(cursors), p.Cursor)
	}
	for _, m := range append(slices.Clone(b.Members), p) {
		first := slices.IndexFunc(cursors, func(c string) bool {
			return slices.ContainsFunc(columns[m.Table], func(name string) bool { return strings.EqualFold(name, c) })
		})
		if m.Cursor != "" && (first < 0 || cursors[first] != m.Cursor) {
			return false
		}
	}
	return true
}
