package restserve

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Lake is what is shown of a lake. It is safe for concurrent use.
type Lake interface {
	// Tables returns its Iceberg tables without those that are being dropped, sorted by namespace and name.
	Tables(ctx context.Context) ([]tidemark.TableID, error)

	// Metadata returns a table's newest metadata file and where it lies. A table that is not there, or that is being
	// dropped, is ErrNotFound.
	Metadata(ctx context.Context, id tidemark.TableID) (location string, metadata []byte, err error)

	// Properties tells engines how to reach the files. There is no secret among them.
	Properties() map[string]string
}

// Options of a Handler.
type Options struct {
	Lakes []string // by name

	// Open returns the lake of a name. It is called for each request, maybe at the same time, and keeps what it has opened.
	Open func(ctx context.Context, lake string) (Lake, error)

	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now
}

// Fresh is how old the list of a lake's tables may be that an answer is made of. To list a lake may take a while, and a
// client that attaches asks for it several times in a row. What is said of one table is never older than the request.
const Fresh = 5 * time.Second

// A Handler answers the requests of Iceberg's REST protocol. Its paths begin with /v1; http.StripPrefix takes away what
// stands before. Whether a client may read at all is for a handler around it to say.
type Handler struct {
	o     Options
	lists map[string]*list // by lake
}

// New returns a Handler for those lakes.
func New(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{o: o, lists: map[string]*list{}}
	for _, name := range o.Lakes {
		h.lists[name] = &list{turn: make(chan struct{}, 1)}
	}
	return h
}

// list is what is known of the tables of a lake.
type list struct {
	turn   chan struct{} // held by who asks the lake; the others wait for what it finds
	mu     sync.Mutex
	at     time.Time // when it was asked for; zero for never
	tables []tidemark.TableID
}

func (l *list) known(since time.Time) ([]tidemark.TableID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tables, !l.at.IsZero() && l.at.After(since)
}

// tables returns the tables of a lake as they were less than Fresh ago. The caller does not change the slice.
func (h *Handler) tables(ctx context.Context, lake string) ([]tidemark.TableID, error) {
	l := h.lists[lake]
	since := h.o.Now().Add(-Fresh)
	if tables, ok := l.known(since); ok {
		return tables, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if tables, ok := l.known(since); ok { // found while we waited
		return tables, nil
	}
	asked := h.o.Now()
	opened, err := h.o.Open(ctx, lake)
	if err != nil {
		return nil, err
	}
	tables, err := opened.Tables(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.tables = asked, tables
	return tables, nil
}

// A request is one that a route has been found for.
type request struct {
	*http.Request
	lake      string
	namespace string
	name      string // of a table or view
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		h.fail(w, r, err)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	path, err := segments(r.URL)
	if err != nil || len(path) == 0 || path[0] != "v1" {
		return noRoute(r)
	}
	path = path[1:]
	if slices.Equal(path, []string{"oauth", "tokens"}) {
		return problem{http.StatusNotFound, "NoSuchRouteException", "this catalog gives out no tokens; set the token that its owner has given you"}
	}
	q := &request{Request: r}
	if !slices.Equal(path, []string{"config"}) {
		if q.lake, path, err = h.prefix(path); err != nil {
			return err
		}
	}
	for _, route := range routes() {
		if route.match(path, q) {
			return h.answer(w, q, route)
		}
	}
	return noRoute(r)
}

// segments returns the parts of a path as they were before they were escaped.
func segments(u *url.URL) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		if part == "" {
			continue // clients put one slash too many behind their address
		}
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		parts = append(parts, plain)
	}
	return parts, nil
}

// prefix takes the name of a lake off a path. Where there is but one it may be missing.
func (h *Handler) prefix(path []string) (lake string, rest []string, err error) {
	begins := func(path []string) bool {
		return len(path) > 0 && slices.Contains([]string{"namespaces", "tables", "views", "transactions"}, path[0])
	}
	switch {
	case len(path) > 1 && h.lists[path[0]] != nil && begins(path[1:]):
		return path[0], path[1:], nil
	case begins(path) && len(h.o.Lakes) == 1:
		return h.o.Lakes[0], path, nil
	case begins(path):
		return "", nil, bad("there are several lakes here: ask /v1/config with a warehouse, one of " + strings.Join(h.o.Lakes, ", "))
	}
	return "", nil, problem{http.StatusNotFound, "NoSuchRouteException", "there is nothing at this path; the warehouses are: " + strings.Join(h.o.Lakes, ", ")}
}

// A route is a path of the protocol, and what is done there.
type route struct {
	path    string                        // NAMESPACE and NAME stand for any
	methods []string                      // that are answered
	do      func(*Handler, *answer) error // nil where there are none
	writes  []string                      // that the protocol has, and that would change something
}

func routes() []route {
	const (
		namespace = "namespaces/NAMESPACE"
		table     = namespace + "/tables/NAME"
	)
	get, look, post := []string{http.MethodGet}, []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	change := []string{http.MethodPost, http.MethodDelete}
	return []route{
		{path: "config", methods: get, do: (*Handler).config},
		{path: "namespaces", methods: get, do: (*Handler).listNamespaces, writes: post},
		{path: namespace, methods: look, do: (*Handler).namespace, writes: []string{http.MethodDelete}},
		{path: namespace + "/properties", writes: post},
		{path: namespace + "/tables", methods: get, do: (*Handler).listTables, writes: post},
		{path: table, methods: look, do: (*Handler).table, writes: change},
		{path: table + "/metrics", methods: post, do: (*Handler).metrics},
		{path: table + "/unregister", writes: post},
		{path: namespace + "/register", writes: post},
		{path: namespace + "/views", methods: get, do: (*Handler).listViews, writes: post},
		{path: namespace + "/views/NAME", methods: look, do: (*Handler).view, writes: change},
		{path: namespace + "/register-view", writes: post},
		{path: "tables/rename", writes: post},
		{path: "views/rename", writes: post},
		{path: "transactions/commit", writes: post},
	}
}

// match reports whether a path is the route's, and notes whose it is.
func (t route) match(path []string, q *request) bool {
	want := strings.Split(t.path, "/")
	if len(want) != len(path) {
		return false
	}
	var namespace, name string
	for i, w := range want {
		switch w {
		case "NAMESPACE":
			namespace = path[i]
		case "NAME":
			name = path[i]
		default:
			if w != path[i] {
				return false
			}
		}
	}
	q.namespace, q.name = namespace, name
	return true
}

// answer lets a route answer, or refuses the method.
func (h *Handler) answer(w http.ResponseWriter, q *request, t route) error {
	method := q.Method
	if method == http.MethodHead && slices.Contains(t.methods, http.MethodGet) && !slices.Contains(t.methods, method) {
		method = http.MethodGet // net/http leaves the body out
	}
	allow := slices.Clone(t.methods)
	if slices.Contains(allow, http.MethodGet) && !slices.Contains(allow, http.MethodHead) {
		allow = append(allow, http.MethodHead)
	}
	allowed := strings.Join(append(allow, http.MethodOptions), ", ")
	switch {
	case method == http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case slices.Contains(t.methods, method):
		return t.do(h, &answer{ResponseWriter: w, request: q})
	case slices.Contains(t.writes, method):
		return problem{http.StatusForbidden, "ForbiddenException", "this catalog is read-only: its tables are written by the pipelines of Tidemark"}
	}
	w.Header().Set("Allow", allowed)
	return problem{http.StatusMethodNotAllowed, "UnsupportedOperationException", "method " + q.Method + " is not known here; there is " + allowed}
}
