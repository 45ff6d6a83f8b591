package serve_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

const hookPipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
    triggers:
      - {name: called, webhook: {token: "${env:SITE_TOKEN}"}}
      - {name: signed, webhook: {secret: "${env:SITE_KEY}"}}
      - {name: weak, webhook: {token: "${env:SITE_WEAK}"}}
      - {name: unset, webhook: {token: "${env:SITE_UNSET}"}}
      - {every: 24h, enabled: false}
`

// TestHooks: a request that proves that it may starts a run, once for what has happened; any other is refused with the same
// words, whatever is wrong.
func TestHooks(t *testing.T) {
	const token, key = "a-token-of-some-length", "a-key-of-some-length"
	t.Setenv("SITE_TOKEN", token)
	t.Setenv("SITE_KEY", key)
	t.Setenv("SITE_WEAK", "short")
	s := newSite(t, "", hookPipelines)
	s.ordersTable(t)
	call := func(name, body string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/api/v1/hooks/orders/"+name, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	first := ""
	for _, good := range [][]string{
		{"called", "", "Authorization", "Bearer " + token, "Idempotency-Key", "one"},
		{"called", `{"any": "thing"}`, "Authorization", "bearer " + token, "Idempotency-Key", "one", "Content-Type", "text/xml"},
		{"signed", `{"ref": "main"}`, "X-Hub-Signature-256", sign(`{"ref": "main"}`), "X-GitHub-Delivery", "72d3162e"},
		{"signed", "", "X-Hub-Signature-256", sign("")},
	} {
		code, text := call(good[0], good[1], good[2:]...)
		var begun runsBody
		if err := json.Unmarshal([]byte(text), &begun); code != http.StatusAccepted || err != nil || len(begun.Runs) != 1 {
			t.Fatalf("%q: %d %s", good, code, text)
		}
		r, _ := s.follow(t, begun.Runs[0].ID)
		if r.Causes[0].Trigger.Pipeline() != "orders" || r.Causes[0].By != "webhook" {
			t.Errorf("%q: the causes are %+v", good, r.Causes)
		}
		if good[len(good)-1] == "one" && first == "" {
			first = string(r.ID)
		} else if good[0] == "called" && string(r.ID) != first {
			t.Errorf("sent again under the same id, it has started run %s beside %s", r.ID, first)
		}
	}
	var all runsBody
	if s.ask(t, 200, "GET", "/api/v1/runs", "", &all); len(all.Runs) != 3 {
		t.Errorf("%d runs, want 3", len(all.Runs))
	}
	refusal := ""
	for _, bad := range [][]string{
		{"called", ""},
		{"called", "", "Authorization", "Bearer wrong-token-of-length"},
		{"called", "", "Authorization", "Basic " + token},
		{"called", "", "X-Hub-Signature-256", sign("")},
		{"signed", "other", "X-Hub-Signature-256", sign("body")},
		{"signed", "", "X-Hub-Signature-256", "sha256=zz"},
		{"signed", "", "Authorization", "Bearer " + key},
		{"weak", "", "Authorization", "Bearer short"},
		{"unset", "", "Authorization", "Bearer "},
		{"every", "", "Authorization", "Bearer "},
		{"nothing", "", "Authorization", "Bearer " + token},
	} {
		code, text := call(bad[0], bad[1], bad[2:]...)
		if refusal == "" {
			refusal = text
		}
		if code != http.StatusUnauthorized || text != refusal {
			t.Errorf("%q: %d %s", bad, code, text)
		}
	}
	if code, _ := call("signed", strings.Repeat("x", 2<<20), "X-Hub-Signature-256", sign("")); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 2 MiB: %d", code)
	}
	s.ask(t, 200, "PATCH", "/api/v1/triggers/orders/called", `{"enabled": false}`, nil)
	if code, text := call("called", "", "Authorization", "Bearer "+token); code != http.StatusConflict {
		t.Errorf("a trigger that is turned off: %d %s", code, text)
	}
}
