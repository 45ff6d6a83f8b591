// Package blobtest says in tests what a blob store must do, and injects the faults that a commit has to survive.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// Run tests a store against the contracts of blob.Store, blob.Stager and blob.Sweeper. open returns an empty store
// that is all three, a new one for each call.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s blob.Store)
	}{
		{"put and get", testPutGet},
		{"put if absent", testIfAbsent},
		{"one of many puts wins", testRace},
		{"ranges", testRanges},
		{"list", testList},
		{"delete", testDelete},
		{"keys", testKeys},
		{"cancelled", testCancelled},
		{"within", testWithin},
		{"probe", testProbe},
		{"staged", testStaged},
		{"staged in parts", testStagedParts},
		{"staged sizes", testStagedSizes},
		{"staged and aborted", testStagedAbort},
		{"staged and given up", testStagedDrop},
		{"staged many at once", testStagedMany},
		{"sweep", testSweep},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func testPutGet(t *testing.T, s blob.Store) {
	for _, data := range []string{"one", "two, longer", "", "3"} {
		put(t, s, "a/b/object", data)
		if got := get(t, s, "a/b/object"); got != data {
			t.Errorf("get = %q, want %q", got, data)
		}
		o, err := s.Stat(t.Context(), "a/b/object")
		if err != nil {
			t.Fatal(err)
		}
		if o.Key != "a/b/object" || o.Size != int64(len(data)) || o.Modified.IsZero() {
			t.Errorf("stat = %+v", o)
		}
	}
	for _, key := range []string{"nothing", "a/b/nothing", "a/b", "a", "a/b/object/below"} {
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("get %q: %v, want ErrNotFound", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("stat %q: %v, want ErrNotFound", key, err)
		}
	}
}

func testIfAbsent(t *testing.T, s blob.Store) {
	absent := blob.PutOptions{IfAbsent: true}
	if err := s.Put(t.Context(), "log/1", []byte("mine"), absent); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"theirs", "mine"} { // the same bytes are no excuse
		if err := s.Put(t.Context(), "log/1", []byte(data), absent); !errors.Is(err, blob.ErrExist) {
			t.Errorf("second put of %q: %v, want ErrExist", data, err)
		}
	}
	if got := get(t, s, "log/1"); got != "mine" {
		t.Errorf("get = %q after lost puts", got)
	}
	if err := s.Delete(t.Context(), "log/1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "log/1", []byte("new"), absent); err != nil {
		t.Errorf("put after delete: %v", err)
	}
}

func testRace(t *testing.T, s blob.Store) {
	const rounds, writers = 10, 8
	for round := range rounds {
		key := fmt.Sprintf("race/%d/commit", round)
		var wg sync.WaitGroup
		errs := make([]error, writers)
		start := make(chan struct{})
		for i := range writers {
			wg.Go(func() {
				<-start
				errs[i] = s.Put(t.Context(), key, fmt.Appendf(nil, "writer %d", i), blob.PutOptions{IfAbsent: true})
			})
		}
		close(start)
		wg.Wait()
		var winners []string
		for i, err := range errs {
			if err == nil {
				winners = append(winners, fmt.Sprintf("writer %d", i))
			} else if !errors.Is(err, blob.ErrExist) {
				t.Errorf("writer %d: %v, want ErrExist", i, err)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("round %d: %d winners, want 1", round, len(winners))
		}
		if got := get(t, s, key); got != winners[0] {
			t.Errorf("round %d: the object is by %q, the winner is %q", round, got, winners[0])
		}
	}
}

func testRanges(t *testing.T, s blob.Store) {
	const data = "0123456789"
	put(t, s, "digits", data)
	put(t, s, "empty", "")
	for _, test := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"digits", 0, -1, data},
		{"digits", 0, 4, "0123"},
		{"digits", 3, 4, "3456"},
		{"digits", 3, -1, "3456789"},
		{"digits", 9, 1, "9"},
		{"digits", 8, 100, "89"},
		{"digits", 0, 0, ""},
		{"digits", 10, -1, ""},
		{"digits", 10, 5, ""},
		{"digits", 99, 5, ""},
		{"empty", 0, -1, ""},
		{"empty", 0, 5, ""},
	} {
		r, err := s.Get(t.Context(), test.key, test.offset, test.length)
		if err != nil {
			t.Errorf("get %s [%d, +%d): %v", test.key, test.offset, test.length, err)
			continue
		}
		if got := readAll(t, r); got != test.want {
			t.Errorf("get %s [%d, +%d) = %q, want %q", test.key, test.offset, test.length, got, test.want)
		}
	}
	if _, err := s.Get(t.Context(), "digits", -1, 4); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("get from -1: %v, want ErrInvalid", err)
	}
	if _, err := s.Get(t.Context(), "nothing", 3, 0); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("get an empty range of nothing: %v, want ErrNotFound", err)
	}
	large := bytes.Repeat([]byte(data), 1000)
	put(t, s, "large", string(large))
	if got, err := blob.Read(t.Context(), s, "large", 10_000); err != nil || !bytes.Equal(got, large) {
		t.Errorf("Read = %d bytes, %v", len(got), err)
	}
	if _, err := blob.Read(t.Context(), s, "large", 9_999); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("Read beyond its limit: %v, want ErrInvalid", err)
	}
}

