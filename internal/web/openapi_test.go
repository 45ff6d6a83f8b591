package web

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write what the console is built from")

// TestOpenAPIOfConsole holds web/openapi.json, of which the types of the console are made, to what the server says.
func TestOpenAPIOfConsole(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:40000"
	w := httptest.NewRecorder()
	handler(t, nil).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	const file = "../../web/openapi.json"
	if *update {
		if err := os.WriteFile(file, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != w.Body.String() {
		t.Errorf("%s is not what the server says: go test ./internal/web -run OpenAPIOfConsole -update, and build the console", file)
	}
}
