package restserve

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A problem is an error in the words of the protocol.
type problem struct {
	status  int
	kind    string // the name of an exception, by which clients tell errors apart
	message string
}

func (p problem) Error() string { return p.message }

func bad(message string) problem {
	return problem{http.StatusBadRequest, "BadRequestException", message}
}

func noRoute(*http.Request) problem {
	return problem{http.StatusNotFound, "NoSuchRouteException", "there is nothing at this path of the catalog"}
}

func noNamespace(name string) problem {
	return problem{http.StatusNotFound, "NoSuchNamespaceException", "namespace does not exist: " + strconv.Quote(name)}
}

func noTable(id tidemark.TableID) problem {
	return problem{http.StatusNotFound, "NoSuchTableException", "table does not exist: " + strconv.Quote(id.String())}
}

// fail answers with an error. What a lake says may name places that are nobody's business, so that goes to the log alone.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	if !errors.As(err, &p) {
		if !errors.Is(r.Context().Err(), context.Canceled) { // a client that has gone away is no fault
			h.o.Log.Error("request of the catalog failed", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		p = ofLake(errors.Join(err, r.Context().Err()))
	}
	type body struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    int    `json:"code"`
	}
	data, err := json.Marshal(map[string]body{"error": {p.message, p.kind, p.status}})
	if err != nil {
		h.o.Log.Error("encode an error", "err", err)
	}
	w.Header().Set("Content-Type", "application/json")
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(data) // who has gone away needs no answer
}

// ofLake is what a client is told of a fault that is not its own.
func ofLake(err error) problem {
	const look = "; the server's log says more"
	switch {
	case errors.Is(err, tidemark.ErrTransient), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem{http.StatusServiceUnavailable, "ServiceUnavailableException", "the lake does not answer at the moment" + look}
	case errors.Is(err, tidemark.ErrDenied):
		return problem{http.StatusInternalServerError, "InternalServerError", "the lake denies access to the server" + look}
	}
	return problem{http.StatusInternalServerError, "InternalServerError", "the lake could not be read" + look}
}

// An answer to a request that was understood.
type answer struct {
	http.ResponseWriter
	*request
}

// nothing says yes without words.
func (a *answer) nothing() error {
	a.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *answer) json(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.send(data)
}

// gzipFrom is the length in bytes from which on an answer is compressed. Metadata shrinks to a tenth.
const gzipFrom = 4 << 10

func (a *answer) send(data []byte) error {
	a.Header().Set("Content-Type", "application/json")
	a.Header().Add("Vary", "Accept-Encoding")
	if len(data) >= gzipFrom && takesGzip(a.request.Header.Values("Accept-Encoding")) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		data = b.Bytes()
		a.Header().Set("Content-Encoding", "gzip")
	}
	a.Header().Set("Content-Length", strconv.Itoa(len(data)))
	a.WriteHeader(http.StatusOK)
	_, _ = a.Write(data) // who has gone away needs no answer
	return nil
}

// takesGzip reads the header Accept-Encoding.
func takesGzip(header []string) bool {
	for one := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameter, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, has := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !has || err == nil && q > 0
	}
	return false
}
