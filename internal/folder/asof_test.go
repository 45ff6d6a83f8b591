package folder_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

func rowsAsOf(t *testing.T, store folder.Store, p tidemark.Pipeline, v tidemark.Version) (rows int64, s *tidemark.Snapshot, err error) {
	t.Helper()
	if s, err = folder.NewCatalog(store).SnapshotAsOf(t.Context(), p.Target, v); err != nil {
		return 0, nil, err
	}
	for _, f := range s.Data {
		rows += f.Rows
	}
	return rows, s, nil
}

// TestSnapshotAsOf: a folder can be read as of each commit on which it stands.
func TestSnapshotAsOf(t *testing.T) {
	store := openFile(t)
	p := targettest.Pipeline("p", tidemark.ModeAppend)
	if _, _, err := rowsAsOf(t, store, p, tidemark.Version{Name: "1"}); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("of a table that is not there: %v", err)
	}
	lake := lakeOn(store)
	load(t, lake, p, 1, 2)
	load(t, lake, p, 3)
	load(t, lake, p, 4, 5, 6)
	check := func(v tidemark.Version, want int64) (at time.Time) {
		t.Helper()
		got, s, err := rowsAsOf(t, store, p, v)
		if err != nil || got != want {
			t.Fatalf("as of %s: %d rows, %v; want %d", v, got, err, want)
		}
		return s.At
	}
	for name, want := range map[string]int64{"1": 2, "2": 3, "3": 6, string(p.ID) + ":2": 3} {
		at := check(tidemark.Version{Name: name}, want)
		check(tidemark.Version{At: at}, want)
	}
	for _, v := range []tidemark.Version{{Name: "4"}, {Name: "0"}, {Name: "other:1"}, {Name: "x"}, {At: time.Unix(0, 0)}} {
		if _, _, err := rowsAsOf(t, store, p, v); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "commit 3 of ") {
			t.Errorf("as of %s: %v (%s)", v, err, tidemark.Hint(err))
		}
	}
	if err := goBack(t, lake.Target(p), p, 1); err != nil {
		t.Fatal(err)
	}
	check(tidemark.Version{Name: "4"}, 2)
	check(tidemark.Version{Name: "1"}, 2)
	_, _, err := rowsAsOf(t, store, p, tidemark.Version{Name: "3"})
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "taken back since, and are deleted") || !strings.Contains(tidemark.Hint(err), "commit 4 of ") || strings.Contains(tidemark.Hint(err), "commit 3 of ") {
		t.Errorf("what was taken back: %v (%s)", err, tidemark.Hint(err))
	}
}

// TestSnapshotAsOfReplaced: what was replaced is gone.
func TestSnapshotAsOfReplaced(t *testing.T) {
	store := openFile(t)
	p := targettest.Pipeline("p", tidemark.ModeReplace)
	load(t, lakeOn(store), p, 1, 2)
	load(t, lakeOn(store), p, 3)
	if got, _, err := rowsAsOf(t, store, p, tidemark.Version{Name: "2"}); err != nil || got != 1 {
		t.Errorf("%d rows, %v", got, err)
	}
	_, _, err := rowsAsOf(t, store, p, tidemark.Version{Name: "1"})
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "format: iceberg") {
		t.Errorf("err = %v (%s)", err, tidemark.Hint(err))
	}
}
