package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// canary is a password that must not come out anywhere.
const canary = "canary-9f1c"

func withPassword(c Config, password string) Config {
	c.Password = func(context.Context) (string, error) { return password, nil }
	return c
}

// lastStep returns the step at which a diagnosis ended, checked for the canary.
func lastStep(t *testing.T, config Config, tables ...tidemark.TableName) Step {
	t.Helper()
	steps := Diagnose(t.Context(), config, tables)
	for _, s := range steps {
		if s.Err != nil && (strings.Contains(s.Err.Error(), canary) || strings.Contains(tidemark.Hint(s.Err), canary)) || strings.Contains(s.Detail, canary) {
			t.Errorf("step %s shows the password", s.Name)
		}
	}
	return steps[len(steps)-1]
}

func TestDiagnoseFailures(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		good := withPassword(configOf(server), canary)
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := closed.Addr().(*net.TCPAddr).Port
		_ = closed.Close()
		for _, c := range []struct {
			name   string
			change func(*Config)
			step   string
			kind   error
			hint   string
		}{
			{"unknown host", func(c *Config) { c.Host = "no-such-host.invalid" }, "dns", nil, ""},
			{"refused port", func(c *Config) { c.Port = port }, "tcp", tidemark.ErrTransient, "nothing listens there"},
			{"no socket", func(c *Config) { c.Socket = "/nowhere/mysql.sock" }, "tcp", tidemark.ErrNotFound, "@@socket"},
			{"wrong password", func(*Config) {}, "login", tidemark.ErrDenied, "the password is wrong"},
			{"no password", func(c *Config) { c.Password = nil }, "login", tidemark.ErrDenied, "no password was sent"},
			{"missing user", func(c *Config) { c.User = "nobody" }, "login", tidemark.ErrDenied, "does not exist"},
			{"password unavailable", func(c *Config) {
				c.Password = func(context.Context) (string, error) { return "", tidemark.ErrNotFound }
			}, "login", tidemark.ErrNotFound, ""},
			{"no user", func(c *Config) { c.User = "" }, "config", tidemark.ErrInvalid, ""},
			{"bad mode", func(c *Config) { c.TLS.Mode = "maybe" }, "tls", tidemark.ErrInvalid, "verify-identity"},
			{"missing CA file", func(c *Config) { c.TLS.CAFile = "/nowhere/ca.pem" }, "tls", tidemark.ErrNotFound, ""},
			{"no RDS bundle", func(c *Config) { c.TLS.RDSBundle = true }, "tls", tidemark.ErrNotFound, RDSBundleURL},
			{"iam without tls", func(c *Config) { c.Auth = AuthIAM }, "login", tidemark.ErrInvalid, "verify-identity"},
		} {
			t.Run(c.name, func(t *testing.T) {
				config := good
				c.change(&config)
				step := lastStep(t, config)
				if step.Name != c.step || step.Err == nil || c.kind != nil && !errors.Is(step.Err, c.kind) || !strings.Contains(tidemark.Hint(step.Err), c.hint) {
					t.Errorf("step %s: %v (hint: %s)\nwant %s, %v, hint %q", step.Name, step.Err, tidemark.Hint(step.Err), c.step, c.kind, c.hint)
				}
			})
		}
	})
}

