package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// condition is testscript's Params.Condition: [mount] holds where this user may mount.
func condition(name string) (bool, error) {
	if name != "mount" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	dir, err := os.MkdirTemp("", "tidemark-mount-")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	if os.Getuid() != 0 || mount(dir, "64k") != nil {
		return false, nil
	}
	return true, exec.Command("umount", dir).Run()
}

func mount(dir, size string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).Run()
}

// runDisk mounts a small disk on a new folder, until the script ends.
func runDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: disk FOLDER SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	ts.Check(mount(dir, args[1]))
	ts.Defer(func() { ts.Check(exec.Command("umount", dir).Run()) })
}

// runEndpoint puts a proxy before the S3 server of the connection "lake", which makes it another kind of server: a deaf
// one ignores If-None-Match, as old ones do; a readonly one refuses all writes, and a denied one everything.
func runEndpoint(ts *testscript.TestScript, neg bool, args []string) {
	handlers := map[string]func(http.Handler, *http.Request) http.Handler{
		"deaf":     func(h http.Handler, _ *http.Request) http.Handler { return h },
		"readonly": refuseUnless(func(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }),
		"denied":   refuseUnless(func(*http.Request) bool { return false }),
	}
	if neg || len(args) != 1 || handlers[args[0]] == nil {
		ts.Fatalf("usage: endpoint deaf|readonly|denied")
	}
	target, err := url.Parse(ts.Getenv("TIDEMARK_CONNECTIONS_LAKE_ENDPOINT"))
	ts.Check(err)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	// What the handlers need is read before they run: the script changes its environment while they do.
	keys := aws.Credentials{AccessKeyID: ts.Getenv("LAKE_KEY"), SecretAccessKey: ts.Getenv("LAKE_SECRET")}
	region := ts.Getenv("TIDEMARK_CONNECTIONS_LAKE_REGION")
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		if r.Out.Header.Get("If-None-Match") == "" {
			return
		}
		r.Out.Header.Del("If-None-Match") // it is part of the signature, which is therefore made anew
		err := signer.SignHTTP(r.In.Context(), keys, r.Out, r.In.Header.Get("X-Amz-Content-Sha256"), "s3", region, time.Now())
		if err != nil {
			r.Out.Header.Del("Authorization") // the server refuses it, and the script fails
		}
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[args[0]](forward, r).ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("TIDEMARK_CONNECTIONS_LAKE_ENDPOINT", server.URL)
}

// refuseUnless answers as S3 does to who lacks a right.
func refuseUnless(allowed func(*http.Request) bool) func(http.Handler, *http.Request) http.Handler {
	return func(forward http.Handler, r *http.Request) http.Handler {
		if allowed(r) {
			return forward
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
		})
	}
}

// runOtherHost starts a server with a table db.orders, whose certificate is for NAME alone, and points the connection
// "shop" at it. The certificate is its own authority: it is written to ca.pem.
func runOtherHost(ts *testscript.TestScript, neg bool, args []string) {
	t, ok := ts.Value("t").(testing.TB)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage: otherhost NAME")
	}
	certificate, key := ts.MkAbs("ca.pem"), filepath.Join(t.TempDir(), "key.pem")
	ts.Check(writeCertificate(args[0], certificate, key))
	server := testenv.StartMariaDB(t, "--ssl-cert="+certificate, "--ssl-key="+key)
	server.Exec(t, "CREATE DATABASE db", "CREATE TABLE db.orders (id INT PRIMARY KEY, updated_at DATETIME)",
		"INSERT INTO db.orders VALUES (1, '2014-07-23 00:00:00')",
		"CREATE USER etl IDENTIFIED BY '"+canary+"' REQUIRE SSL", "GRANT SELECT ON db.* TO etl", "GRANT PROCESS ON *.* TO etl")
	ts.Setenv("TIDEMARK_CONNECTIONS_SHOP_URL", "mysql://etl@"+server.Addr()+"/db")
}

// writeCertificate writes a certificate for a host that is its own authority, and its key, as PEM.
func writeCertificate(host, certificateFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600)
}
