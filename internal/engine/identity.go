package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// mergeKey returns the columns by which a merge knows a row; nil in the other modes.
func mergeKey(p tidemark.Pipeline, s *tidemark.Schema) []string {
	if p.Mode != tidemark.ModeMerge {
		return nil
	}
	if len(p.Key) > 0 {
		return p.Key
	}
	return s.Key
}

// Rightful checks that a pipeline may go on from base, its watermark, or begin in its table, as each run does before it
// reads. The notices say what its owner should know of the change since then. It only reads.
//
// s is what lands in the table.
func Rightful(ctx context.Context, p tidemark.Pipeline, target tidemark.Target, s *tidemark.Schema, base tidemark.Watermark) (notices []string, err error) {
	if err := markable(p, s); err != nil {
		return nil, err
	}
	if err := mergeable(p, s); err != nil {
		return nil, err
	}
	if base.Seq == 0 {
		return nil, loadedBefore(ctx, p, target, s)
	}
	return reselected(base, p), sameSource(base, s, p)
}

// markable refuses a source that has the column in which deleted rows are to be marked.
func markable(p tidemark.Pipeline, s *tidemark.Schema) error {
	taken := slices.ContainsFunc(s.Columns, func(c tidemark.Column) bool { return strings.EqualFold(c.Name, p.MarkColumn) })
	if p.MarkColumn == "" || !taken {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("mark_column %q of pipeline %s is a column of the source: %w", p.MarkColumn, p.ID, tidemark.ErrInvalid),
		"choose a name that the table does not have")
}

// mergeable refuses a key that transforms have made: that no two rows share it only the source can promise.
func mergeable(p tidemark.Pipeline, s *tidemark.Schema) error {
	if p.Mode != tidemark.ModeMerge || p.Transforms == "" {
		return nil
	}
	key := mergeKey(p, s)
	if len(key) == 0 {
		return tidemark.WithHint(fmt.Errorf("the primary key of pipeline %s does not come through the transforms: %w", p.ID, tidemark.ErrInvalid),
			"let the steps keep its columns, or use append")
	}
	for _, name := range key {
		if c, ok := s.Column(name); !ok || c.Computed {
			return tidemark.WithHint(fmt.Errorf("key column %q of pipeline %s is not a column of the source that comes through the transforms: %w", name, p.ID, tidemark.ErrInvalid),
				"key names columns of the lake whose values are those of source columns")
		}
	}
	if !s.IsUnique(key) {
		return tidemark.WithHint(fmt.Errorf("the key (%s) of pipeline %s is not unique behind the transforms: %w", strings.Join(key, ", "), p.ID, tidemark.ErrInvalid),
			"a cast can make two values one, as that of a time to a date: leave the key's columns as they are")
	}
	return nil
}

// selection is what a pipeline reads of its table.
func selection(p tidemark.Pipeline) *tidemark.Selection {
	return &tidemark.Selection{Where: strings.TrimSpace(p.Where), Columns: p.Columns, Transforms: p.Transforms}
}

// reselected tells what another selection than that of the last commit does not do: it changes nothing about the rows
// below settled, which are not read again.
func reselected(base tidemark.Watermark, p tidemark.Pipeline) (notices []string) {
	if base.Selection == nil || p.Mode == tidemark.ModeReplace {
		return nil
	}
	was, is := *base.Selection, *selection(p)
	if was.Where != is.Where {
		notices = append(notices, fmt.Sprintf("where was %s in commit %d and is %s now: loaded rows that it keeps out stay as they are, and "+
			"older rows that it lets in come only when they change", orUnset(was.Where), base.Seq, orUnset(is.Where)))
	}
	if !sameNames(was.Columns, is.Columns) {
		notices = append(notices, fmt.Sprintf("columns were %s in commit %d and are %s now: loaded rows get another column's value only when they change",
			orUnset(strings.Join(was.Columns, ", ")), base.Seq, orUnset(strings.Join(is.Columns, ", "))))
	}
	if was.Transforms != is.Transforms {
		notices = append(notices, fmt.Sprintf("the transforms are not those of commit %d: rows that it and earlier ones loaded stay as they are until they change", base.Seq))
	}
	return notices
}

func orUnset(text string) string {
	if text == "" {
		return "not set"
	}
	return fmt.Sprintf("%q", text)
}

// sameNames compares lists of columns as the server does: whatever the order and the case.
func sameNames(a, b []string) bool {
	fold := func(names []string) []string {
		folded := make([]string, len(names))
		for i, name := range names {
			folded[i] = strings.ToLower(name)
		}
		return slices.Sorted(slices.Values(folded))
	}
	return slices.Equal(fold(a), fold(b))
}

// sameSource checks that the watermark was taken from what the pipeline reads now. A watermark of another server,
// table, cursor, mode or key says nothing about this one, and going on from it would lose or double rows.
func sameSource(w tidemark.Watermark, s *tidemark.Schema, p tidemark.Pipeline) error {
	var differs []string
	compare := func(what, loaded, now string) {
		if loaded != now {
			differs = append(differs, fmt.Sprintf("%s was %q and is %q", what, loaded, now))
		}
	}
	compare("server", w.Origin.Server, s.Origin.Server)
	compare("table", w.Origin.Table, s.Origin.Table)
	compare("mode", string(w.Mode), string(p.Mode))
	if key := mergeKey(p, s); !slices.Equal(w.Key, key) {
		compare("key", strings.Join(w.Key, ", "), strings.Join(key, ", "))
	}
	if s.Cursor != nil && p.Mode != tidemark.ModeReplace {
		compare("cursor", w.Cursor, s.Cursor.Column)
		if !w.High.IsZero() && w.High.Kind() != s.Cursor.Kind {
			compare("kind of cursor", w.High.Kind().String(), s.Cursor.Kind.String())
		}
	}
	if len(differs) == 0 {
		return nil
	}
	return tidemark.WithHint(
		fmt.Errorf("commit %d of pipeline %s was loaded from something else: %s: %w", w.Seq, p.ID, strings.Join(differs, "; "), tidemark.ErrInvalid),
		fmt.Sprintf("undo the change, give the pipeline another name and target, or, if the rows are the same, `tidemark watermark adopt %[1]s %[1]s`", p.ID))
}
