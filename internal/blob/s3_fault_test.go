package blob_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// TestS3PutIfAbsentFaults is the fault table of the conditional put: what happens to the requests that write, and
// what the caller may be told. There is a rival's object from the start, or one that comes while the reply is lost.
func TestS3PutIfAbsentFaults(t *testing.T) {
	t.Parallel()
	const ours, theirs = "ours", "theirs"
	rivalComes := func(t *testing.T, direct *blob.S3) {
		if err := direct.Put(t.Context(), "commit", []byte(theirs), blob.PutOptions{}); err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		name   string
		rival  bool
		faults func(t *testing.T, direct *blob.S3) handler
		want   error // nil: success
		stored string
	}{
		{
			name: "first reply lost", stored: ours,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n == 1 {
					loseReply(pass)
				}
				pass(w)
			}),
		}, {
			name: "executed and answered 500", stored: ours,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n == 1 {
					pass(discard{})
					answer(w, http.StatusInternalServerError, "InternalError", "try again")
					return
				}
				pass(w)
			}),
		}, {
			name: "first request lost", stored: ours,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n == 1 {
					cut()
				}
				pass(w)
			}),
		}, {
			name: "all replies lost", stored: ours,
			faults: puts(func(_ http.ResponseWriter, _ int, pass func(http.ResponseWriter)) { loseReply(pass) }),
		}, {
			name: "all requests lost", want: blob.ErrUnknown,
			faults: puts(func(http.ResponseWriter, int, func(http.ResponseWriter)) { cut() }),
		}, {
			name: "slow down, then not", stored: ours,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n < 3 {
					answer(w, http.StatusServiceUnavailable, "SlowDown", "reduce your request rate")
					return
				}
				pass(w)
			}),
		}, {
			name: "conflict, then not", stored: ours,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n < 3 {
					answer(w, http.StatusConflict, "ConditionalRequestConflict", "another one is under way")
					return
				}
				pass(w)
			}),
		}, {
			name: "lost race", rival: true, want: blob.ErrExist, stored: theirs,
			faults: puts(func(w http.ResponseWriter, _ int, pass func(http.ResponseWriter)) { pass(w) }),
		}, {
			name: "lost race and lost reply", rival: true, want: blob.ErrExist, stored: theirs,
			faults: puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
				if n == 1 {
					loseReply(pass)
				}
				pass(w)
			}),
		}, {
			name: "request lost, rival comes, retry", want: blob.ErrExist, stored: theirs,
			faults: func(t *testing.T, direct *blob.S3) handler {
				return puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
					if n == 1 {
						rivalComes(t, direct)
						cut()
					}
					pass(w)
				})(t, direct)
			},
		}, {
			name: "conflict, rival comes, retry", want: blob.ErrExist, stored: theirs,
			faults: func(t *testing.T, direct *blob.S3) handler {
				return puts(func(w http.ResponseWriter, n int, pass func(http.ResponseWriter)) {
					if n == 1 {
						rivalComes(t, direct)
						answer(w, http.StatusConflict, "ConditionalRequestConflict", "another one is under way")
						return
					}
					pass(w)
				})(t, direct)
			},
		}, {
			name: "refused", want: tidemark.ErrDenied,
			faults: puts(func(w http.ResponseWriter, _ int, _ func(http.ResponseWriter)) {
				answer(w, http.StatusForbidden, "AccessDenied", "Access Denied")
			}),
		}, {
			name: "everything lost, reads too", want: blob.ErrUnknown, stored: ours,
			faults: func(*testing.T, *blob.S3) handler {
				return func(_ http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
					if r.Method == http.MethodPut {
						loseReply(pass)
					}
					cut()
				}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var handle handler
			p, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, n int, pass func(http.ResponseWriter)) {
				handle(w, r, n, pass)
			})
			s := openS3(t, config)
			config.Endpoint = testConfig(t).Endpoint
			direct := openS3(t, config)
			handle = test.faults(t, direct)
			if test.rival {
				rivalComes(t, direct)
			}
			err := s.Put(t.Context(), "commit", []byte(ours), blob.PutOptions{IfAbsent: true})
			if test.want == nil && err != nil || !errors.Is(err, test.want) {
				t.Errorf("put = %v, want %v", err, test.want)
			}
			if errors.Is(err, blob.ErrUnknown) != errors.Is(test.want, blob.ErrUnknown) {
				t.Errorf("put = %v: unknown or not?", err)
			}
			if test.stored == "" {
				_, err := direct.Stat(t.Context(), "commit")
				if !errors.Is(err, tidemark.ErrNotFound) {
					t.Errorf("stat = %v, want ErrNotFound", err)
				}
			} else if got := read(t, direct, "commit"); got != test.stored {
				t.Errorf("stored %q, want %q (%d requests)", got, test.stored, len(p.requests()))
			}
		})
	}
}

