package mysql

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tidemark-data/tidemark"
)

// login dials the server and proves who we are. Everything together takes at most the config's timeout.
func login(ctx context.Context, c Config) (net.Conn, uint32, error) {
	config, err := c.tlsConfig()
	if err != nil {
		return nil, 0, &tlsFailure{err}
	}
	password, err := c.secret(ctx)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout(), fmt.Errorf("connect to %s: no answer within %s: %w",
		c.Address(), c.timeout(), tidemark.ErrTransient))
	defer cancel()
	raw, err := c.dial(ctx)
	if err != nil {
		return nil, 0, c.explainDial(orCanceled(ctx, err))
	}
	// A deadline in the past makes every pending read and write return at once.
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	conn, err := c.shakeHands(raw, config, password)
	if !stop() || err != nil {
		_ = raw.Close()
		if err == nil {
			err = errLost
		}
		return nil, 0, c.explainLogin(orCanceled(ctx, ofLogin(err)))
	}
	// go-mysql has read exactly the packets of the login: the server says nothing more until it is asked.
	return conn.Conn.Conn, conn.GetConnectionID(), nil
}

func (c Config) dial(ctx context.Context) (net.Conn, error) {
	network := "tcp"
	if c.Socket != "" {
		network = "unix"
	}
	// The address is judged as it is dialled, and not as a name that may lead elsewhere a moment later.
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return tidemark.Reachable(address) }}
	return d.DialContext(ctx, network, c.Address())
}

// shakeHands runs go-mysql's login over an open connection.
func (c Config) shakeHands(raw net.Conn, config *tls.Config, password string) (conn *client.Conn, err error) {
	// go-mysql indexes what a stranger sent without looking at its length. Whatever listens there, it must not be
	// able to end the process.
	defer func() {
		if recover() != nil {
			conn, err = nil, malformed("what listens at "+c.Address()+" does not greet as MySQL does")
		}
	}()
	network, open, guard := "tcp", raw, &plainGuard{Conn: raw}
	if c.Socket != "" {
		network = "unix"
	} else if config == nil {
		open = guard
	}
	dialer := func(context.Context, string, string) (net.Conn, error) { return open, nil }
	conn, err = client.ConnectWithDialer(context.Background(), network, c.Address(), c.User, password, c.Database, dialer,
		func(conn *client.Conn) error {
			conn.SetTLSConfig(config)
			// Off, so that what follows the login has one form: no query attributes, results that end in EOF, no
			// file requests, one statement at a time.
			for _, capability := range []uint32{gomysql.CLIENT_QUERY_ATTRIBUTES, gomysql.CLIENT_DEPRECATE_EOF, gomysql.CLIENT_LOCAL_FILES,
				gomysql.CLIENT_MULTI_STATEMENTS, gomysql.CLIENT_COMPRESS, gomysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM, gomysql.CLIENT_SESSION_TRACK} {
				conn.UnsetCapability(capability)
			}
			conn.SetAttributes(map[string]string{"program_name": "tidemark"})
			return conn.SetCollation("utf8mb4_general_ci") // known to all servers; SET NAMES follows
		})
	switch {
	case guard.refused:
		return nil, errClearPassword
	case err != nil:
		return nil, err
	case open == guard:
		conn.Conn.Conn = raw
	}
	return conn, nil
}

// secret returns what proves the user, fresh for each connection.
func (c Config) secret(ctx context.Context) (string, error) {
	if c.Auth == AuthIAM {
		return c.token(ctx)
	}
	if c.Password == nil {
		return "", nil
	}
	password, err := c.Password(ctx)
	if err != nil {
		return "", fmt.Errorf("password of %s: %w", c.User, err)
	}
	return password, nil
}

// token signs a login with AWS credentials. It is good for 15 minutes and goes over the wire as it is, so that the
// server must have proven itself first.
func (c Config) token(ctx context.Context) (string, error) {
	if mode := c.tlsMode(); mode != TLSVerifyIdentity && mode != TLSVerifyCA {
		return "", tidemark.WithHint(fmt.Errorf("iam login over tls mode %q: %w", mode, tidemark.ErrInvalid),
			"set tls.mode to verify-identity and tls.ca to rds")
	}
	credentials, region := c.Credentials, c.Region
	if credentials == nil || region == "" {
		config, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			return "", fmt.Errorf("iam login: AWS configuration: %w: %w", tidemark.ErrDenied, err)
		}
		if credentials == nil {
			credentials = config.Credentials
		}
		if region == "" {
			region = config.Region
		}
	}
	if region == "" {
		return "", tidemark.WithHint(fmt.Errorf("iam login without a region: %w", tidemark.ErrInvalid), "set the connection's region")
	}
	token, err := auth.BuildAuthToken(ctx, c.Address(), region, c.User, credentials)
	if err != nil {
		return "", tidemark.WithHint(fmt.Errorf("iam login: sign a token: %w: %w", tidemark.ErrDenied, err),
			"AWS credentials are looked for in the environment, the shared files, and the machine's role")
	}
	return token, nil
}

// A plainGuard stands before an unencrypted login and refuses the one thing that go-mysql would do on a server's
// request: send the password as it is.
type plainGuard struct {
	net.Conn
	seen    []byte
	refused bool
}

var errClearPassword = errors.New("the server wants the password in plain text over an unencrypted connection")

func (g *plainGuard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.seen = append(g.seen, p[:n]...) // a login is a few hundred bytes
	if bytes.Contains(g.seen, []byte("\xfe"+gomysql.AUTH_CLEAR_PASSWORD)) {
		g.refused = true
		return 0, errClearPassword
	}
	return n, err
}
