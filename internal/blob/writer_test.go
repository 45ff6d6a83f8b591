package blob

import (
	"runtime"
	"testing"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestPartSize: the largest object that S3 takes fits into the parts that S3 takes.
func TestPartSize(t *testing.T) {
	const tib = 1 << 40
	total := 0
	for n := int32(1); n <= maxParts; n++ {
		total += partSize(n)
		if n == 1000 && total != 8000<<20 {
			t.Errorf("the first thousand parts hold %d bytes", total)
		}
	}
	if total < 5*tib || partSize(maxParts) > 5<<30 {
		t.Errorf("%d parts hold %d bytes, the last one %d", maxParts, total, partSize(maxParts))
	}
}

// TestS3WriterMemory: a staged object takes the memory of two parts, whatever its size and however it is written.
func TestS3WriterMemory(t *testing.T) {
	env := testenv.S3(t)
	s, err := OpenS3(t.Context(), S3Config{
		Bucket: env.Bucket, Region: env.Region, Endpoint: env.Endpoint, PathStyle: true, AccessKey: env.AccessKey, SecretKey: env.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Stage(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	piece := make([]byte, 333_333)
	for range 300 { // 100 MB
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// Two buffers, and the smaller ones that they grew from.
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(5*firstPart); got > limit {
		t.Errorf("%d bytes staged took %d bytes of memory, want at most %d", staged.Size, got, limit)
	}
	if err := s.Abort(t.Context(), staged); err != nil {
		t.Error(err)
	}
}
