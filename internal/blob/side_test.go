package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

func TestSideFolder(t *testing.T) {
	ctx := context.Background()
	store := blob.NewMem()
	side := blob.NewSideFolder(store, "shop.orders")
	want := bytes.Repeat([]byte("overlap "), 3<<20) // more than one part
	if err := side.Put(ctx, "1.overlap", bytes.NewReader(want), int64(len(want))); err != nil {
		t.Fatal(err)
	}
	r, err := side.Get(ctx, "1.overlap")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if _, err := store.Stat(ctx, "_tidemark/shop.orders/1.overlap"); err != nil {
		t.Errorf("the place of a side file is part of the format: %v", err)
	}
	if _, err := side.Get(ctx, "2.overlap"); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := side.Put(ctx, "3.overlap", bytes.NewReader(want), 5); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a wrong size: %v", err)
	}
	if _, err := side.Get(ctx, "3.overlap"); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("a refused file must not be there: %v", err)
	}
}
