package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A TrailFolder keeps the events of a pipeline under _tidemark/<pipeline>/audit/. It is a tidemark.Trail.
//
//	<commit, 20 digits>-<run>.json       the event, put before its commit
//	<commit, 20 digits>-<run>.end.json   {"outcome": …}, put behind it; a killed process leaves none
//
// Each is put under the condition that it is not there.
type TrailFolder struct {
	store  Store
	folder string
}

var _ tidemark.Trail = TrailFolder{}

// NewTrailFolder returns the events of a pipeline in a lake.
func NewTrailFolder(lake Store, id tidemark.PipelineID) TrailFolder {
	return TrailFolder{store: lake, folder: "_tidemark/" + string(id) + "/audit/"}
}

func (t TrailFolder) key(e tidemark.Event) string {
	return fmt.Sprintf("%s%020d-%s", t.folder, e.Commit, e.Run)
}

const eventEnd = ".end.json"

type ending struct {
	Outcome tidemark.Outcome `json:"outcome"`
}

// Begin implements tidemark.Trail.
func (t TrailFolder) Begin(ctx context.Context, e tidemark.Event) error {
	e.Version, e.Outcome = tidemark.EventVersion, ""
	return t.put(ctx, t.key(e)+".json", e)
}

// End implements tidemark.Trail.
func (t TrailFolder) End(ctx context.Context, e tidemark.Event, o tidemark.Outcome) error {
	return t.put(ctx, t.key(e)+eventEnd, ending{o})
}

// put stores v. The run in the key is new for each event, so what is there already was put by an earlier try, whose
// answer was lost.
func (t TrailFolder) put(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	err = t.store.Put(ctx, key, append(data, '\n'), PutOptions{IfAbsent: true})
	if err != nil && !errors.Is(err, ErrExist) {
		return fmt.Errorf("write to the audit trail: %w", err)
	}
	return nil
}

// Events implements tidemark.Trail.
func (t TrailFolder) Events(ctx context.Context) ([]tidemark.Event, error) {
	var keys []string
	for o, err := range t.store.List(ctx, t.folder) {
		if err != nil {
			return nil, fmt.Errorf("list the audit trail: %w", err)
		}
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	var events []tidemark.Event
	for _, key := range keys {
		name, event := strings.CutSuffix(key, ".json")
		if !event || strings.HasSuffix(key, eventEnd) {
			continue
		}
		e, err := t.event(ctx, key)
		if err != nil {
			return nil, err
		}
		if _, ended := slices.BinarySearch(keys, name+eventEnd); ended {
			var end ending
			if err := t.read(ctx, name+eventEnd, &end); err != nil {
				return nil, err
			}
			e.Outcome = end.Outcome
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b tidemark.Event) int { return a.At.Compare(b.At) })
	return events, nil
}

func (t TrailFolder) event(ctx context.Context, key string) (e tidemark.Event, err error) {
	if err := t.read(ctx, key, &e); err != nil {
		return e, err
	}
	if e.Version < 1 || e.Version > tidemark.EventVersion {
		err = tidemark.WithHint(fmt.Errorf("audit trail, %s: version %d is not known: %w", key, e.Version, tidemark.ErrInvalid),
			"a newer tidemark wrote it: update this one")
	}
	return e, err
}

func (t TrailFolder) read(ctx context.Context, key string, v any) error {
	r, err := t.store.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("audit trail, %s: %w", key, err)
	}
	return nil
}
