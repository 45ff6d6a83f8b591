package blob_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// TestTrail: events come back as they were stored, none is ever replaced, and what a newer version wrote is refused.
func TestTrail(t *testing.T) {
	store := blob.NewMem()
	trail := blob.NewTrailFolder(store, "orders")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	events := []tidemark.Event{
		{
			Version: 1, Pipeline: "orders", Action: tidemark.ActionRewind, At: at, Who: "ada@host", Why: "a bad import", Commit: 9, Run: "r1",
			From:  tidemark.Position{Commit: 8, High: tidemark.IntegerValue(80), Settled: tidemark.IntegerValue(70), Total: 800},
			To:    tidemark.Position{Commit: 3, High: tidemark.IntegerValue(30), Total: 300},
			Taken: tidemark.FileCount{Files: 5, Rows: 500, Bytes: 5000},
		},
		{Version: 1, Pipeline: "orders", Action: tidemark.ActionSetWatermark, At: at.Add(time.Hour), Who: "ada@host", Commit: 9, Run: "r0"},
		{Version: 1, Pipeline: "orders", Action: tidemark.ActionAdopt, At: at.Add(2 * time.Hour), Who: "bob@host", Commit: 10, Run: "r2"},
	}
	for i, e := range events {
		for range 2 { // the second is a try whose first answer was lost
			if err := trail.Begin(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if outcome := []tidemark.Outcome{tidemark.OutcomeMade, tidemark.OutcomeNotMade, ""}[i]; outcome != "" {
			if err := trail.End(t.Context(), e, outcome); err != nil {
				t.Fatal(err)
			}
			events[i].Outcome = outcome
		}
	}
	if err := trail.End(t.Context(), events[0], tidemark.OutcomeNotMade); err != nil {
		t.Fatal(err)
	}
	got, err := trail.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events, got, cmp.Comparer(func(a, b tidemark.CursorValue) bool { return a == b })); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got, err := blob.NewTrailFolder(store, "order").Events(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("another pipeline has %+v, %v", got, err)
	}
	key := "_tidemark/orders/audit/00000000000000000011-r3.json"
	if err := store.Put(t.Context(), key, []byte(`{"v":2}`), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := trail.Events(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
		t.Errorf("an event of a newer version: %v", err)
	}
}
