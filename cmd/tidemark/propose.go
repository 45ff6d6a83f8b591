package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A candidate is a column that could be the cursor.
type candidate struct {
	name      string
	kind      tidemark.CursorKind
	serverSet bool // by DEFAULT and ON UPDATE CURRENT_TIMESTAMP, or AUTO_INCREMENT
	indexed   bool
	nullable  bool
}

// A tableFacts is what init knows of a table.
type tableFacts struct {
	name       tidemark.TableName
	key        []string // the primary key
	candidates []candidate
}

// A proposal is how init would load a table, and why.
type proposal struct {
	Table  tidemark.TableName `json:"table"`
	Cursor string             `json:"cursor,omitempty"` // "" for mode replace
	Mode   tidemark.Mode      `json:"mode"`
	Reason string             `json:"reason"`

	key []string
}

// changeName matches the names that people give to the time of the newest change.
var changeName = regexp.MustCompile(`(?i)(^|_)(last_?)?(update|updated|modified|modification|changed|change|mtime|touched)(_?(at|on|time|ts|date|datetime|timestamp|dt))?$|(updated|modified|changed)_?(at|on|time)$`)

// propose chooses cursor and mode: a time that the server sets at each change; else one that is named so; else the
// AUTO_INCREMENT, which sees new rows alone; else the whole table each time.
func propose(t tableFacts, format tidemark.Format) proposal {
	best, rank := candidate{}, 0
	for _, c := range t.candidates {
		if r := c.rank(); r > rank {
			best, rank = c, r
		}
	}
	p := proposal{Table: t.name, Cursor: best.name, Mode: tidemark.ModeAppend, key: t.key}
	switch {
	case rank == 0:
		p.Mode, p.Reason = tidemark.ModeReplace, "no column tells what has changed: the whole table is loaded in each run"
		return p
	case best.kind == tidemark.CursorInteger:
		p.Reason = fmt.Sprintf("%s is AUTO_INCREMENT: new rows are found, later changes of a row are not", best.name)
	case best.serverSet:
		p.Reason = fmt.Sprintf("the server sets %s at each change", best.name)
	default:
		p.Reason = fmt.Sprintf("%s is named like the time of a change; applications set it, so see that each does at each change", best.name)
	}
	if !best.indexed {
		p.Reason += "; it has no index, so that each run scans the table"
	}
	if best.kind != tidemark.CursorInteger {
		switch {
		case len(t.key) == 0:
			p.Reason += "; every version of a row stays, because there is no primary key to merge by"
		case format == tidemark.FormatParquet:
			p.Reason += "; every version of a row stays, because a folder of Parquet files cannot be merged into"
		default:
			p.Mode = tidemark.ModeMerge
			p.Reason += "; the newest version by primary key stays"
		}
	}
	return p
}

// rank orders candidates: 0 is none.
func (c candidate) rank() int {
	rank := 0
	switch temporal := c.kind == tidemark.CursorDatetime || c.kind == tidemark.CursorTimestamp; {
	case temporal && c.serverSet:
		rank = 40
	case temporal && changeName.MatchString(c.name):
		rank = 30
	case c.kind == tidemark.CursorInteger && c.serverSet:
		return 20
	default:
		return 0
	}
	if changeName.MatchString(c.name) {
		rank += 4
	}
	if c.indexed {
		rank += 2
	}
	if !c.nullable {
		rank++
	}
	return rank
}

// A bundle is the proposals that one pipeline of the config can hold.
type bundle struct {
	mode    tidemark.Mode
	cursors []string
	members []proposal
}

// bundles groups proposals by mode, so that many tables make few pipelines. A table for which an earlier cursor of
// its bundle's list would be chosen instead of its own gets a bundle of its own.
func bundles(all []proposal, columns map[tidemark.TableName][]string) []bundle {
	var list []bundle
	for _, p := range all {
		i := slices.IndexFunc(list, func(b bundle) bool { return b.takes(p, columns) })
		if i < 0 {
			list = append(list, bundle{mode: p.Mode})
			i = len(list) - 1
		}
		b := &list[i]
		b.members = append(b.members, p)
		if p.Cursor != "" && !slices.Contains(b.cursors, p.Cursor) {
			b.cursors = append(b.cursors, p.Cursor)
		}
	}
	slices.SortStableFunc(list, func(a, b bundle) int { return len(b.members) - len(a.members) })
	return list
}

// takes reports whether p and all members would still get their own cursor if p became one.
func (b bundle) takes(p proposal, columns map[tidemark.TableName][]string) bool {
	if b.mode != p.Mode {
		return false
	}
	cursors := b.cursors
	if !slices.Contains(cursors, p.Cursor) {
		cursors = append(slices.Clone(cursors), p.Cursor)
	}
	for _, m := range append(slices.Clone(b.members), p) {
		first := slices.IndexFunc(cursors, func(c string) bool {
			return slices.ContainsFunc(columns[m.Table], func(name string) bool { return strings.EqualFold(name, c) })
		})
		if m.Cursor != "" && (first < 0 || cursors[first] != m.Cursor) {
			return false
		}
	}
	return true
}
