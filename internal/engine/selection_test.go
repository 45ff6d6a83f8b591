package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// Another where or other columns load nothing by themselves. Each run says so until it commits.
func TestSelectionChanges(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			p.Where, p.Columns = "id < 5", []string{"id", "ts"}
			source.insert(1, 2)
			want := func(r tidemark.RunResult, notices ...string) {
				t.Helper()
				if len(r.Notices) != len(notices) || slices.ContainsFunc(r.Notices, func(n string) bool {
					return !slices.ContainsFunc(notices, func(want string) bool { return strings.HasPrefix(n, want) })
				}) {
					t.Errorf("notices %q, want %q", r.Notices, notices)
				}
			}
			want(mustRun(t, store, p, source))
			p.Where, p.Columns = " id < 5\n", []string{"TS", "id"} // the same
			want(mustRun(t, store, p, source))

			p.Where = ""
			changed := `where was "id < 5" in commit 1 and is not set now: `
			want(mustRun(t, store, p, source), changed)
			p.Columns = []string{"id", "ts", "note"}
			want(mustRun(t, store, p, source), changed, `columns were "id, ts" in commit 1 and are "id, ts, note" now: `)
			source.insert(3)
			if r := mustRun(t, store, p, source); !r.Committed || len(r.Notices) != 2 {
				t.Errorf("the run that commits: %+v", r)
			}
			want(mustRun(t, store, p, source))
		})
	}
}

// A watermark that an older tidemark has written says nothing about the selection, and a table that is replaced is read
// anew in each run.
func TestSelectionUnknown(t *testing.T) {
	source := newTable()
	s, err := source.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	p.Where = "id < 5"
	base := tidemark.Watermark{Seq: 1, Origin: s.Origin, Cursor: s.Cursor.Column, Mode: p.Mode}
	if notices, err := engine.Rightful(t.Context(), p, nil, s, base); err != nil || notices != nil {
		t.Errorf("%q, %v", notices, err)
	}
	p.Mode, base.Mode, base.Selection = tidemark.ModeReplace, tidemark.ModeReplace, new(tidemark.Selection)
	if notices, err := engine.Rightful(t.Context(), p, nil, s, base); err != nil || notices != nil {
		t.Errorf("%q, %v", notices, err)
	}
}