func testList(t *testing.T, s blob.Store) {
	keys := []string{"a-b", "a/b-c", "a/b/c", "a/b0", "a0", "b/x y/é=1%/z+.parquet", "c"}
	for _, key := range slices.Backward(keys) {
		put(t, s, key, key)
	}
	for _, test := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"a-b", "a/b-c", "a/b/c", "a/b0", "a0", "b/x y/é=1%/z+.parquet", "c"}},
		{"a", []string{"a-b", "a/b-c", "a/b/c", "a/b0", "a0"}},
		{"a/", []string{"a/b-c", "a/b/c", "a/b0"}},
		{"a/b", []string{"a/b-c", "a/b/c", "a/b0"}},
		{"a/b/", []string{"a/b/c"}},
		{"a/b/c", []string{"a/b/c"}},
		{"a/b/c/", nil},
		{"b/x", []string{"b/x y/é=1%/z+.parquet"}},
		{"c", []string{"c"}},
		{"d", nil},
		{"d/e/f", nil},
	} {
		if got := list(t, s, test.prefix); !slices.Equal(got, test.want) {
			t.Errorf("list %q: %s", test.prefix, cmp.Diff(test.want, got))
		}
	}
	for o, err := range s.List(t.Context(), "b/") {
		if err != nil || o.Size != int64(len(o.Key)) || o.Modified.IsZero() {
			t.Errorf("list: %+v, %v", o, err)
		}
	}
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		break // the iterator must not mind
	}
}

func testDelete(t *testing.T, s blob.Store) {
	put(t, s, "a/b/c", "x")
	put(t, s, "a/d", "y")
	for _, key := range []string{"a/b/c", "a/b/c", "a/b", "a", "never/was"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if got, want := list(t, s, ""), []string{"a/d"}; !slices.Equal(got, want) {
		t.Errorf("left over: %s", cmp.Diff(want, got))
	}
	put(t, s, "a/b/c", "again")
}

func testKeys(t *testing.T, s blob.Store) {
	for _, key := range []string{
		"", "/", ".", "..", "../x", "a/../../x", "a/./b", "/a", "a/", "a//b", "a/..", "a\x00b", "a\xffb",
		"_tidemark/_staged/x", "a/.tidemark-tmp-x", string(bytes.Repeat([]byte("a/"), 600)) + "a",
	} {
		if err := s.Put(t.Context(), key, nil, blob.PutOptions{}); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("put %.40q: %v, want ErrInvalid", key, err)
		}
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("get %.40q: %v, want ErrInvalid", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("delete %.40q: %v, want ErrInvalid", key, err)
		}
		if _, err := stager(s).Stage(t.Context(), key); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("stage %.40q: %v, want ErrInvalid", key, err)
		}
		if err := stager(s).Complete(t.Context(), blob.Staged{Key: key, Upload: "x"}); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("complete %.40q: %v, want ErrInvalid", key, err)
		}
	}
	for _, prefix := range []string{"..", "../a", "a/../b"} {
		for _, err := range s.List(t.Context(), prefix) {
			if !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("list %q: %v, want ErrInvalid", prefix, err)
			}
		}
	}
}

func testCancelled(t *testing.T, s blob.Store) {
	put(t, s, "there", "x")
	w, err := stager(s).Stage(t.Context(), "staged")
	if err != nil {
		t.Fatal(err)
	}
	staged := finish(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	late, err := stager(s).Stage(ctx, "late")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, getErr := s.Get(ctx, "there", 0, -1)
	_, statErr := s.Stat(ctx, "there")
	_, checkErr := stager(s).Check(ctx, staged)
	_, stageErr := stager(s).Stage(ctx, "other")
	_, sweepErr := s.(blob.Sweeper).Sweep(ctx, "", staleBefore())
	_, closeErr := late.Close(ctx)
	var listErr error
	for _, err := range s.List(ctx, "") {
		listErr = err
	}
	for name, err := range map[string]error{
		"get": getErr, "stat": statErr, "check": checkErr, "stage": stageErr, "list": listErr, "close": closeErr, "sweep": sweepErr,
		"put":       s.Put(ctx, "other", nil, blob.PutOptions{}),
		"put if":    s.Put(ctx, "other", nil, blob.PutOptions{IfAbsent: true}),
		"delete":    s.Delete(ctx, "there"),
		"complete":  stager(s).Complete(ctx, staged),
		"abort":     stager(s).Abort(ctx, staged),
		"put again": s.Put(ctx, "there", []byte("y"), blob.PutOptions{}),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if err := late.Abort(t.Context()); err != nil {
		t.Errorf("abort with a live context: %v", err)
	}
	if got, want := list(t, s, ""), []string{"there"}; !slices.Equal(got, want) || get(t, s, "there") != "x" {
		t.Errorf("after cancelled calls: %q", got)
	}
}

func testProbe(t *testing.T, s blob.Store) {
	if err := blob.ProbeConditional(t.Context(), s); err != nil {
		t.Error(err)
	}
	if got := list(t, s, ""); len(got) > 0 {
		t.Errorf("left over: %q", got)
	}
}

func put(t *testing.T, s blob.Store, key, data string) {
	t.Helper()
	if err := s.Put(t.Context(), key, []byte(data), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s blob.Store, key string) string {
	t.Helper()
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, r)
}

func readAll(t *testing.T, r io.ReadCloser) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func list(t *testing.T, s blob.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}
