package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// calls makes all calls to a store at once and returns their errors by name.
func calls(ctx context.Context, s *blob.S3) map[string]error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		result = make(map[string]error)
	)
	for name, call := range map[string]func() error{
		"get":    func() error { _, err := s.Get(ctx, "key", 0, -1); return err },
		"stat":   func() error { _, err := s.Stat(ctx, "key"); return err },
		"stage":  func() error { _, err := s.Stage(ctx, "key"); return err },
		"put":    func() error { return s.Put(ctx, "key", []byte("x"), blob.PutOptions{}) },
		"put if": func() error { return s.Put(ctx, "key", []byte("x"), blob.PutOptions{IfAbsent: true}) },
		"delete": func() error { return s.Delete(ctx, "key") },
		"list": func() (last error) {
			for _, err := range s.List(ctx, "") {
				last = err
			}
			return last
		},
	} {
		wg.Go(func() {
			err := call()
			mu.Lock()
			defer mu.Unlock()
			result[name] = err
		})
	}
	wg.Wait()
	return result
}

// TestS3Mistakes makes the mistakes that people make, against the real server: each has a kind, a hint, and no secret
// in its message.
func TestS3Mistakes(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	https := httptest.NewUnstartedServer(http.NotFoundHandler())
	https.Config.ErrorLog = log.New(io.Discard, "", 0)
	https.StartTLS()
	t.Cleanup(https.Close)
	for _, test := range []struct {
		name   string
		change func(c *blob.S3Config)
		want   error
		hint   string
	}{
		{"no bucket", func(c *blob.S3Config) { c.Bucket = "not-there" }, tidemark.ErrNotFound, "create the bucket"},
		{"wrong secret", func(c *blob.S3Config) { c.SecretKey = "canary-secret" }, tidemark.ErrDenied, "secret key"},
		{"wrong key", func(c *blob.S3Config) { c.AccessKey = "nobody-at-all" }, tidemark.ErrDenied, "access key"},
		{"nobody listens", func(c *blob.S3Config) { c.Endpoint = "http://" + closed.Addr().String() }, tidemark.ErrTransient, "cannot be reached"},
		{"no such host", func(c *blob.S3Config) { c.Endpoint = "http://nowhere.invalid" }, tidemark.ErrInvalid, "nowhere.invalid does not exist"},
		{"no TLS", func(c *blob.S3Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }, tidemark.ErrInvalid, "http://"},
		{"unknown authority", func(c *blob.S3Config) { c.Endpoint = https.URL }, tidemark.ErrInvalid, "AWS_CA_BUNDLE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			test.change(&c)
			if test.name == "no such host" && resolves("nowhere.invalid") {
				t.Skip("this network resolves every name")
			}
			for call, err := range calls(t.Context(), openS3(t, c)) {
				if !errors.Is(err, test.want) || !strings.Contains(tidemark.Hint(err), test.hint) {
					t.Errorf("%s = %v, hint %q; want %v, %q", call, err, tidemark.Hint(err), test.want, test.hint)
				}
				if errors.Is(err, blob.ErrUnknown) {
					t.Errorf("%s = %v: surely nothing was done", call, err)
				}
				if text := fmt.Sprintf("%+v %s", err, tidemark.Hint(err)); strings.Contains(text, c.SecretKey) {
					t.Errorf("%s shows the secret: %s", call, text)
				}
				if err != nil && !strings.Contains(err.Error(), "s3://"+c.Bucket) {
					t.Errorf("%s does not say where: %v", call, err)
				}
			}
		})
	}
}

func resolves(host string) bool {
	_, err := net.LookupHost(host)
	var dns *net.DNSError
	return !errors.As(err, &dns) || !dns.IsNotFound
}

// TestS3Answers has answers that the server for tests never gives.
func TestS3Answers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status     int
		code       string
		header     http.Header
		want       error
		hint       string
		afterWrite bool // the outcome of a write is unknown
	}{
		{status: 301, code: "PermanentRedirect", header: region("eu-west-1"), want: tidemark.ErrInvalid, hint: "set region: eu-west-1"},
		{status: 400, code: "AuthorizationHeaderMalformed", header: region("eu-west-1"), want: tidemark.ErrInvalid, hint: "set region: eu-west-1"},
		{status: 301, code: "PermanentRedirect", want: tidemark.ErrInvalid, hint: "set region"},
		{status: 403, code: "AccessDenied", want: tidemark.ErrDenied, hint: "--iam-policy"},
		{status: 403, code: "AccessDenied", header: region("us-east-1"), want: tidemark.ErrDenied, hint: "--iam-policy"},
		{status: 400, code: "ExpiredToken", want: tidemark.ErrDenied, hint: "log in again"},
		{status: 403, code: "RequestTimeTooSkewed", want: tidemark.ErrDenied, hint: "clock"},
		{status: 400, code: "KMS.DisabledException", want: tidemark.ErrInvalid, hint: "KMS key"},
		{status: 400, code: "InvalidArgument", want: tidemark.ErrInvalid},
		{status: 507, code: "XMinioStorageFull", want: tidemark.ErrInvalid, hint: "storage is full", afterWrite: true},
	} {
		t.Run(fmt.Sprint(test.code, test.header), func(t *testing.T) {
			_, config := startProxy(t, func(w http.ResponseWriter, _ *http.Request, _ int, _ func(http.ResponseWriter)) {
				for name, values := range test.header {
					w.Header()[name] = values
				}
				answer(w, test.status, test.code, "the server's own words")
			})
			for call, err := range calls(t.Context(), openS3(t, config)) {
				if call == "stat" && test.status >= 500 { // HEAD has no body, so no code
					continue
				}
				if !errors.Is(err, test.want) || !strings.Contains(tidemark.Hint(err), test.hint) {
					t.Errorf("%s = %v, hint %q; want %v, %q", call, err, tidemark.Hint(err), test.want, test.hint)
				}
				if !strings.Contains(err.Error(), test.code+": the server's own words") {
					t.Errorf("%s = %v, without the server's words", call, err)
				}
				reads := call == "get" || call == "stat" || call == "list"
				if errors.Is(err, blob.ErrUnknown) != (test.afterWrite && !reads) {
					t.Errorf("%s = %v: unknown or not?", call, err)
				}
			}
		})
	}
}

func region(name string) http.Header { return http.Header{"X-Amz-Bucket-Region": {name}} }

// TestS3MissingWhileDown: a server that does not answer must never look like an object that is not there.
func TestS3MissingWhileDown(t *testing.T) {
	t.Parallel()
	_, config := startProxy(t, func(http.ResponseWriter, *http.Request, int, func(http.ResponseWriter)) { cut() })
	s := openS3(t, config)
	_, get := s.Get(t.Context(), "key", 0, -1)
	_, stat := s.Stat(t.Context(), "key")
	_, check := s.Check(t.Context(), blob.Staged{Key: "key", Upload: "u"})
	for call, err := range map[string]error{"get": get, "stat": stat, "check": check} {
		if !errors.Is(err, tidemark.ErrTransient) || errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("%s = %v, want ErrTransient", call, err)
		}
	}
}
