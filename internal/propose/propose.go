// Package propose says how a table could be loaded, by what its source tells of it: with which cursor, in which mode, and why.
// It also writes that as YAML, the way people would.
package propose

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/tidemark-data/tidemark"
)

// Facts are what is known of a table.
type Facts struct {
	Table   tidemark.TableName
	Key     []string          // the primary key
	Unique  [][]string        // as in tidemark.Schema
	Cursors []tidemark.Cursor // all columns that could be one
}

// A Proposal is how a table could be loaded, and why.
type Proposal struct {
	Table  tidemark.TableName `json:"table"`
	Cursor string             `json:"cursor,omitempty"` // "" for mode replace
	Mode   tidemark.Mode      `json:"mode"`
	Reason string             `json:"reason"` // in one sentence

	Key     []string `json:"-"` // that a merge goes by: the primary key; nil in other modes
	Reasons Reasons  `json:"-"`
}

// Reasons are those of each part of a Proposal.
type Reasons struct{ Cursor, Key, Mode string }

// changeName matches the names that people give to the time of the newest change.
var changeName = regexp.MustCompile(`(?i)(^|_)(last_?)?(update|updated|modified|modification|changed|change|mtime|touched)(_?(at|on|time|ts|date|datetime|timestamp|dt))?$|(updated|modified|changed)_?(at|on|time)$`)

// For chooses cursor and mode: a time that the server sets at each change; else one that is named so; else the
// AUTO_INCREMENT, which sees new rows alone; else the whole table each time.
func For(t Facts, format tidemark.Format) Proposal {
	best, rank := tidemark.Cursor{}, 0
	for _, c := range t.Cursors {
		if r := t.rank(c); r > rank {
			best, rank = c, r
		}
	}
	p := Proposal{Table: t.Table, Cursor: best.Column, Mode: tidemark.ModeAppend}
	if rank == 0 {
		p.Mode = tidemark.ModeReplace
		p.Reasons = Reasons{"no column tells what has changed", "none is needed", "the whole table is loaded in each run"}
		p.Reason = p.Reasons.Cursor + ": " + p.Reasons.Mode
		return p
	}
	switch {
	case best.Kind == tidemark.CursorInteger:
		p.Reasons.Cursor = fmt.Sprintf("%s is AUTO_INCREMENT: new rows are found, later changes of a row are not", best.Column)
	case best.ServerSet:
		p.Reasons.Cursor = fmt.Sprintf("the server sets %s at each change", best.Column)
	default:
		p.Reasons.Cursor = fmt.Sprintf("%s is named like the time of a change; applications set it, so see that each does at each change", best.Column)
	}
	if !best.Indexed {
		p.Reasons.Cursor += "; it has no index, so that each run scans the table"
	}
	p.Reason = p.Reasons.Cursor
	p.chooseMode(t, format, best.Kind)
	return p
}

// chooseMode chooses between append and merge.
func (p *Proposal) chooseMode(t Facts, format tidemark.Format, kind tidemark.CursorKind) {
	p.Reasons.Key = "append asks for none"
	switch {
	case kind == tidemark.CursorInteger:
		p.Reasons.Mode = "rows are only ever added"
		return // the reason of the cursor has said it
	case len(t.Key) == 0:
		p.Reasons.Key, p.Reasons.Mode = "there is no primary key", "every version of a row stays, because there is no primary key to merge by"
	case format == tidemark.FormatParquet:
		p.Reasons.Mode = "every version of a row stays, because a folder of Parquet files cannot be merged into"
	default:
		p.Mode, p.Key = tidemark.ModeMerge, t.Key
		p.Reasons.Key, p.Reasons.Mode = "it is the primary key", "the newest version by primary key stays"
	}
	p.Reason += "; " + p.Reasons.Mode
}

// rank orders cursors: 0 is of one that is not proposed.
func (t Facts) rank(c tidemark.Cursor) int {
	rank := 0
	leads := func(key []string) bool { return key[0] == c.Column }
	switch temporal := c.Kind == tidemark.CursorDatetime || c.Kind == tidemark.CursorTimestamp; {
	case temporal && c.ServerSet:
		rank = 40
	case temporal && changeName.MatchString(c.Column):
		rank = 30
	case c.Kind == tidemark.CursorInteger && c.ServerSet && slices.ContainsFunc(t.Unique, leads):
		return 20
	default:
		return 0
	}
	if changeName.MatchString(c.Column) {
		rank += 4
	}
	if c.Indexed {
		rank += 2
	}
	if !c.Nullable {
		rank++
	}
	return rank
}