// TestPrivileges walks from a user without any right to one with all that Grants names.
func TestPrivileges(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		user := "u_" + database[5:13]
		server.Exec(t, "CREATE USER '"+user+"'@'%' IDENTIFIED BY '"+canary+"'")
		t.Cleanup(func() { server.Exec(t, "DROP USER '"+user+"'@'%'") })
		config := withPassword(configOf(server), canary)
		config.User = user
		orders := tidemark.TableName{Database: database, Name: "orders"}
		failing := func() (names []string) {
			for _, s := range Diagnose(t.Context(), config, []tidemark.TableName{orders}) {
				if s.Err != nil {
					names = append(names, s.Name)
					if !errors.Is(s.Err, tidemark.ErrDenied) && !errors.Is(s.Err, tidemark.ErrNotFound) {
						t.Errorf("step %s: %v", s.Name, s.Err)
					}
				}
			}
			return names
		}
		if names := failing(); len(names) != 3 || names[0] != "select "+orders.String() || names[1] != "process" {
			t.Errorf("without rights: %v", names)
		}
		_, err := openSource(t, config, incremental(database, "orders", "changed")).Schema(t.Context())
		if !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(err), "GRANT SELECT ON") {
			t.Errorf("schema without rights: %v (hint: %s)", err, tidemark.Hint(err))
		}
		for _, grant := range Grants(user, []tidemark.TableName{orders}) {
			statement, _, _ := strings.Cut(grant, ";")
			server.Exec(t, statement)
		}
		names := failing()
		if server.Flavor == "mariadb" { // where performance_schema is off
			names = names[:len(names)-1]
		}
		if len(names) != 0 {
			t.Errorf("with all rights: %v", names)
		}
		if _, err := openSource(t, config, incremental(database, "orders", "changed")).Schema(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestTLS has a server with a certificate of our own.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "db.example.com")
	server := testenv.StartMariaDB(t, "--ssl-cert="+filepath.Join(dir, "cert.pem"), "--ssl-key="+filepath.Join(dir, "key.pem"))
	base, ca := configOf(server), filepath.Join(dir, "cert.pem")
	for _, c := range []struct {
		name string
		tls  TLS
		text string // "" for success
		hint string
	}{
		{"trusted name", TLS{CAFile: ca, ServerName: "db.example.com"}, "", ""},
		{"other name", TLS{CAFile: ca}, "the certificate is for db.example.com, not for 127.0.0.1", "tls.server_name"},
		{"any name", TLS{CAFile: ca, Mode: TLSVerifyCA}, "", ""},
		{"untrusted", TLS{Mode: TLSVerifyIdentity, ServerName: "db.example.com"}, "nobody trusted signed the certificate", "tls.ca"},
		{"untrusted, any name", TLS{Mode: TLSVerifyCA}, "nobody trusted signed the certificate", "tls.ca"},
		{"anybody", TLS{Mode: TLSRequired}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := base
			config.TLS = c.tls
			step := lastStep(t, config)
			if c.text != "" {
				if step.Name != "tls" || !strings.Contains(step.Err.Error(), c.text) || !strings.Contains(tidemark.Hint(step.Err), c.hint) || !errors.Is(step.Err, tidemark.ErrDenied) {
					t.Errorf("step %s: %v (hint: %s)", step.Name, step.Err, tidemark.Hint(step.Err))
				}
				return
			}
			conn, err := connect(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.close()
			row, err := conn.queryRow(t.Context(), "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
			if err != nil || row[1].text == "" {
				t.Errorf("the session is not encrypted: %v, %v", row, err)
			}
		})
	}
	t.Run("server without", func(t *testing.T) {
		config := configOf(testenv.PrivateMariaDB(t))
		config.TLS.Mode = TLSRequired
		if step := lastStep(t, config); step.Name != "tls" || !strings.Contains(step.Err.Error(), "offers no encryption") {
			t.Errorf("step %s: %v", step.Name, step.Err)
		}
	})
}

func writeCertificate(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIAMToken(t *testing.T) {
	config := Config{Host: "shop.rds.example.com", User: "etl", Auth: AuthIAM, Region: "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("AKID", canary, "")}
	token, err := config.secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"shop.rds.example.com:3306?", "DBUser=etl", "X-Amz-Expires=900", "eu-west-1%2Frds-db"} {
		if !strings.Contains(token, part) {
			t.Errorf("token %s has no %s", token, part)
		}
	}
	if strings.Contains(token, canary) {
		t.Error("the token contains the secret key")
	}
}

// TestStrangers logs in to what is no MySQL, or a MySQL that wants too much.
func TestStrangers(t *testing.T) {
	greeting := "\x0a8.0.36\x00\x01\x00\x00\x00abcdefgh\x00\xff\xff\xff\x02\x00\xff\xdf\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00ijklmnopqrst\x00mysql_native_password\x00"
	clear := "\xfemysql_clear_password\x00"
	for _, c := range []struct {
		name    string
		packets []string
		kind    error
	}{
		{"http", []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, nil},
		{"short greeting", []string{packet(0, "\x0a8.0.36\x00\x01")}, nil},
		{"empty", []string{packet(0, "")}, nil},
		{"clear password", []string{packet(0, greeting), packet(2, clear)}, tidemark.ErrDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			port, heard := stranger(t, c.packets)
			config := withPassword(Config{Host: "127.0.0.1", Port: port, User: "u", ConnectTimeout: 5 * time.Second}, canary)
			_, err := connect(t.Context(), config)
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) || strings.Contains(err.Error(), canary) {
				t.Errorf("connect = %v, want %v", err, c.kind)
			}
			if strings.Contains(<-heard, canary) {
				t.Error("the password went over the wire")
			}
		})
	}
}

func packet(seq byte, payload string) string {
	return string([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, seq}) + payload
}

// stranger accepts one connection, says its packets, one per thing heard, and returns all that it heard.
func stranger(t *testing.T, packets []string) (port int, heard <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	out := make(chan string, 1)
	go func() {
		var all []byte
		defer func() { out <- string(all) }()
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buffer := make([]byte, 4096)
		for i, p := range packets {
			if _, err := c.Write([]byte(p)); err != nil {
				return
			}
			if i == len(packets)-1 {
				_ = c.(*net.TCPConn).CloseWrite()
			}
			n, _ := c.Read(buffer)
			all = append(all, buffer[:n]...)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, out
}