// puts makes a handler that lets all requests pass but PUTs, which it counts.
func puts(f func(w http.ResponseWriter, n int, pass func(http.ResponseWriter))) func(*testing.T, *blob.S3) handler {
	return func(*testing.T, *blob.S3) handler {
		n := 0 // puts follow one another
		return func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
			if r.Method != http.MethodPut {
				pass(w)
				return
			}
			n++
			f(w, n, pass)
		}
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func read(t *testing.T, s blob.Store, key string) string {
	t.Helper()
	data, err := blob.Read(t.Context(), s, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestS3CancelledPut: a caller who gives up while the request is under way does not know.
func TestS3CancelledPut(t *testing.T) {
	t.Parallel()
	var giveUp context.CancelFunc
	_, config := startProxy(t, func(_ http.ResponseWriter, _ *http.Request, _ int, pass func(http.ResponseWriter)) {
		giveUp()
		loseReply(pass)
	})
	s := openS3(t, config)
	for _, ifAbsent := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		giveUp = cancel
		err := s.Put(ctx, "commit", []byte("x"), blob.PutOptions{IfAbsent: ifAbsent})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, blob.ErrUnknown) {
			t.Errorf("put = %v, want context.Canceled and ErrUnknown", err)
		}
	}
}

// TestS3StagedFaults loses the reply of every request of a staged write in turn, or the request itself: the object
// comes out whole, once.
func TestS3StagedFaults(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("0123456789abcdef", 9<<20/16)
	for _, lose := range []string{"request", "reply"} {
		t.Run(lose, func(t *testing.T) {
			t.Parallel()
			for fail := 1; ; fail++ {
				p, config := startProxy(t, func(w http.ResponseWriter, _ *http.Request, n int, pass func(http.ResponseWriter)) {
					switch {
					case n == fail && lose == "reply":
						loseReply(pass)
					case n == fail:
						cut()
					}
					pass(w)
				})
				stageWhole(t, openS3(t, config), data)
				if len(p.requests()) < fail { // the fault did not come any more
					return
				}
			}
		})
	}
}

func stageWhole(t *testing.T, s *blob.S3, data string) {
	t.Helper()
	w, err := s.Stage(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	staged, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if state, err := s.Check(t.Context(), staged); state != blob.StagedDone || err != nil {
		t.Errorf("check = %v, %v", state, err)
	}
	if got := read(t, s, "file"); got != data {
		t.Errorf("read %d other bytes", len(got))
	}
}

// TestS3StagedDown: when the server stays away, the writer says so, and Abort cleans up once it is back.
func TestS3StagedDown(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	_, config := startProxy(t, func(w http.ResponseWriter, _ *http.Request, _ int, pass func(http.ResponseWriter)) {
		if down.Load() {
			answer(w, http.StatusServiceUnavailable, "SlowDown", "later")
			return
		}
		pass(w)
	})
	s := openS3(t, config)
	w, err := s.Stage(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	_, writeErr := io.WriteString(w, strings.Repeat("x", 9<<20))
	_, closeErr := w.Close(t.Context())
	if err := errors.Join(writeErr, closeErr); !errors.Is(err, tidemark.ErrTransient) {
		t.Errorf("write and close = %v, want ErrTransient", err)
	}
	down.Store(false)
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := s.Sweep(t.Context(), "", farFuture()); n != 0 || err != nil {
		t.Errorf("sweep = %d, %v, want nothing left", n, err)
	}
}

// TestS3Resume cuts the connection in the middle of an object, again and again; the reader goes on where it was.
func TestS3Resume(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("0123456789abcdef", 1<<20/16)
	cuts := 0
	_, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodGet && cuts < 5 {
			cuts++
			w = &short{ResponseWriter: w, left: 100_000}
		}
		pass(w)
	})
	s := openS3(t, config)
	if err := s.Put(t.Context(), "file", []byte(data), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ offset, length, end int64 }{{0, -1, 1 << 20}, {7, 1_000_000, 1_000_007}} {
		cuts = 0
		r, err := s.Get(t.Context(), "file", test.offset, test.length)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Errorf("read: %v", err)
		}
		if string(got) != data[test.offset:test.end] {
			t.Errorf("read %d bytes that differ from the %d stored", len(got), test.end-test.offset)
		}
		if cuts != 5 {
			t.Errorf("%d cuts, want 5", cuts)
		}
	}
}

// TestS3ResumeReplaced: the rest of another object is not appended.
func TestS3ResumeReplaced(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("old ", 100_000)
	var s *blob.S3
	gets := 0
	_, config := startProxy(t, func(w http.ResponseWriter, r *http.Request, _ int, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodGet {
			gets++
			if gets == 1 {
				w = &short{ResponseWriter: w, left: 100_000}
			}
			if gets == 2 {
				if err := s.Put(t.Context(), "file", []byte(strings.ToUpper(data)), blob.PutOptions{}); err != nil {
					t.Error(err)
				}
			}
		}
		pass(w)
	})
	s = openS3(t, config)
	if err := s.Put(t.Context(), "file", []byte(data), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, err := blob.Read(t.Context(), s, "file", 1<<20); !errors.Is(err, tidemark.ErrTransient) {
		t.Errorf("read = %d bytes, %v, want ErrTransient", len(got), err)
	}
}

// short cuts the connection after some bytes.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p[:min(len(p), s.left)])
	if s.left -= n; s.left == 0 {
		s.ResponseWriter.(http.Flusher).Flush()
		cut()
	}
	return n, err
}
