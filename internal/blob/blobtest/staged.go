package blobtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

func stager(s blob.Store) blob.Stager { return s.(blob.Stager) }

// staleBefore is a time before which nothing in a test was begun.
func staleBefore() time.Time { return time.Now().Add(-24 * time.Hour) }

func testStaged(t *testing.T, s blob.Store) {
	w := stage(t, s, "shop/orders/1.parquet")
	write(t, w, "hello, ", "tide")
	hidden := func(when string) {
		t.Helper()
		if got := list(t, s, ""); len(got) > 0 {
			t.Errorf("%s: list = %q, want nothing", when, got)
		}
		if _, err := s.Stat(t.Context(), "shop/orders/1.parquet"); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("%s: stat: %v, want ErrNotFound", when, err)
		}
	}
	hidden("while it is written")
	staged := finish(t, w)
	hidden("before it is completed")
	if staged.Key != "shop/orders/1.parquet" || staged.Size != 11 {
		t.Errorf("staged = %+v", staged)
	}
	staged = viaJSON(t, staged)
	expectState(t, s, staged, blob.StagedPending)
	for range 3 {
		if err := stager(s).Complete(t.Context(), staged); err != nil {
			t.Fatalf("complete: %v", err)
		}
		expectState(t, s, staged, blob.StagedDone)
	}
	if got := get(t, s, staged.Key); got != "hello, tide" {
		t.Errorf("get = %q", got)
	}
	if err := stager(s).Abort(t.Context(), staged); err != nil {
		t.Errorf("abort after complete: %v", err)
	}
	if got, want := list(t, s, ""), []string{staged.Key}; !slices.Equal(got, want) {
		t.Errorf("list = %q, want %q", got, want)
	}
	put(t, s, staged.Key, "of another size")
	expectState(t, s, staged, blob.StagedGone)
	if err := stager(s).Complete(t.Context(), staged); !errors.Is(err, blob.ErrExist) {
		t.Errorf("complete when the key is taken and the staged object is gone: %v, want ErrExist", err)
	}
}

func testStagedAbort(t *testing.T, s blob.Store) {
	w := stage(t, s, "a/1")
	write(t, w, "bytes")
	staged := finish(t, w)
	for range 2 {
		if err := stager(s).Abort(t.Context(), staged); err != nil {
			t.Errorf("abort: %v", err)
		}
		expectState(t, s, staged, blob.StagedGone)
	}
	if err := stager(s).Complete(t.Context(), staged); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("complete after abort: %v, want ErrNotFound", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("abort of a closed writer: %v", err)
	}
}

func testStagedDrop(t *testing.T, s blob.Store) {
	w := stage(t, s, "a/1")
	write(t, w, strings.Repeat("x", 9<<20)) // a part is on its way
	for range 2 {
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("abort: %v", err)
		}
	}
	n, err := s.(blob.Sweeper).Sweep(t.Context(), "", time.Now().Add(time.Hour))
	if n != 0 || err != nil {
		t.Errorf("sweep after abort = %d, %v, want nothing left", n, err)
	}
	closed := stage(t, s, "a/2")
	write(t, closed, "kept")
	staged := finish(t, closed)
	if err := closed.Abort(t.Context()); err != nil {
		t.Errorf("abort of a closed writer: %v", err)
	}
	if err := stager(s).Complete(t.Context(), staged); err != nil {
		t.Errorf("complete after abort of the closed writer: %v", err)
	}
}

