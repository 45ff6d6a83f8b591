package overlap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

func someLoad(t *testing.T) loaded {
	p := mustBegin(t, loaded{}.options(t, orders, never), defaultSizes)
	apply(t, p, []any{1, 10, "a"}, []any{2, 10, "b"}, []any{3, nil, "c"})
	return finish(t, p)
}

func beginWith(t *testing.T, l loaded, open func(context.Context) (io.ReadCloser, error)) error {
	o := l.options(t, orders, never)
	o.Open = open
	p, err := Begin(t.Context(), o)
	if err == nil {
		p.Close()
	}
	return err
}

func serve(b []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// TestDamage: whatever happens to the file, it is not believed.
func TestDamage(t *testing.T) {
	l := someLoad(t)
	if err := beginWith(t, l, serve(l.side)); err != nil {
		t.Fatal(err)
	}
	for i := range l.side {
		side := bytes.Clone(l.side)
		side[i] ^= 1 << (i % 8)
		if err := beginWith(t, l, serve(side)); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d flipped: err = %v, want ErrDamaged", i, err)
		}
		if err := beginWith(t, l, serve(l.side[:i])); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: err = %v, want ErrDamaged", i, err)
		}
	}
	if err := beginWith(t, l, serve(append(bytes.Clone(l.side), 0))); !errors.Is(err, ErrDamaged) {
		t.Errorf("one byte more: err = %v, want ErrDamaged", err)
	}
}

// TestNotReadable: what the store says decides whether the file is missing for good or may be read next time. Only
// the first is damage: going on without the file in the second case would double rows for nothing.
func TestNotReadable(t *testing.T) {
	l := someLoad(t)
	missing := beginWith(t, l, func(context.Context) (io.ReadCloser, error) {
		return nil, fmt.Errorf("get side: %w", tidemark.ErrNotFound)
	})
	if !errors.Is(missing, ErrDamaged) || !errors.Is(missing, tidemark.ErrNotFound) {
		t.Errorf("missing: err = %v, want ErrDamaged and ErrNotFound", missing)
	}
	for _, cause := range []error{tidemark.ErrTransient, tidemark.ErrDenied, context.Canceled} {
		opening := beginWith(t, l, func(context.Context) (io.ReadCloser, error) { return nil, cause })
		reading := beginWith(t, l, func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(l.side[:20]), failing{cause})), nil
		})
		for _, err := range []error{opening, reading} {
			if !errors.Is(err, cause) || errors.Is(err, ErrDamaged) {
				t.Errorf("err = %v, want %v and not ErrDamaged", err, cause)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestForeignFile: files with the right checksum that are still not ours to use.
func TestForeignFile(t *testing.T) {
	l := someLoad(t)
	with := func(side []byte) loaded {
		other := l
		other.side = side
		other.mark.Overlap.Bytes, other.mark.Overlap.Checksum = int64(len(side)), checksum(xxh3.Hash128(side))
		return other
	}
	newer := bytes.Replace(bytes.Clone(l.side), []byte(`"version":1`), []byte(`"version":9`), 1)
	if err := beginWith(t, l, serve(l.side)); err != nil {
		t.Fatal(err)
	}
	err := beginWith(t, with(newer), serve(newer))
	if !errors.Is(err, tidemark.ErrInvalid) || errors.Is(err, ErrDamaged) || tidemark.Hint(err) == "" {
		t.Errorf("newer version: err = %v, want ErrInvalid with a hint and not ErrDamaged", err)
	}
	for name, side := range map[string][]byte{
		"other magic":   append([]byte("PARQUET1"), l.side[8:]...),
		"empty":         {},
		"header length": append([]byte(magic), 0xff, 0xff, 0xff, 0xff),
		"header cut":    append([]byte(magic), 0, 0, 0, 9, '{'),
		"header text":   append([]byte(magic), 0, 0, 0, 1, '{'),
		"a row missing": l.side[:len(l.side)-stride(3)],
	} {
		if err := beginWith(t, with(side), serve(side)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: err = %v, want ErrDamaged", name, err)
		}
	}
	wrong := l
	wrong.mark.Overlap.Rows++
	if err := beginWith(t, wrong, serve(l.side)); !errors.Is(err, ErrDamaged) {
		t.Errorf("wrong count: err = %v, want ErrDamaged", err)
	}
}

// TestChecksum: the sum of a stream is that of its bytes, at every size around the hash's own blocks.
func TestChecksum(t *testing.T) {
	data := bytes.Repeat([]byte("tidemark"), 1000)
	for _, n := range []int{0, 1, 16, 17, 240, 241, 1023, 1024, 1025, 4096, 8000} {
		h := xxh3.New128()
		for part := data[:n]; len(part) > 0; part = part[min(len(part), 37):] {
			h.Write(part[:min(len(part), 37)])
		}
		if got, want := checksum(h.Sum128()), checksum(xxh3.Hash128(data[:n])); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

// TestWithoutTheFile: a merge that goes on without its file takes every row for fresh.
func TestWithoutTheFile(t *testing.T) {
	l := someLoad(t)
	o := l.options(t, orders, never)
	o.Open = nil
	p := mustBegin(t, o, defaultSizes)
	fresh, _ := apply(t, p, []any{1, 10, "a"}, []any{3, nil, "c"})
	if len(fresh) != 2 {
		t.Errorf("fresh = %q, want both rows", fresh)
	}
	if next := finish(t, p); next.mark.Overlap.Rows != 2 {
		t.Errorf("side file of %d rows, want 2", next.mark.Overlap.Rows)
	}
}
