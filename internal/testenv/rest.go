package testenv

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A RESTServer is an Iceberg REST catalog whose tables lie in folders of this machine, with a proxy before it that makes
// faults.
type RESTServer struct {
	URI       string // http://127.0.0.1:port
	Warehouse string

	Token        string // that is good
	ClientID     string // for which there is a token
	ClientSecret string
	AccessKey    string // of signed requests; the signature is not verified

	// Fault says what becomes of a request. Set it before the first one.
	Fault func(method, path string) RESTFault

	mu     sync.Mutex
	direct string
}

// A RESTFault is what becomes of a request to a RESTServer.
type RESTFault int

const (
	RESTNone     RESTFault = iota
	RESTRefused            // 503, and nothing was done
	RESTBusy               // 503, and all was done
	RESTConflict           // 409, and nothing was done
	RESTDenied             // 403, and nothing was done
	RESTLost               // all was done, but there is no answer
)

// Names of what the server takes.
const (
	restToken  = "tide-rest-token"
	restClient = "tide-client"
	restSecret = "tide-rest-secret"
	restAccess = "tide-rest-access"
)

// REST starts a catalog that the test alone uses. It is the one of the module testservers.
func REST(t testing.TB) *RESTServer {
	t.Helper()
	started.Lock()
	address, err := startTestServer("restcatalog", "-token", restToken, "-client", restClient+":"+restSecret, "-access", restAccess)
	started.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the REST catalog for tests cannot be built: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &RESTServer{
		Warehouse: "lake", Token: restToken, ClientID: restClient, ClientSecret: restSecret, AccessKey: restAccess,
		direct: "http://" + address,
	}
	proxy := httptest.NewServer(s)
	t.Cleanup(proxy.Close)
	s.URI = proxy.URL
	return s
}

// Forget drops a table from the catalog, if it is there. Its files stay.
func (s *RESTServer) Forget(t testing.TB, namespace, name string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodDelete, s.direct+"/v1/w1/namespaces/"+namespace+"/tables/"+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent && answer.StatusCode != http.StatusNotFound {
		t.Fatalf("drop table %s.%s: %s", namespace, name, answer.Status)
	}
}

// ServeHTTP passes a request on, or makes its fault.
func (s *RESTServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := RESTNone
	if s.Fault != nil {
		s.mu.Lock()
		fault = s.Fault(r.Method, r.URL.Path)
		s.mu.Unlock()
	}
	switch fault {
	case RESTRefused:
		restError(w, http.StatusServiceUnavailable, "ServiceUnavailableException")
		return
	case RESTConflict:
		restError(w, http.StatusConflict, "CommitFailedException")
		return
	case RESTDenied:
		restError(w, http.StatusForbidden, "ForbiddenException")
		return
	}
	status, header, body, err := s.send(r)
	switch {
	case fault == RESTLost || err != nil:
		panic(http.ErrAbortHandler) // closes the connection
	case fault == RESTBusy:
		restError(w, http.StatusServiceUnavailable, "ServiceUnavailableException")
		return
	}
	if kind := header.Get("Content-Type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func restError(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"message":"injected","type":"`+kind+`","code":0}}`)
}

func (s *RESTServer) send(r *http.Request) (status int, header http.Header, body []byte, err error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	path := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	request, err := http.NewRequest(r.Method, s.direct+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, nil, err
	}
	for name, values := range r.Header {
		if !strings.EqualFold(name, "Accept-Encoding") {
			request.Header[name] = values
		}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, body, err
}
