package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// readIndexes reads the table's indexes, the primary key first.
func (t *table) readIndexes(ctx context.Context, c *conn) error {
	visible := "'YES'"
	switch {
	case c.server.family == familyDolt:
		if err := t.readPrimaryKey(ctx, c); err != nil {
			return err
		}
	case c.server.family == familyMySQL && c.server.atLeast(8, 0):
		visible = "IS_VISIBLE"
	case c.server.family == familyMariaDB && c.server.atLeast(10, 6):
		visible = "IF(IGNORED = 'YES', 'NO', 'YES')"
	}
	res, err := c.query(ctx, "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, NULLABLE, SUB_PART, COLLATION, INDEX_TYPE, "+visible+
		" FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX",
		t.name.Database, t.name.Name)
	if err != nil {
		return err
	}
	for _, r := range res.rows {
		if r[0].text != t.name.Name {
			continue
		}
		name := r[1].text
		if n := len(t.indexes); n == 0 || t.indexes[n-1].name != name {
			t.indexes = append(t.indexes, index{name: name, unique: r[3].text == "0", whole: true, usable: r[8].text == "YES"})
		}
		ix := &t.indexes[len(t.indexes)-1]
		ix.columns = append(ix.columns, r[2].text)
		if r[4].text == "YES" {
			ix.unique = false
		}
		if prefix := !r[5].null; prefix || r[2].null || r[6].text == "D" || r[7].text != "BTREE" {
			ix.whole = false
		}
		if !r[5].null || r[2].null {
			ix.unique = false // unique in a prefix or an expression says nothing about the columns' identity as a key
		}
	}
	return nil
}

// readPrimaryKey is for a server whose STATISTICS leave the primary key out. The order of its columns is not told; any
// order of them is a total one.
func (t *table) readPrimaryKey(ctx context.Context, c *conn) error {
	res, err := c.query(ctx, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? "+
		"AND COLUMN_KEY = 'PRI' ORDER BY ORDINAL_POSITION", t.name.Database, t.name.Name)
	if err != nil || len(res.rows) == 0 {
		return err
	}
	t.indexes = append(t.indexes, index{name: "PRIMARY", columns: texts(res), unique: true, whole: true, usable: true})
	return nil
}

func (t *table) primaryKey() []string {
	if len(t.indexes) > 0 && strings.EqualFold(t.indexes[0].name, "PRIMARY") {
		return t.indexes[0].columns
	}
	return nil
}

func (t *table) uniqueKeys() [][]string {
	var keys [][]string
	for _, ix := range t.indexes {
		if ix.unique {
			keys = append(keys, ix.columns)
		}
	}
	return keys
}

// indexOn returns a usable index that begins with these columns, the shortest one; nil when there is none.
func (t *table) indexOn(columns ...string) *index {
	var best *index
	for i := range t.indexes {
		ix := &t.indexes[i]
		if !ix.usable || !ix.whole || len(ix.columns) < len(columns) || !slices.EqualFunc(ix.columns[:len(columns)], columns, strings.EqualFold) {
			continue
		}
		if best == nil || len(ix.columns) < len(best.columns) {
			best = ix
		}
	}
	return best
}

// checkMode refuses what the pipeline's mode cannot do with this table.
func (t *table) checkMode(p tidemark.Pipeline) error {
	if p.Mode != tidemark.ModeReplace && t.schema.Cursor == nil {
		return tidemark.WithHint(fmt.Errorf("mode %s without a cursor: %w", p.Mode, tidemark.ErrInvalid),
			"name the column that grows with each change as the source's cursor, or set mode: replace")
	}
	if p.Mode != tidemark.ModeMerge {
		return nil
	}
	key := p.Key
	if len(key) == 0 {
		key = t.schema.Key
	}
	if len(key) == 0 {
		return tidemark.WithHint(fmt.Errorf("mode merge: table %s has no primary key: %w", t.name, tidemark.ErrInvalid),
			"name the columns of a unique key as the target's key, or set mode: append")
	}
	for _, name := range key {
		col := t.columnNamed(name)
		if col == nil {
			return t.noColumn(name)
		}
		if !slices.ContainsFunc(t.columns, func(c column) bool { return c.Name == col.Name }) {
			return tidemark.WithHint(fmt.Errorf("mode merge: key column %q is not read: %w", name, tidemark.ErrInvalid), "add it to the source's columns")
		}
		if col.dataType == "float" || col.dataType == "double" || col.dataType == "real" {
			return tidemark.WithHint(fmt.Errorf("mode merge: key column %q is %s, and such values are not compared exactly: %w", name, col.SourceType, tidemark.ErrInvalid),
				"use a key of integers, strings, decimals or dates, or set mode: append")
		}
	}
	if !t.isUnique(key) {
		return tidemark.WithHint(fmt.Errorf("mode merge: the server does not keep (%s) of table %s unique and NOT NULL: %w",
			strings.Join(key, ", "), t.name, tidemark.ErrInvalid), t.adviseKey())
	}
	return nil
}

func (t *table) isUnique(columns []string) bool {
	return slices.ContainsFunc(t.schema.Unique, func(key []string) bool { return sameColumns(key, columns) })
}

func sameColumns(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x string) bool {
		return !slices.ContainsFunc(b, func(y string) bool { return strings.EqualFold(x, y) })
	})
}

func (t *table) adviseKey() string {
	if len(t.schema.Unique) == 0 {
		return "the table has no unique key of NOT NULL columns: set mode: append"
	}
	var keys []string
	for _, key := range t.schema.Unique {
		keys = append(keys, "["+strings.Join(key, ", ")+"]")
	}
	return "unique keys of this table: " + strings.Join(keys, ", ")
}

// keyOrder returns the columns of the key that splits are cut along and continued behind: in ModeMerge the merge
// key, else the primary key. It must have an index whose order the server can compare with >, and so can we: enums
// sort by number but compare as text, prefixes and bits do not order whole values.
func (t *table) keyOrder(p tidemark.Pipeline) []column {
	key := t.schema.Key
	if p.Mode == tidemark.ModeMerge && len(p.Key) > 0 {
		key = p.Key
	}
	for _, ix := range t.indexes {
		if len(key) > 0 && ix.unique && ix.whole && ix.usable && sameColumns(ix.columns, key) {
			return t.ordered(ix.columns)
		}
	}
	return nil
}

func (t *table) ordered(names []string) []column {
	var order []column
	for _, name := range names {
		col := t.columnNamed(name)
		switch col.dataType {
		case "enum", "set", "bit", "float", "double", "real", "json", "vector", "uuid", "inet4", "inet6":
			return nil
		}
		order = append(order, *col)
	}
	return order
}

// orderIndex returns the name of the index that t.order comes from.
func (t *table) orderIndex() string {
	for _, ix := range t.indexes {
		if ix.unique && ix.whole && ix.usable && len(ix.columns) == len(t.order) &&
			slices.EqualFunc(ix.columns, t.order, func(name string, c column) bool { return name == c.Name }) {
			return ix.name
		}
	}
	return ""
}
