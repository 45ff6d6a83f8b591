package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

const (
	warehouse = "lake" // the one that there is
	prefix    = "w1"   // below which its routes are
)

// server holds one warehouse. It is an http.Handler.
type server struct {
	token, client, access, issued string

	mu         sync.Mutex
	namespaces map[string]map[string]*entry
}

// An entry is a table.
type entry struct {
	location string // of the newest metadata file
	metadata table.Metadata
	number   int
}

// A failure is an answer that is no success.
type failure struct {
	status     int
	kind, text string
}

func (f failure) Error() string { return f.kind + ": " + f.text }

func noTable(namespace, name string) error {
	return failure{http.StatusNotFound, "NoSuchTableException", "there is no table " + namespace + "." + name}
}

func newServer() *server { return &server{namespaces: map[string]map[string]*entry{}} }

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answer(w, r, s.allowed, h) })
	}
	mux.HandleFunc("POST /v1/oauth/tokens", s.oauth)
	handle("GET /v1/config", s.config)
	base := "/v1/" + prefix + "/namespaces"
	handle("GET "+base, s.listNamespaces)
	handle("POST "+base, s.createNamespace)
	handle("GET "+base+"/{namespace}/tables", s.listTables)
	handle("POST "+base+"/{namespace}/tables", s.createTable)
	handle("GET "+base+"/{namespace}/tables/{table}", s.loadTable)
	handle("POST "+base+"/{namespace}/tables/{table}", s.commit)
	handle("DELETE "+base+"/{namespace}/tables/{table}", s.drop)
	mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, r *http.Request, allowed func(*http.Request) error, h func(*http.Request) (any, error)) {
	err := allowed(r)
	var body any
	if err == nil {
		body, err = h(r)
	}
	w.Header().Set("Content-Type", "application/json")
	var f failure
	switch {
	case errors.As(err, &f):
		w.WriteHeader(f.status)
	case err != nil:
		f = failure{http.StatusBadRequest, "BadRequestException", err.Error()}
		w.WriteHeader(f.status)
	case body == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if f.status != 0 {
		body = map[string]any{"error": map[string]any{"message": f.text, "type": f.kind, "code": f.status}}
	}
	_ = json.NewEncoder(w).Encode(body)
}

// allowed looks at the credentials of a request.
func (s *server) allowed(r *http.Request) error {
	have := r.Header.Get("Authorization")
	switch {
	case have == "Bearer "+s.token, have == "Bearer "+s.issued:
		return nil
	case strings.HasPrefix(have, "AWS4-HMAC-SHA256 Credential="+s.access+"/") && strings.Contains(have, "/glue/aws4_request"):
		return nil
	}
	return failure{http.StatusUnauthorized, "NotAuthorizedException", "the credentials are not good"}
}

// oauth gives a token to a client.
func (s *server) oauth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id")+":"+r.PostFormValue("client_secret") != s.client {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"error":"invalid_client","error_description":"no such client, or another secret"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": s.issued, "token_type": "bearer", "expires_in": 3600})
}

func (s *server) config(r *http.Request) (any, error) {
	if got := r.URL.Query().Get("warehouse"); got != warehouse {
		return nil, failure{http.StatusNotFound, "NoSuchWarehouseException", fmt.Sprintf("there is no warehouse %q", got)}
	}
	return map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{"prefix": prefix}}, nil
}

func (s *server) listNamespaces(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := [][]string{}
	for name := range s.namespaces {
		list = append(list, []string{name})
	}
	return map[string]any{"namespaces": list}, nil
}

