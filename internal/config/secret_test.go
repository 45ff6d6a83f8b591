package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

const canary = "c4nary-pa55word"

// TestLiteralSecrets puts a password in every place where people put passwords.
func TestLiteralSecrets(t *testing.T) {
	const form = `connections:
  shop: {type: mysql, url: "%s", password: %s}
  lake: {type: file, path: lake}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: c}, target: {connection: lake}}
`
	for _, c := range []struct{ url, password, want string }{
		{"mysql://etl@h/db2", canary, "a secret cannot be written here"},
		{"mysql://etl@h/db2", `"${` + canary + `}"`, "a secret cannot be written here"},
		{"mysql://etl@h/db2", `"${vault:` + canary + `}"`, "unknown kind of reference"},
		{"mysql://etl@h/db2", `"${env:` + canary + `}"`, "not the name of an environment variable"},
		{"mysql://etl@h/db2", `[` + canary + `]`, "want a reference such as ${env:NAME}"},
		{"mysql://etl:" + canary + "@h/db2", `"${env:A}"`, "a password in the URL"},
		{"mysql://etl:" + canary + "@h:port/db2", `"${env:A}"`, "not a URL"},
		{"mysql://etl:" + canary + "%zz@h/db2", `"${env:A}"`, "not a URL"},
		{"mysqlx://etl:" + canary + "@h/db2", `"${env:A}"`, "want a URL of the form mysql://"},
		{"mysql://etl@h/db2?password=" + canary, `"${env:A}"`, "has keys of its own"},
		{"mysql://etl@h/db2", `"` + canary + "\n  }", "not YAML"},
		{"mysql://etl@h/db2", `{` + canary, "not YAML"},
	} {
		parsed, err := Parse("t.yaml", fmt.Appendf(nil, form, c.url, c.password))
		if err == nil {
			t.Errorf("url %s, password %s: accepted as %+v", c.url, c.password, parsed)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, canary) {
			t.Errorf("url %s, password %s: error %q, want %q and no password", c.url, c.password, text, c.want)
		}
	}
}

func TestSecretIsHidden(t *testing.T) {
	s := Secret{store: "env", name: "NAME", access: &secretAccess{env: func(string) (string, bool) { return canary, true }}}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("it", "secret", s, "in", &MySQL{Password: s})
	encoded, err := json.Marshal(&MySQL{Password: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%#v", s), fmt.Sprintf("%+v", &MySQL{Password: s}), logged.String(), string(encoded),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, "NAME") {
			t.Errorf("shown in %s", text)
		}
	}
	if value, err := s.Resolve(t.Context()); value != canary || err != nil {
		t.Errorf("resolved to %q, %v", value, err)
	}
}

func TestResolve(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("plain", canary, 0o600)
	write("newline", canary+"\n", 0o600)
	write("windows", canary+"\r\n", 0o600)
	write("two", canary+"\n\n", 0o600)
	write("empty", "\n", 0o600)
	write("large", strings.Repeat("x", maxSecret+1), 0o600)
	write("has#hash", canary, 0o600)
	access := &secretAccess{folder: folder, env: func(name string) (string, bool) {
		return map[string]string{"SET": canary, "EMPTY": ""}[name], name == "SET" || name == "EMPTY"
	}}
	for _, c := range []struct {
		reference, want string
		kind            error
	}{
		{"${env:SET}", canary, nil},
		{"${env:EMPTY}", "", tidemark.ErrNotFound},
		{"${env:UNSET}", "", tidemark.ErrNotFound},
		{"${file:" + folder + "/plain}", canary, nil},
		{"${file:newline}", canary, nil},
		{"${file:windows}", canary, nil},
		{"${file:two}", canary + "\n", nil},
		{"${file:has#hash}", canary, nil},
		{"${file:empty}", "", tidemark.ErrNotFound},
		{"${file:large}", "", tidemark.ErrNotFound},
		{"${file:none}", "", tidemark.ErrNotFound},
	} {
		var s Secret
		if err := s.UnmarshalText([]byte(c.reference)); err != nil {
			t.Errorf("%s: %v", c.reference, err)
			continue
		}
		s.access = access
		got, err := s.Resolve(t.Context())
		if got != c.want || !errors.Is(err, c.kind) || (err != nil) != (c.kind != nil) {
			t.Errorf("%s: %q, %v; want %q, %v", c.reference, got, err, c.want, c.kind)
		}
		if err != nil && tidemark.Hint(err) == "" {
			t.Errorf("%s: error %v has no hint", c.reference, err)
		}
	}
}

// TestResolveAWS speaks the real client against a server that answers as AWS Secrets Manager does.
func TestResolveAWS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			ID string `json:"SecretId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		secrets := map[string]string{"plain": canary, "json": `{"username":"etl","password":"` + canary + `","port":3306}`}
		value, found := secrets[asked.ID]
		switch {
		case asked.ID == "forbidden":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"no"}`)
		case !found:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ResourceNotFoundException","Message":"no such secret"}`)
		default:
			_ = json.NewEncoder(w).Encode(map[string]string{"Name": asked.ID, "SecretString": value})
		}
	}))
	defer server.Close()
	access := &secretAccess{aws: secretsSpec{Endpoint: server.URL, Region: "eu-west-1"}}
	for _, c := range []struct {
		reference, want string
		kind            error
	}{
		{"${aws-sm:plain}", canary, nil},
		{"${aws-sm:json#password}", canary, nil},
		{"${aws-sm:json#port}", "", tidemark.ErrNotFound},
		{"${aws-sm:json#none}", "", tidemark.ErrNotFound},
		{"${aws-sm:plain#password}", "", tidemark.ErrInvalid},
		{"${aws-sm:none}", "", tidemark.ErrNotFound},
		{"${aws-sm:forbidden}", "", tidemark.ErrDenied},
	} {
		var s Secret
		if err := s.UnmarshalText([]byte(c.reference)); err != nil {
			t.Fatal(err)
		}
		s.access = access
		got, err := s.Resolve(t.Context())
		if got != c.want || !errors.Is(err, c.kind) || (err != nil) != (c.kind != nil) {
			t.Errorf("%s: %q, %v; want %q, %v", c.reference, got, err, c.want, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error shows the secret: %v", c.reference, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Secret{store: "aws-sm", name: "plain", access: access}).Resolve(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestSecretRegion(t *testing.T) {
	access := &secretAccess{aws: secretsSpec{Region: "eu-west-1"}}
	for name, want := range map[string]string{
		"shop": "eu-west-1", "arn:aws:secretsmanager:us-east-2:1:secret:shop-a1": "us-east-2",
	} {
		if got := (Secret{store: "aws-sm", name: name, access: access}).regionAWS(); got != want {
			t.Errorf("region of %s: %q, want %q", name, got, want)
		}
	}
}

func FuzzSecret(f *testing.F) {
	for _, seed := range []string{"${env:A}", "${file:/a b#c}", "${aws-sm:a#b}", "${env:A}x", "", "${", "$env:A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s Secret
		err := s.UnmarshalText([]byte(text))
		if (err == nil) == s.IsZero() {
			t.Errorf("%q: error %v, but zero is %t", text, err, s.IsZero())
		}
		if err == nil && (!strings.HasPrefix(strings.TrimSpace(text), "${") || s.name == "") {
			t.Errorf("%q was taken for a reference to %q", text, s.name)
		}
		if err != nil && len(text) > 4 && strings.Contains(err.Error()+tidemark.Hint(err), text) &&
			!strings.Contains(howToRefer+"a secret cannot be written here, only a reference to it", text) {
			t.Errorf("the error repeats %q", text)
		}
	})
}
