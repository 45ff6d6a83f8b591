package testenv

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An AthenaServer is Athena as a moto server emulates it: it takes statements, tells their states, and gives the results that
// the test has put there.
type AthenaServer struct {
	Endpoint  string // http://127.0.0.1:port
	Region    string
	AccessKey string
	SecretKey string

	moto   string
	mu     sync.Mutex
	seen   []string
	answer AthenaAnswer
}

// An AthenaAnswer replaces what the server says to a request, by the name of its action: a status of 0 lets it through as it is.
type AthenaAnswer func(action string, request, answer []byte) (status int, replaced string)

// Answer lets f answer from now on.
func (a *AthenaServer) Answer(f AthenaAnswer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// Athena returns Athena of a moto server, an emulator of AWS: that of TIDEMARK_TEST_MOTO, or one on its usual port of this
// machine. The test is skipped when there is none.
//
// moto runs no SQL, and every statement has succeeded at once. What a statement comes to, its states on the way and failures
// are put in here, before it, by Answer.
func Athena(t testing.TB) *AthenaServer {
	t.Helper()
	a := &AthenaServer{
		Region: "us-east-1", AccessKey: "tide-test-access", SecretKey: "tide-test-secret-key",
		moto: cmp.Or(os.Getenv("TIDEMARK_TEST_MOTO"), "http://127.0.0.1:5555"),
	}
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(a.moto + "/moto-api/data.json")
	if err != nil {
		t.Skipf("no moto server at %s (TIDEMARK_TEST_MOTO): %v", a.moto, err)
	}
	_ = answer.Body.Close()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.Endpoint = server.URL
	return a
}

// AthenaColumn is a column of a result, with Athena's name of its type.
type AthenaColumn struct {
	Name, Type       string
	Precision, Scale int
}

// Put sets what the next statement comes to: columns, and rows of texts, nil for NULL. The row of names comes before them, as
// Athena has it. One test at a time may do so.
func (a *AthenaServer) Put(t testing.TB, columns []AthenaColumn, rows ...[]any) {
	t.Helper()
	type datum map[string]any
	names := make([]any, len(columns))
	var info []map[string]any
	for i, c := range columns {
		names[i] = c.Name
		info = append(info, map[string]any{
			"CatalogName": "", "SchemaName": "", "TableName": "", "Name": c.Name, "Label": c.Name, "Type": c.Type,
			"Precision": c.Precision, "Scale": c.Scale, "Nullable": "UNKNOWN", "CaseSensitive": false,
		})
	}
	var all []map[string]any
	for _, row := range append([][]any{names}, rows...) {
		var data []datum
		for _, v := range row {
			d := datum{}
			if v != nil {
				d["VarCharValue"] = v
			}
			data = append(data, d)
		}
		all = append(all, map[string]any{"Data": data})
	}
	body, err := json.Marshal(map[string]any{
		"account_id": "123456789012", "region": a.Region, "results": []any{map[string]any{"rows": all, "column_info": info}},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(a.moto+"/moto-api/static/athena/query-results", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("put a result: %s", answer.Status)
	}
}

// Seen returns the actions that were asked for, each with its request.
func (a *AthenaServer) Seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

// ServeHTTP passes a request on.
func (a *AthenaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	a.mu.Lock()
	a.seen = append(a.seen, action+" "+string(body))
	replace := a.answer
	a.mu.Unlock()
	status, answer, err := a.send(r.Header, body)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if replace != nil {
		if other, text := replace(action, body, answer); other != 0 {
			status, answer = other, []byte(text)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (a *AthenaServer) send(header http.Header, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequest(http.MethodPost, a.moto+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for _, name := range []string{"Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization"} {
		r.Header.Set(name, header.Get(name))
	}
	sent, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer sent.Body.Close()
	answer, err = io.ReadAll(sent.Body)
	return sent.StatusCode, answer, err
}
