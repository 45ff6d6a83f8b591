package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tidemark-data/tidemark"
)

// A serverError is what the server answered in place of a result.
type serverError struct {
	code    uint16
	state   string
	message string
}

func (e *serverError) Error() string {
	return fmt.Sprintf("server error %d (%s): %s", e.code, e.state, e.message)
}

// Unwrap returns the kind of error, so that errors.Is(err, tidemark.ErrDenied) works.
func (e *serverError) Unwrap() error { return kindOf(e.code) }

// Error codes that the code looks at by name.
const (
	codeAccessDenied     = 1045
	codeDatabaseDenied   = 1044
	codeTableDenied      = 1142
	codePrivilegeMissing = 1227
	codeNoDatabase       = 1049
	codeNoColumn         = 1054
	codeNoTable          = 1146
	codeUnknownVariable  = 1193
	codeHostNotAllowed   = 1130
	codeHostBlocked      = 1129
	codeQueryInterrupted = 1317
	codeServerShutdown   = 1053
	codeConnectionKilled = 1927 // MariaDB
	codeIdleTimeout      = 4031
	codeTableChanged     = 1412
	codeNoIndex          = 1176
)

// kindOf sorts the server's error codes. What is not listed needs a person: the same statement would fail again.
func kindOf(code uint16) error {
	switch code {
	case codeAccessDenied, codeDatabaseDenied, codeTableDenied, codePrivilegeMissing, codeHostNotAllowed, codeHostBlocked,
		1143, 1370, 1698, 1251, 1862, 1820, 3118, 4151, 1524, 3159:
		return tidemark.ErrDenied
	case codeNoTable, codeNoDatabase, codeNoColumn, 1051, 1109:
		return tidemark.ErrNotFound
	case codeTableChanged, 1615, 1243:
		return tidemark.ErrRestart
	case codeQueryInterrupted, codeServerShutdown, codeConnectionKilled, codeIdleTimeout,
		1205, 1213, 1040, 1203, 1226, 1158, 1159, 1160, 1161, 1080, 1152, 1184, 3024, 1969, 1041, 1038, 3168, 3169, 3572:
		return tidemark.ErrTransient
	default:
		return tidemark.ErrInvalid
	}
}

// codeOf returns the server's error code in err's chain, or 0.
func codeOf(err error) uint16 {
	var e *serverError
	if errors.As(err, &e) {
		return e.code
	}
	return 0
}

// errLost marks a connection that ended, or whose state is unknown. It is transient.
var errLost = fmt.Errorf("connection lost: %w", tidemark.ErrTransient)

// isLost reports whether the connection must not be used again, but a new one may do better.
func isLost(err error) bool {
	switch codeOf(err) {
	case codeServerShutdown, codeConnectionKilled, codeIdleTimeout, 1152, 1158, 1159, 1160, 1161, 1184, 1080:
		return true
	}
	return errors.Is(err, errLost)
}

// lost wraps an I/O error of a connection.
func lost(err error) error {
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed it")
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// malformed is an answer that breaks the protocol. A new attempt may find a better server behind the proxy, or not.
func malformed(what string) error {
	return fmt.Errorf("%w: the server's answer breaks the protocol: %s", errLost, what)
}

// ofLogin turns an error of go-mysql's login into one of ours.
func ofLogin(err error) error {
	var refused *gomysql.MyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return &serverError{code: refused.Code, state: refused.State, message: refused.Message}
	case errors.Is(err, gomysql.ErrBadConn), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", errLost, err)
	default:
		return err
	}
}

// orCanceled returns the context's own error in place of err when the context has ended: the rest is a consequence.
func orCanceled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
