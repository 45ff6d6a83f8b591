package mysql

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tidemark-data/tidemark"
)

// DefaultPort is MySQL's port.
const DefaultPort = 3306

// Auth is how a connection proves who it is.
type Auth string

const (
	AuthPassword Auth = "password" // the default
	AuthIAM      Auth = "iam"      // a token of AWS IAM, made anew for each connection; needs verified TLS
)

// ZeroDates says what becomes of a date that does not exist, such as 0000-00-00 or 2021-02-31.
type ZeroDates string

const (
	ZeroDatesNull  ZeroDates = "null"  // NULL, counted and reported; the default
	ZeroDatesError ZeroDates = "error" // such a value fails the run and names the row
)

// Config is a connection as the user wrote it, without its secret.
type Config struct {
	Host     string
	Port     int    // 0 means DefaultPort
	Socket   string // path of a Unix socket, in place of Host and Port
	User     string
	Database string // may be empty

	// Password is called for each new connection, so that a rotated secret is taken up. nil means none.
	Password func(context.Context) (string, error)

	Auth        Auth
	Region      string                  // of the database, for AuthIAM
	Credentials aws.CredentialsProvider // for AuthIAM; nil means AWS's default chain

	TLS            TLS
	ConnectTimeout time.Duration // for DNS, TCP, TLS and login together; 0 means 15 s
	ZeroDates      ZeroDates

	// Pause is called behind each batch that was read, with its number of rows, and may wait to spare the server. Its error
	// ends the read. nil never waits.
	Pause func(ctx context.Context, rows int64) error

	// Primary is where Settle looks for open transactions when this connection leads to a replica. nil means that
	// there is nowhere else to look.
	Primary *Config

	writes bool // the session is not read-only, see WatermarkTable
}

// Address returns where the server is, for messages: host:port or the socket's path.
func (c Config) Address() string {
	if c.Socket != "" {
		return c.Socket
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(c.port()))
}

func (c Config) port() int {
	if c.Port == 0 {
		return DefaultPort
	}
	return c.Port
}

func (c Config) timeout() time.Duration {
	if c.ConnectTimeout == 0 {
		return 15 * time.Second
	}
	return c.ConnectTimeout
}

// local reports whether the way to the server never leaves this machine.
func (c Config) local() bool {
	if c.Socket != "" || c.Host == "localhost" {
		return true
	}
	ip := net.ParseIP(c.Host)
	return ip != nil && ip.IsLoopback()
}

func (c Config) validate() error {
	switch {
	case c.Host == "" && c.Socket == "":
		return fmt.Errorf("mysql connection without a host: %w", tidemark.ErrInvalid)
	case c.User == "":
		return fmt.Errorf("mysql connection to %s without a user: %w", c.Address(), tidemark.ErrInvalid)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("mysql connection to %s: port %d does not exist: %w", c.Host, c.Port, tidemark.ErrInvalid)
	}
	return nil
}

// ParseURL reads mysql://user@host:port/database into the fields of a Config. A password in the URL is returned
// beside it, for the caller to accept or refuse; no error of ParseURL repeats it.
func ParseURL(text string) (c Config, password string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return Config{}, "", badURL("it is not a URL; mind that special characters are written as %XX")
	}
	password, _ = u.User.Password()
	switch {
	case u.Scheme != "mysql" && u.Scheme != "mariadb":
		return Config{}, "", badURL("it must begin with mysql://")
	case u.Hostname() == "":
		return Config{}, "", badURL("the host is missing")
	case u.User.Username() == "":
		return Config{}, "", badURL("the user is missing")
	case u.RawQuery != "" || u.Fragment != "":
		return Config{}, "", badURL("options do not belong into it, but beside it")
	}
	c = Config{Host: u.Hostname(), User: u.User.Username(), Database: strings.Trim(u.Path, "/")}
	if strings.Contains(c.Database, "/") {
		return Config{}, "", badURL("there is more than one path segment behind the host")
	}
	if text := u.Port(); text != "" {
		if c.Port, err = strconv.Atoi(text); err != nil || c.Port == 0 || c.Port > 65535 {
			return Config{}, "", badURL("port " + text + " does not exist")
		}
	}
	return c, password, nil
}

// badURL never shows the URL itself: a malformed one may well contain a password in an unexpected place.
func badURL(why string) error {
	return tidemark.WithHint(fmt.Errorf("mysql URL: %s: %w", why, tidemark.ErrInvalid), "write it as mysql://user@host:3306/database")
}
