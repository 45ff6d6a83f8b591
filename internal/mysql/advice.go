package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/tidemark-data/tidemark"
)

// explainDial says why the server could not be reached and what to do about it.
func (c Config) explainDial(err error) error {
	at := c.Address()
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return tidemark.WithHint(fmt.Errorf("connect to %s: no such host: %w", at, tidemark.ErrNotFound),
			"check the host in the connection's url; this machine's DNS does not know it")
	case errors.As(err, &dns):
		return fmt.Errorf("connect to %s: look up the host: %w: %w", at, tidemark.ErrTransient, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return tidemark.WithHint(fmt.Errorf("connect to %s: refused: %w", at, tidemark.ErrTransient),
			"nothing listens there: check the port, whether the server runs, and its bind_address")
	case errors.Is(err, tidemark.ErrInvalid): // an address that is not dialled
		return fmt.Errorf("connect to %s: %w", at, err)
	case errors.Is(err, syscall.ENOENT):
		return tidemark.WithHint(fmt.Errorf("connect to %s: no such socket: %w", at, tidemark.ErrNotFound),
			"check the socket's path; SELECT @@socket on the server tells it")
	case errors.Is(err, tidemark.ErrTransient): // our own timeout
		return tidemark.WithHint(err, "a firewall or security group may drop the packets: allow this machine on the database's port")
	default:
		return fmt.Errorf("connect to %s: %w: %w", at, tidemark.ErrTransient, err)
	}
}

// explainLogin says why the server did not let us in.
func (c Config) explainLogin(err error) error {
	wrapped := fmt.Errorf("log in to %s as %s: %w", c.Address(), c.User, err)
	if failure := c.explainTLS(err); failure != nil {
		return &tlsFailure{failure}
	}
	switch code := codeOf(err); {
	case code == codeAccessDenied || code == 1698:
		return tidemark.WithHint(wrapped, c.adviseDenied(err))
	case code == codeHostNotAllowed:
		return tidemark.WithHint(wrapped, "the server allows no user from this machine's address: create the user for this host, or '%'")
	case code == codeHostBlocked:
		return tidemark.WithHint(wrapped, "too many failed connections from this machine: FLUSH HOSTS on the server lets it in again")
	case code == codeNoDatabase || code == codeDatabaseDenied:
		return tidemark.WithHint(wrapped, "check the database in the connection's url, and grant the user SELECT on it")
	case code == 3159 || code == 1835:
		return tidemark.WithHint(wrapped, "the server takes encrypted connections only: set tls to verify-identity")
	case errors.Is(err, errClearPassword):
		return tidemark.WithHint(fmt.Errorf("%w: %w", wrapped, tidemark.ErrDenied), "set tls to verify-identity")
	case strings.Contains(err.Error(), "auth plugin"):
		return tidemark.WithHint(fmt.Errorf("%w: %w", wrapped, tidemark.ErrDenied),
			"let the user log in with caching_sha2_password or mysql_native_password: ALTER USER … IDENTIFIED WITH caching_sha2_password BY …")
	case errors.Is(err, tidemark.ErrTransient), errors.Is(err, tidemark.ErrDenied), errors.Is(err, tidemark.ErrInvalid):
		return wrapped
	default:
		return fmt.Errorf("%w: %w", wrapped, tidemark.ErrTransient)
	}
}

func (c Config) adviseDenied(err error) string {
	switch {
	case c.Auth == AuthIAM:
		return "the user needs IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' (MariaDB: GRANT to a user of the same plugin), " +
			"and the AWS role needs rds-db:connect on this user; check region and host, both are signed"
	case strings.Contains(err.Error(), "using password: NO"):
		return "no password was sent: set the connection's password, as ${env:NAME} or ${file:/path}"
	default:
		return "the password is wrong, or the user does not exist for this machine's address; servers do not tell which"
	}
}

// explainTLS returns nil when err is not about TLS.
func (c Config) explainTLS(err error) error {
	at := c.Address()
	var hostname x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &hostname):
		return tidemark.WithHint(fmt.Errorf("tls to %s: the certificate is for %s, not for %s: %w",
			at, strings.Join(namesOf(hostname.Certificate), ", "), hostname.Host, tidemark.ErrDenied),
			"connect by a name that the certificate bears, or set tls.server_name to it (for a tunnel)")
	case errors.As(err, &unknown):
		return tidemark.WithHint(fmt.Errorf("tls to %s: nobody trusted signed the certificate: %w: %w", at, tidemark.ErrDenied, err),
			"set tls.ca to the file of the authority that did; for Amazon RDS set tls.ca to rds")
	case errors.As(err, &invalid), errors.As(err, &verification):
		return fmt.Errorf("tls to %s: the certificate is not valid: %w: %w", at, tidemark.ErrDenied, err)
	case errors.As(err, &record):
		return fmt.Errorf("tls to %s: the other end does not speak TLS: %w: %w", at, tidemark.ErrInvalid, err)
	case err != nil && strings.Contains(err.Error(), "does not support TLS"):
		return tidemark.WithHint(fmt.Errorf("tls to %s: the server offers no encryption: %w", at, tidemark.ErrInvalid),
			"enable TLS on the server; tls: disabled sends everything in plain text")
	default:
		return nil
	}
}

// A tlsFailure and a sessionFailure tell Diagnose how far a connection came.
type (
	tlsFailure     struct{ error }
	sessionFailure struct{ error }
)

func (e *tlsFailure) Unwrap() error     { return e.error }
func (e *sessionFailure) Unwrap() error { return e.error }

func namesOf(certificate *x509.Certificate) []string {
	if certificate == nil {
		return []string{"nobody"}
	}
	names := append([]string{}, certificate.DNSNames...)
	for _, ip := range certificate.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, fmt.Sprintf("%q without any host name", certificate.Subject.CommonName))
	}
	return names
}
