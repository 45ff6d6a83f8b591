package testenv

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// A GlueServer is a Glue Data Catalog with a prefix for the names of databases that this test alone uses.
type GlueServer struct {
	Endpoint       string // http://127.0.0.1:port
	Region         string
	AccessKey      string
	SecretKey      string
	DatabasePrefix string

	// Refuse answers requests in place of the server where it returns a code and a message: "" lets them through.
	// It is called with the name of the action. Set it before the first request.
	Refuse func(action string) (code, message string)

	moto    string
	changes sync.Mutex
}

// Glue returns the catalog of a moto server, an emulator of AWS: that of TIDEMARK_TEST_MOTO, or one on its usual port
// of this machine. The test is skipped when there is none.
//
// What moto does not do is done here, before it: it takes every UpdateTable, whatever VersionId the request has, while
// Glue refuses one that is not the table's with ConcurrentModificationException. Lake Formation and IAM are not there
// at all. What else the real Glue may do is not tested with this.
func Glue(t testing.TB) *GlueServer {
	t.Helper()
	g := &GlueServer{
		Region: "us-east-1", AccessKey: "tide-test-access", SecretKey: "tide-test-secret-key",
		DatabasePrefix: "t" + strings.ToLower(rand.Text()[:12]) + "_",
		moto:           cmp.Or(os.Getenv("TIDEMARK_TEST_MOTO"), "http://127.0.0.1:5555"),
	}
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(g.moto + "/moto-api/data.json")
	if err != nil {
		t.Skipf("no moto server at %s (TIDEMARK_TEST_MOTO): %v", g.moto, err)
	}
	_ = answer.Body.Close()
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	t.Cleanup(g.clean)
	g.Endpoint = server.URL
	return g
}

// ServeHTTP passes a request on.
func (g *GlueServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if g.Refuse != nil {
		if code, message := g.Refuse(action); code != "" {
			refuse(w, code, message)
			return
		}
	}
	if strings.HasPrefix(action, "Create") || strings.HasPrefix(action, "Update") {
		g.changes.Lock()
		defer g.changes.Unlock()
	}
	if action == "UpdateTable" {
		if have, want := g.versions(body); have != want {
			refuse(w, "ConcurrentModificationException", fmt.Sprintf("the table has version %s, not %s", have, want))
			return
		}
	}
	status, answer, err := g.send(action, body)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func refuse(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

// versions returns the version of the table that a request changes, and the one that the request wants.
func (g *GlueServer) versions(body []byte) (have, want string) {
	var request struct {
		DatabaseName string
		VersionID    string
		TableInput   struct{ Name string }
	}
	if json.Unmarshal(body, &request) != nil || request.VersionID == "" {
		return "", ""
	}
	var answer struct{ Table struct{ VersionID string } }
	ask, _ := json.Marshal(map[string]string{"DatabaseName": request.DatabaseName, "Name": request.TableInput.Name})
	if _, data, err := g.send("GetTable", ask); err == nil {
		_ = json.Unmarshal(data, &answer)
	}
	return cmp.Or(answer.Table.VersionID, request.VersionID), request.VersionID // moto knows what to say of no table
}

func (g *GlueServer) send(action string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequest(http.MethodPost, g.moto+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSGlue."+action)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+g.AccessKey+"/20260101/"+g.Region+"/glue/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// clean removes the databases of the test.
func (g *GlueServer) clean() {
	var list struct{ DatabaseList []struct{ Name string } }
	if _, data, err := g.send("GetDatabases", []byte("{}")); err == nil {
		_ = json.Unmarshal(data, &list)
	}
	for _, d := range list.DatabaseList {
		if strings.HasPrefix(d.Name, g.DatabasePrefix) {
			name, _ := json.Marshal(map[string]string{"Name": d.Name})
			_, _, _ = g.send("DeleteDatabase", name)
		}
	}
}
