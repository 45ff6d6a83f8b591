package iceberg

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// A readCounter counts the objects that are read of a store.
type readCounter struct {
	Storage
	reads atomic.Int64
}

func (c *readCounter) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.reads.Add(1)
	return c.Storage.Get(ctx, key, offset, length)
}

// TestShown: the metadata file of a table comes as it is, and a table that is being dropped is not there for those who
// only read, while Tables still has it, so that the drop can be finished. A list reads no metadata file twice.
func TestShown(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		counter := &readCounter{Storage: o.Store}
		o.Store = counter
		l, other := open(t, o), open(t, o)
		id := pipeline("").Target
		living := func(want ...tidemark.TableID) {
			t.Helper()
			got, err := l.Living(t.Context())
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("Living: %v, (-want +got)\n%s", err, diff)
			}
		}
		missing := func(id tidemark.TableID) {
			t.Helper()
			if _, _, err := l.Metadata(t.Context(), id); !errors.Is(err, tidemark.ErrNotFound) {
				t.Errorf("Metadata of %s: %v, want ErrNotFound", id, err)
			}
		}
		living()
		missing(id)
		missing(tidemark.TableID{Namespace: "..", Name: "%1F"})

		kept := pipeline(tidemark.ModeAppend)
		kept.ID, kept.Target.Name = "kept", "kept"
		mustLoad(t, l.Target(kept, testLog(t)), rowsOf(0, 10, "a"))
		mustLoad(t, l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 10, "a"))
		living(kept.Target, id)
		before := counter.reads.Load()
		living(kept.Target, id)
		if n := counter.reads.Load() - before; n != 0 {
			t.Errorf("the second list read %d objects, want none", n)
		}
		location, data, err := l.Metadata(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		tbl, err := l.load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if location != tbl.MetadataLocation() {
			t.Errorf("metadata at %s, want %s", location, tbl.MetadataLocation())
		}
		if m, err := table.ParseMetadataBytes(data); err != nil || m.CurrentSnapshot().SnapshotID != tbl.CurrentSnapshot().SnapshotID {
			t.Errorf("metadata of another snapshot, %v", err)
		}

		stopped := errors.New("stopped")
		if err := other.Drop(t.Context(), planDrop(t, other), func() error { return stopped }); !errors.Is(err, stopped) {
			t.Fatal(err)
		}
		living(kept.Target)
		living(kept.Target)
		missing(id)
		if all, err := l.Tables(t.Context()); err != nil || len(all) != 2 {
			t.Errorf("Tables: %v, %v, want both", all, err)
		}
		if err := other.Drop(t.Context(), planDrop(t, other), nothing); err != nil {
			t.Fatal(err)
		}
		mustLoad(t, l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "a"))
		living(kept.Target, id)
		if _, _, err := l.Metadata(t.Context(), id); err != nil {
			t.Errorf("of a table that was made anew: %v", err)
		}
	})
}

// TestIsMark: that a word of the mark occurs in a table's metadata, as in a comment, makes it no mark.
func TestIsMark(t *testing.T) {
	for text, want := range map[string]bool{
		`{"properties":{"` + droppedKey + `":"{}"}}`:                            true,
		`{"properties":{"` + droppedKey + `":""}}`:                              false,
		`{"properties":{"comment":"what is ` + droppedKey + `?"}}`:              false,
		`{"schemas":[{"doc":"` + droppedKey + `"}],"properties":{"a":"` + `"}}`: false,
		`{`: false,
	} {
		if got := isMark([]byte(text)); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}
