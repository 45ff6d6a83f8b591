package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tidemark-data/tidemark"
)

// TLSMode says how much a connection wants to know of its server.
type TLSMode string

const (
	TLSVerifyIdentity TLSMode = "verify-identity" // trusted certificate that names the host; the default beyond this machine
	TLSVerifyCA       TLSMode = "verify-ca"       // trusted certificate, whatever it names
	TLSRequired       TLSMode = "required"        // encrypted, but anybody may be at the other end
	TLSDisabled       TLSMode = "disabled"        // plain text; the default for loopback and sockets
)

// TLS is how a connection is encrypted.
type TLS struct {
	Mode       TLSMode // "" means verify-identity, or disabled on loopback and sockets
	CAFile     string  // PEM file of the trusted roots; "" means the system's
	RDSBundle  bool    // trust the roots of Amazon RDS, read from one of RDSBundlePaths
	ServerName string  // the name that the certificate must bear; "" means the host. For tunnels.
}

// RDSBundleURL is where Amazon publishes the roots that RDS certificates are signed by.
const RDSBundleURL = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"

// rdsBundlePaths returns the places where the RDS bundle is looked for, in order.
func rdsBundlePaths() []string {
	return []string{
		"global-bundle.pem",
		"/etc/tidemark/rds-global-bundle.pem",
		"/etc/ssl/certs/rds-global-bundle.pem",
		"/etc/ssl/certs/global-bundle.pem",
		"/etc/pki/tls/certs/rds-global-bundle.pem",
		"/usr/local/share/ca-certificates/rds-global-bundle.crt",
	}
}

func (c Config) tlsMode() TLSMode {
	switch {
	case c.Socket != "":
		return TLSDisabled
	case c.TLS.Mode != "":
		return c.TLS.Mode
	case c.local() && c.TLS.CAFile == "" && !c.TLS.RDSBundle && c.TLS.ServerName == "":
		return TLSDisabled
	default:
		return TLSVerifyIdentity
	}
}

// tlsConfig returns what the TLS library wants to know, or nil for plain text.
func (c Config) tlsConfig() (*tls.Config, error) {
	mode := c.tlsMode()
	if mode == TLSDisabled {
		return nil, nil
	}
	roots, err := c.TLS.roots()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: c.TLS.ServerName}
	if config.ServerName == "" {
		config.ServerName = c.Host
	}
	switch mode {
	case TLSVerifyIdentity:
	case TLSVerifyCA:
		config.InsecureSkipVerify = true // the name is not compared; VerifyConnection checks the rest
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	case TLSRequired:
		config.InsecureSkipVerify = true // this is what the mode means
	default:
		return nil, tidemark.WithHint(fmt.Errorf("tls mode %q: %w", mode, tidemark.ErrInvalid),
			"use verify-identity, verify-ca, required or disabled")
	}
	return config, nil
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, certificate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}

// roots returns the trusted roots, nil for the system's.
func (t TLS) roots() (*x509.CertPool, error) {
	path := t.CAFile
	if t.RDSBundle {
		var err error
		if path, err = findRDSBundle(); err != nil {
			return nil, err
		}
	}
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		kind := tidemark.ErrInvalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = tidemark.ErrNotFound
		}
		return nil, fmt.Errorf("read trusted certificates: %w: %w", kind, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read trusted certificates: %s holds no PEM certificate: %w", path, tidemark.ErrInvalid)
	}
	return pool, nil
}

func findRDSBundle() (string, error) {
	for _, path := range rdsBundlePaths() {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", tidemark.WithHint(
		fmt.Errorf("the certificates of Amazon RDS are not on this machine: %w", tidemark.ErrNotFound),
		"download "+RDSBundleURL+" and name the file as tls.ca, or put it at "+rdsBundlePaths()[1])
}
