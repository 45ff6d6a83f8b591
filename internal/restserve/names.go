package restserve

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// config tells a client by which prefix its warehouse is found, and what it may ask.
func (h *Handler) config(a *answer) error {
	lake := a.URL.Query().Get("warehouse")
	there := "the warehouses are: " + strings.Join(h.o.Lakes, ", ")
	switch {
	case lake == "" && len(h.o.Lakes) == 1:
		lake = h.o.Lakes[0]
	case lake == "":
		return bad("name a warehouse; " + there)
	case h.lists[lake] == nil:
		return problem{http.StatusNotFound, "NoSuchWarehouseException", "there is no warehouse " + strconv.Quote(lake) + "; " + there}
	}
	type settings struct {
		Defaults  map[string]string `json:"defaults"`
		Overrides map[string]string `json:"overrides"`
		Endpoints []string          `json:"endpoints"`
	}
	return a.json(settings{Defaults: map[string]string{}, Overrides: map[string]string{"prefix": lake}, Endpoints: endpoints()})
}

func endpoints() []string {
	const namespace = "/v1/{prefix}/namespaces/{namespace}"
	return []string{
		"GET /v1/{prefix}/namespaces",
		"GET " + namespace,
		"HEAD " + namespace,
		"GET " + namespace + "/tables",
		"GET " + namespace + "/tables/{table}",
		"HEAD " + namespace + "/tables/{table}",
		"POST " + namespace + "/tables/{table}/metrics",
		"GET " + namespace + "/views",
	}
}

// levels splits the name of a namespace. Ours have one level.
func levels(namespace string) []string { return strings.Split(namespace, "\x1f") }

// namespaces returns all of a lake, sorted.
func (h *Handler) namespaces(a *answer) ([]string, error) {
	tables, err := h.tables(a.Context(), a.lake)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range tables {
		names = append(names, t.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (h *Handler) listNamespaces(a *answer) error {
	names, err := h.namespaces(a)
	if err != nil {
		return err
	}
	if parent := a.URL.Query().Get("parent"); parent != "" {
		if !slices.Contains(names, parent) {
			return noNamespace(strings.Join(levels(parent), "."))
		}
		names = nil // there are none below another
	}
	names, next, err := page(a, names)
	if err != nil {
		return err
	}
	list := make([][]string, len(names))
	for i, n := range names {
		list[i] = []string{n}
	}
	return a.json(struct {
		Next       *string    `json:"next-page-token"`
		Namespaces [][]string `json:"namespaces"`
	}{next, list})
}

// exists is nil for a namespace that is there.
func (h *Handler) exists(a *answer) error {
	names, err := h.namespaces(a)
	if err == nil && !slices.Contains(names, a.namespace) {
		return noNamespace(strings.Join(levels(a.namespace), "."))
	}
	return err
}

func (h *Handler) namespace(a *answer) error {
	if err := h.exists(a); err != nil {
		return err
	}
	if a.Method == http.MethodHead {
		return a.nothing()
	}
	return a.json(struct {
		Namespace  []string          `json:"namespace"`
		Properties map[string]string `json:"properties"`
	}{levels(a.namespace), map[string]string{}})
}

// An identifier is the name of a table in the protocol.
type identifier struct {
	Namespace []string `json:"namespace"`
	Name      string   `json:"name"`
}

type identifiers struct {
	Next        *string      `json:"next-page-token"`
	Identifiers []identifier `json:"identifiers"`
}

func (h *Handler) listTables(a *answer) error {
	if err := h.exists(a); err != nil {
		return err
	}
	tables, err := h.tables(a.Context(), a.lake)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range tables {
		if t.Namespace == a.namespace {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	names, next, err := page(a, names)
	if err != nil {
		return err
	}
	list := make([]identifier, len(names))
	for i, n := range names {
		list[i] = identifier{[]string{a.namespace}, n}
	}
	return a.json(identifiers{next, list})
}

func (h *Handler) listViews(a *answer) error {
	if err := h.exists(a); err != nil {
		return err
	}
	return a.json(identifiers{Identifiers: []identifier{}})
}

func (h *Handler) view(a *answer) error {
	id := tidemark.TableID{Namespace: a.namespace, Name: a.name}
	return problem{http.StatusNotFound, "NoSuchViewException", "view does not exist: " + strconv.Quote(id.String())}
}

// maxPage is how many names an answer holds at most that is one of several.
const maxPage = 1000

// page returns those of the sorted names that the client wants now, and the token for those behind them; nil where there
// are no more. The token is the last name before, so that tables that come and go meanwhile do no harm. A client that
// sends no token, be it an empty one, knows no pages, and gets all.
func page(a *answer, names []string) (some []string, next *string, err error) {
	query := a.URL.Query()
	size := maxPage
	if text := query.Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, nil, bad("pageSize " + strconv.Quote(text) + ": want a number from 1 on")
		}
		size = min(n, maxPage)
	}
	if !query.Has("pageToken") {
		return names, nil, nil
	}
	if token := query.Get("pageToken"); token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, nil, bad("pageToken: want the next-page-token of an answer")
		}
		at, found := slices.BinarySearch(names, string(last))
		if found {
			at++
		}
		names = names[at:]
	}
	if len(names) <= size {
		return names, nil, nil
	}
	token := base64.RawURLEncoding.EncodeToString([]byte(names[size-1]))
	return names[:size], &token, nil
}