func (s *server) createNamespace(r *http.Request) (any, error) {
	var request struct{ Namespace []string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Namespace) != 1 {
		return nil, errors.Join(errors.New("want a namespace of one level"), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.namespaces[request.Namespace[0]] != nil {
		return nil, failure{http.StatusConflict, "AlreadyExistsException", "the namespace is there"}
	}
	s.namespaces[request.Namespace[0]] = map[string]*entry{}
	return map[string]any{"namespace": request.Namespace, "properties": map[string]string{}}, nil
}

func (s *server) listTables(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace := r.PathValue("namespace")
	tables := s.namespaces[namespace]
	if tables == nil {
		return nil, failure{http.StatusNotFound, "NoSuchNamespaceException", "there is no namespace " + namespace}
	}
	list := []any{}
	for name := range tables {
		list = append(list, map[string]any{"namespace": []string{namespace}, "name": name})
	}
	return map[string]any{"identifiers": list}, nil
}

func (s *server) createTable(r *http.Request) (any, error) {
	var request struct {
		Name       string                        `json:"name"`
		Location   string                        `json:"location"`
		Schema     *iceberg.Schema               `json:"schema"`
		Spec       *iceberg.UnboundPartitionSpec `json:"partition-spec"`
		Order      *table.UnboundSortOrder       `json:"write-order"`
		Stage      bool                          `json:"stage-create"`
		Properties iceberg.Properties            `json:"properties"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	if request.Stage || request.Location == "" || request.Schema == nil {
		return nil, failure{http.StatusNotAcceptable, "UnsupportedOperationException", "want a location and a schema, and no staging"}
	}
	spec, order := iceberg.UnpartitionedSpec, table.UnsortedSortOrder
	if request.Spec != nil {
		spec = &request.Spec.PartitionSpec
	}
	if request.Order != nil {
		order = request.Order.SortOrder
	}
	metadata, err := table.NewMetadata(request.Schema, spec, order, request.Location, request.Properties)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace := r.PathValue("namespace")
	tables := s.namespaces[namespace]
	switch {
	case tables == nil:
		return nil, failure{http.StatusNotFound, "NoSuchNamespaceException", "there is no namespace " + namespace}
	case tables[request.Name] != nil:
		return nil, failure{http.StatusConflict, "AlreadyExistsException", "the table is there"}
	}
	e := &entry{}
	if err := e.write(metadata); err != nil {
		return nil, err
	}
	tables[request.Name] = e
	return e.answer(), nil
}

// write makes metadata the newest of a table.
func (e *entry) write(metadata table.Metadata) error {
	data, err := json.Marshal(metadata)
	if err != nil {
		return err
	}
	folder := filepath.Join(metadata.Location(), "metadata")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	location := filepath.Join(folder, fmt.Sprintf("%05d-%s.metadata.json", e.number, uuid.New()))
	if err := os.WriteFile(location, data, 0o600); err != nil {
		return err
	}
	e.location, e.metadata, e.number = location, metadata, e.number+1
	return nil
}

func (e *entry) answer() any {
	return map[string]any{"metadata-location": e.location, "metadata": e.metadata, "config": map[string]string{}}
}

// find needs the lock.
func (s *server) find(r *http.Request) (*entry, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("table")
	if e := s.namespaces[namespace][name]; e != nil {
		return e, nil
	}
	return nil, noTable(namespace, name)
}

func (s *server) loadTable(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(r)
	if err != nil {
		return nil, err
	}
	return e.answer(), nil
}

// commit changes a table if all that is required holds for it as it is now.
func (s *server) commit(r *http.Request) (any, error) {
	var request struct {
		Requirements table.Requirements `json:"requirements"`
		Updates      table.Updates      `json:"updates"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(r)
	if err != nil {
		return nil, err
	}
	for _, q := range request.Requirements {
		if err := q.Validate(e.metadata); err != nil {
			return nil, failure{http.StatusConflict, "CommitFailedException", err.Error()}
		}
	}
	metadata, err := table.UpdateTableMetadata(e.metadata, request.Updates, e.location)
	if err != nil {
		return nil, err
	}
	if err := e.write(metadata); err != nil {
		return nil, err
	}
	return e.answer(), nil
}

// drop forgets a table. Its files stay.
func (s *server) drop(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(r); err != nil {
		return nil, err
	}
	if r.URL.Query().Get("purgeRequested") == "true" {
		return nil, failure{http.StatusNotAcceptable, "UnsupportedOperationException", "nothing is purged here"}
	}
	delete(s.namespaces[r.PathValue("namespace")], r.PathValue("table"))
	return nil, nil
}