// testStagedParts writes an object of several parts in odd pieces and reads it back, whole and across the parts.
func testStagedParts(t *testing.T, s blob.Store) {
	const size = 20<<20 + 12345
	w := stage(t, s, "big")
	if n, err := io.CopyBuffer(struct{ io.Writer }{w}, pattern(size), make([]byte, 100_003)); n != size || err != nil {
		t.Fatalf("write = %d, %v", n, err)
	}
	staged := viaJSON(t, finish(t, w))
	if staged.Size != size {
		t.Errorf("size = %d, want %d", staged.Size, size)
	}
	expectState(t, s, staged, blob.StagedPending)
	if err := stager(s).Complete(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	expectState(t, s, staged, blob.StagedDone)
	for _, test := range []struct{ offset, length int64 }{
		{0, -1}, {8<<20 - 10, 20}, {16<<20 - 1, 2}, {5 << 20, 12 << 20}, {size - 7, -1},
	} {
		r, err := s.Get(t.Context(), "big", test.offset, test.length)
		if err != nil {
			t.Fatal(err)
		}
		length := size - test.offset
		if test.length >= 0 {
			length = test.length
		}
		got, want := fnv.New64a(), fnv.New64a()
		n, err := io.Copy(got, r)
		if err := errors.Join(err, r.Close()); err != nil || n != length {
			t.Errorf("read [%d, +%d) = %d bytes, %v", test.offset, test.length, n, err)
		}
		whole := pattern(size)
		_, _ = io.CopyN(io.Discard, whole, test.offset)
		_, _ = io.CopyN(want, whole, length)
		if got.Sum64() != want.Sum64() {
			t.Errorf("read [%d, +%d): other bytes than were written", test.offset, test.length)
		}
	}
}

func testStagedSizes(t *testing.T, s blob.Store) {
	const part = 8 << 20
	for _, size := range []int64{0, 1, part - 1, part, part + 1, 2 * part} {
		key := fmt.Sprintf("size/%d", size)
		w := stage(t, s, key)
		if _, err := io.Copy(w, pattern(size)); err != nil {
			t.Fatal(err)
		}
		staged := finish(t, w)
		expectState(t, s, staged, blob.StagedPending)
		if err := stager(s).Complete(t.Context(), staged); err != nil {
			t.Fatalf("complete %d bytes: %v", size, err)
		}
		if o, err := s.Stat(t.Context(), key); err != nil || o.Size != size || staged.Size != size {
			t.Errorf("stat = %+v, %v; staged %d, want %d bytes", o, err, staged.Size, size)
		}
	}
}

func testStagedMany(t *testing.T, s blob.Store) {
	var group errgroup.Group
	const writers = 8
	for i := range writers {
		group.Go(func() error {
			key := fmt.Sprintf("many/%d/part.parquet", i)
			w, err := stager(s).Stage(t.Context(), key)
			if err != nil {
				return err
			}
			if _, err := io.Copy(w, pattern(int64(i)*1_000_000)); err != nil {
				return err
			}
			staged, err := w.Close(t.Context())
			if err != nil {
				return err
			}
			var twice errgroup.Group // two processes complete the same commit
			for range 2 {
				twice.Go(func() error { return stager(s).Complete(t.Context(), staged) })
			}
			return twice.Wait()
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	i := int64(0)
	for o, err := range s.List(t.Context(), "") {
		if err != nil || o.Size != i*1_000_000 {
			t.Errorf("list: %+v, %v", o, err)
		}
		i++
	}
	if i != writers {
		t.Errorf("%d objects, want %d", i, writers)
	}
}

func testSweep(t *testing.T, s blob.Store) {
	sweep := s.(blob.Sweeper).Sweep
	if n, err := sweep(t.Context(), "", time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("sweep of an empty store = %d, %v", n, err)
	}
	mine := stage(t, s, "mine/1")
	write(t, mine, "left by a killed process")
	finished := stage(t, s, "mine/2")
	stagedMine := finish(t, finished)
	stagedTheirs := finish(t, stage(t, s, "theirs/1"))
	put(t, s, "mine/object", "x")
	if n, err := sweep(t.Context(), "mine/", staleBefore()); n != 0 || err != nil {
		t.Errorf("sweep of what is older than a day = %d, %v, want nothing", n, err)
	}
	expectState(t, s, stagedMine, blob.StagedPending)
	if n, err := sweep(t.Context(), "mine/", time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("sweep = %d, %v, want 2", n, err)
	}
	expectState(t, s, stagedMine, blob.StagedGone)
	expectState(t, s, stagedTheirs, blob.StagedPending)
	if err := stager(s).Complete(t.Context(), stagedTheirs); err != nil {
		t.Error(err)
	}
	if got, want := list(t, s, ""), []string{"mine/object", "theirs/1"}; !slices.Equal(got, want) {
		t.Errorf("list = %q, want %q", got, want)
	}
	_ = mine.Abort(t.Context()) // what it finds gone is no error, but stores may differ
}

func testWithin(t *testing.T, s blob.Store) {
	put(t, s, "lake/a", "1")
	put(t, s, "lakes", "not in it")
	in := blob.Within(s, "/lake/")
	put(t, in, "b/c", "2")
	staged := finish(t, stage(t, in, "d"))
	if staged.Key != "d" {
		t.Errorf("staged key = %q, want d", staged.Key)
	}
	expectState(t, in, staged, blob.StagedPending)
	if err := stager(in).Complete(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	expectState(t, in, staged, blob.StagedDone)
	if got, want := list(t, in, ""), []string{"a", "b/c", "d"}; !slices.Equal(got, want) {
		t.Errorf("list within = %q, want %q", got, want)
	}
	if got, want := list(t, s, ""), []string{"lake/a", "lake/b/c", "lake/d", "lakes"}; !slices.Equal(got, want) {
		t.Errorf("list = %q, want %q", got, want)
	}
	if o, err := in.Stat(t.Context(), "b/c"); err != nil || o.Key != "b/c" {
		t.Errorf("stat within = %+v, %v", o, err)
	}
	if err := in.Put(t.Context(), "../lakes", nil, blob.PutOptions{}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("put outside: %v, want ErrInvalid", err)
	}
	dropped := finish(t, stage(t, in, "e"))
	if n, err := in.(blob.Sweeper).Sweep(t.Context(), "", time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("sweep within = %d, %v, want 1", n, err)
	}
	expectState(t, in, dropped, blob.StagedGone)
	if err := in.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, "lake/a"); len(got) > 0 {
		t.Errorf("after delete within: %q", got)
	}
}

func stage(t *testing.T, s blob.Store, key string) blob.StagedWriter {
	t.Helper()
	w, err := stager(s).Stage(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Abort(context.WithoutCancel(t.Context())) })
	return w
}

func write(t *testing.T, w io.Writer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if n, err := io.WriteString(w, text); n != len(text) || err != nil {
			t.Fatalf("write = %d, %v, want %d", n, err, len(text))
		}
	}
}

func finish(t *testing.T, w blob.StagedWriter) blob.Staged {
	t.Helper()
	staged, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return staged
}

func expectState(t *testing.T, s blob.Store, staged blob.Staged, want blob.StagedState) {
	t.Helper()
	if got, err := stager(s).Check(t.Context(), staged); got != want || err != nil {
		t.Errorf("check %s = %v, %v, want %v", staged.Key, got, err, want)
	}
}

// viaJSON sends the record the way that it takes through a commit.
func viaJSON(t *testing.T, staged blob.Staged) (back blob.Staged) {
	t.Helper()
	data, err := json.Marshal(staged)
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// pattern yields bytes that differ everywhere, so that a part in the wrong place is noticed.
func pattern(size int64) io.Reader { return io.LimitReader(&counter{}, size) }

type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n * 0x9E3779B97F4A7C15 >> 56)
		c.n++
	}
	return len(p), nil
}
