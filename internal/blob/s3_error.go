package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/tidemark-data/tidemark"
)

// fail gives an error of the SDK its kind, says what was being done to which object, and what to do about it. The
// message has the server's own words and the id of the request, but not the SDK's layers.
func (s *S3) fail(ctx context.Context, doing, key string, err error) error {
	if err == nil {
		return nil
	}
	doing = fmt.Sprintf("%s %s/%s", doing, strings.TrimSuffix("s3://"+s.config.Bucket+"/"+s.prefix, "/"), key)
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	for _, kind := range []error{ErrExist, tidemark.ErrNotFound, tidemark.ErrTransient} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	v := s.judge(err)
	wrapped := fmt.Errorf("%s: %w: %w", doing, v.kind, terse{err})
	if v.hint == "" {
		return wrapped
	}
	return tidemark.WithHint(wrapped, v.hint)
}

// failWrite is fail for a write: it adds ErrUnknown unless it is certain that nothing was done.
func (s *S3) failWrite(ctx context.Context, doing, key string, err error) error {
	wrapped := s.fail(ctx, doing, key, err)
	if err == nil || refused(err) {
		return wrapped
	}
	return unknown{wrapped}
}

func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// refused reports whether it is certain that a request that failed was not executed: the server said no, or was
// never reached.
func refused(err error) bool {
	if code := status(err); code != 0 {
		return code < 500 || code == http.StatusNotImplemented
	}
	var op *net.OpError
	var dns *net.DNSError
	var signing *v4.SigningError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &signing) || hopeless(err) != ""
}

// isNetwork reports whether a connection broke, as against a server that gave an answer.
func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE)
}

// terse shortens the message of an SDK's error and keeps the error for errors.As.
type terse struct{ err error }

func (t terse) Unwrap() error { return t.err }

func (t terse) Error() string {
	var api smithy.APIError
	var response *awshttp.ResponseError
	switch {
	case errors.As(t.err, &api) && errors.As(t.err, &response):
		text := api.ErrorCode()
		if m := api.ErrorMessage(); m != "" && m != text {
			text += ": " + m
		}
		return fmt.Sprintf("%s (HTTP %d, request %s)", text, response.HTTPStatusCode(), response.ServiceRequestID())
	case errors.As(t.err, &api):
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	var request *url.Error
	if errors.As(t.err, &request) {
		return request.Err.Error()
	}
	var op *smithy.OperationError
	if errors.As(t.err, &op) {
		return op.Err.Error()
	}
	return t.err.Error()
}

// credentialsError is for the moment when credentials are looked for, before any request to the bucket.
func credentialsError(c S3Config, err error) error {
	kind, hint := tidemark.ErrDenied, "give access_key and secret_key, or AWS_PROFILE, or run where an instance or task role is"
	if c.RoleARN != "" {
		hint = "role " + c.RoleARN + ": its trust policy must allow this caller, with the external id where it asks for one"
	}
	if c.RoleARN != "" && (status(err) >= 500 || isNetwork(err)) {
		kind, hint = tidemark.ErrTransient, "STS cannot be reached: look at the network and the region"
	}
	return tidemark.WithHint(fmt.Errorf("find credentials: %w: %w", kind, terse{err}), hint)
}
