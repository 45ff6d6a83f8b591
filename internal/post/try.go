package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

const (
	maxAnswer    = 64 << 10 // of an answer are read at most; a longer one costs the connection
	maxPatience  = 15 * time.Minute
	maxErrorText = 300
)

// newTransport returns what carries requests. There is no http.Client above it: that would follow redirects, and put
// addresses into its errors.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// proxy is that of the environment.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("the proxy that the environment names is no URL") // the cause would quote it, with its password
	}
	return u, nil
}

// try sends a message once. An error is of a kind of the root package and has nothing of the address in
// it but the host at most.
func (s *Sender) try(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	made, err := m.Make(ctx, s.clock.Now())
	if err != nil {
		return err
	}
	request, err := made.http(ctx)
	if err != nil {
		return err
	}
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s: %w", s.opts.Timeout, tidemark.ErrTransient)
		}
		return fmt.Errorf("%s: %w", made.hide(err, request.URL), tidemark.ErrTransient)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode/100 == 2 {
		return nil // it has been accepted, whatever became of the rest of the answer
	}
	if err != nil {
		body = nil
	}
	return s.refused(response, body)
}

// http returns the request as it is sent.
func (r Request) http(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(strings.TrimSpace(r.URL))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" { // the cause would quote the address
		return nil, tidemark.WithHint(fmt.Errorf("the address is no URL of http or https: %w", tidemark.ErrInvalid), "look at the url in the config, or at what it refers to")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("the address is none that can be asked: %w", tidemark.ErrInvalid)
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if password, found := u.User.Password(); found && request.Header.Get("Authorization") == "" {
		request.SetBasicAuth(u.User.Username(), password)
	}
	return request, nil
}

// hide returns the text of an error without the address: a text that has any of it is not shown at all.
func (r Request) hide(err error, u *url.URL) string {
	text := err.Error()
	password, _ := u.User.Password()
	for _, part := range []string{r.URL, u.RequestURI(), u.Path, u.RawQuery, u.Fragment, password} {
		if len(part) > 1 && strings.Contains(text, part) {
			return "the request was not answered"
		}
	}
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// word is an answer that is shown: such as invalid_payload, which is how Slack says what is wrong. Others may have anything in
// them.
var word = regexp.MustCompile(`^[a-z]+(?:_[a-z]+){0,5}$`)

// refused returns the error of an answer that is no success.
func (s *Sender) refused(r *http.Response, body []byte) error {
	text := fmt.Sprintf("answer %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if said := strings.TrimSpace(string(body)); len(said) <= 60 && word.MatchString(said) {
		text += ": " + said
	}
	switch code := r.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code == http.StatusTooEarly || code >= 500:
		return &later{text: text, after: s.patience(r.Header.Get("Retry-After"))}
	case code/100 == 3:
		return tidemark.WithHint(fmt.Errorf("%s: it sends elsewhere, which is not followed: %w", text, tidemark.ErrInvalid), "set the url to where it leads")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%s: %w", text, tidemark.ErrDenied)
	case code == http.StatusNotFound || code == http.StatusGone:
		return fmt.Errorf("%s: %w", text, tidemark.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", text, tidemark.ErrInvalid)
}

// later is an answer that may be another one after a while.
type later struct {
	text  string
	after time.Duration
}

func (l *later) Error() string { return l.text + ": " + tidemark.ErrTransient.Error() }
func (l *later) Unwrap() error { return tidemark.ErrTransient }

// retryAfter returns for how long whoever answered wants to be left alone; 0 where that was not said.
func retryAfter(err error) time.Duration {
	var l *later
	if errors.As(err, &l) {
		return l.after
	}
	return 0
}

// patience reads a Retry-After: seconds, or a time.
func (s *Sender) patience(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPatience)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(s.clock.Now()), 0), maxPatience)
}
