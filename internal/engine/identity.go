package engine

import (
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
