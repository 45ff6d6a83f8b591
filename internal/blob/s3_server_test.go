package blob_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
)

func farFuture() time.Time { return time.Now().Add(time.Hour) }

// TestS3Headers: every request that makes an object says how it is to be encrypted, and no other one does. Checksums
// go as headers; a trailer is what servers stumble over.
func TestS3Headers(t *testing.T) {
	t.Parallel()
	p, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
		if r.Header.Get("X-Amz-Server-Side-Encryption") != "" && r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") == "" {
			t.Errorf("%s %s without the key's id", r.Method, r.URL)
		}
		pass(w)
	})
	config.SSE, config.KMSKeyID, config.BucketKey = "aws:kms", "alias/lake", true
	s := openS3(t, config)
	for _, o := range []blob.PutOptions{{}, {IfAbsent: true}} {
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), "a", []byte("x"), o); err != nil {
			t.Fatal(err)
		}
	}
	stageWhole(t, s, "some bytes")
	type sent struct{ Request, SSE, Key, BucketKey, Checksum, Absent string }
	var got []sent
	for _, r := range p.requests() {
		h := r.Header
		if r.Method != http.MethodPut && r.Method != http.MethodPost {
			continue
		}
		if h.Get("X-Amz-Trailer") != "" || strings.Contains(h.Get("Content-Encoding"), "aws-chunked") {
			t.Errorf("%s %s has a trailer", r.Method, r.URL)
		}
		one := sent{
			SSE: h.Get("X-Amz-Server-Side-Encryption"), Key: h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
			BucketKey: h.Get("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"), Absent: h.Get("If-None-Match"),
			Checksum: h.Get("X-Amz-Checksum-Algorithm"),
		}
		if h.Get("X-Amz-Checksum-Crc32") != "" {
			one.Checksum = "value"
		}
		query := slices.Sorted(maps.Keys(r.URL.Query()))
		one.Request = strings.TrimSpace(r.Method + " " + strings.Join(query, "&"))
		got = append(got, one)
	}
	want := []sent{
		{"PUT x-id", "aws:kms", "alias/lake", "true", "value", ""},
		{"PUT x-id", "aws:kms", "alias/lake", "true", "value", "*"},
		{"POST uploads", "aws:kms", "alias/lake", "true", "CRC32", ""},
		{"PUT partNumber&uploadId&x-id", "", "", "", "value", ""},
		{"POST uploadId", "", "", "", "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestS3WithoutChecksums is a server of an older kind, which refuses requests because of their checksum headers.
func TestS3WithoutChecksums(t *testing.T) {
	t.Parallel()
	for _, refusal := range []struct {
		status        int
		code, message string
	}{
		{http.StatusNotImplemented, "NotImplemented", "Header 'x-amz-checksum-crc32' with value not implemented"},
		{http.StatusBadRequest, "InvalidArgument", "x-amz-checksum-algorithm is not supported"},
	} {
		t.Run(refusal.code, func(t *testing.T) {
			t.Parallel()
			var refused atomic.Int32
			blobtest.Run(t, func(t *testing.T) blob.Store {
				_, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
					if r.Header.Get("X-Amz-Checksum-Crc32") != "" || r.Header.Get("X-Amz-Checksum-Algorithm") != "" {
						refused.Add(1)
						answer(w, refusal.status, refusal.code, refusal.message)
						return
					}
					pass(w)
				})
				return openS3(t, config)
			})
			if refused.Load() == 0 {
				t.Error("no checksum was ever sent")
			}
		})
	}
}

// TestS3ProbeDeaf is a server that takes If-None-Match and ignores it.
func TestS3ProbeDeaf(t *testing.T) {
	t.Parallel()
	_, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
		if r.Header.Get("If-None-Match") != "" {
			return // 200, and a later put wins as well
		}
		pass(w)
	})
	s := openS3(t, config)
	err := blob.ProbeConditional(t.Context(), s)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "conditional writes") {
		t.Errorf("probe = %v, hint %q", err, tidemark.Hint(err))
	}
}

// TestS3ProbeUnable is a server that says that it cannot do it.
func TestS3ProbeUnable(t *testing.T) {
	t.Parallel()
	_, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
		if r.Header.Get("If-None-Match") != "" {
			answer(w, http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
			return
		}
		pass(w)
	})
	err := blob.ProbeConditional(t.Context(), openS3(t, config))
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "If-None-Match") {
		t.Errorf("probe = %v, hint %q", err, tidemark.Hint(err))
	}
}

// TestS3Pages lists more objects than S3 returns at once.
func TestS3Pages(t *testing.T) {
	t.Parallel()
	s := openS3(t, testConfig(t))
	const objects = 1003
	var group errgroup.Group
	group.SetLimit(16)
	for i := range objects {
		group.Go(func() error {
			return s.Put(t.Context(), "n/"+string(rune('a'+i/26/26))+string(rune('a'+i/26%26))+string(rune('a'+i%26)), nil, blob.PutOptions{})
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for o, err := range s.List(t.Context(), "n/") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	if len(keys) != objects || !slices.IsSorted(keys) {
		t.Errorf("%d objects, sorted %v, want %d in order", len(keys), slices.IsSorted(keys), objects)
	}
}
