package posttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A Got is a request as it was received.
type Got struct {
	Path   string
	Header http.Header
	Body   []byte
}

// An Answer is how a Receiver answers. The zero value is 200 without a body.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	Hang   bool // no answer before the other side has gone
}

// A Receiver is a server that keeps what it gets.
type Receiver struct {
	*httptest.Server
	got chan Got

	mu      sync.Mutex
	answers []Answer
}

// NewReceiver starts one that gives each request the next of the answers, and those behind the last the zero Answer. It
// ends with the test.
func NewReceiver(t *testing.T, answers ...Answer) *Receiver {
	r := &Receiver{got: make(chan Got, 10_000), answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *Receiver) serve(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the other side has gone
	}
	answer := r.answer()
	r.got <- Got{Path: request.URL.RequestURI(), Header: request.Header, Body: body}
	if answer.Hang {
		<-request.Context().Done()
		return
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	if answer.Status != 0 {
		w.WriteHeader(answer.Status)
	}
	_, _ = io.WriteString(w, answer.Body)
}

func (r *Receiver) answer() (a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answers) > 0 {
		a, r.answers = r.answers[0], r.answers[1:]
	}
	return a
}

// Next waits for the next request.
func (r *Receiver) Next(t *testing.T) Got {
	t.Helper()
	select {
	case got := <-r.got:
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("no request comes")
		return Got{}
	}
}

// Quiet checks that no request has come that Next has not returned.
func (r *Receiver) Quiet(t *testing.T) {
	t.Helper()
	select {
	case got := <-r.got:
		t.Errorf("a request too many: %s", got.Body)
	default:
	}
}
