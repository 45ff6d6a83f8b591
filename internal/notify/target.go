package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post"
)

// A Target is a place where events are told. It is not changed once it is in use.
type Target struct {
	Name  string
	Slack bool // takes what Slack's incoming webhooks take; else the event as JSON

	// URL returns the address, anew for each try. It never fails by telling the address.
	URL func(context.Context) (string, error)

	// Secret returns what bodies are signed with, anew for each try; nil: they are not.
	Secret func(context.Context) (string, error)

	On        []Kind
	Pipelines []string      // names, and patterns in which * stands for any characters and ? for one; none: all
	Repeat    time.Duration // until Failed is told again; 0: once
}

// wants reports whether events of a kind are told there, of a pipeline.
func (t Target) wants(k Kind, p tidemark.PipelineID) bool {
	return slices.Contains(t.On, k) &&
		(len(t.Pipelines) == 0 || slices.ContainsFunc(t.Pipelines, func(pattern string) bool { return matches(pattern, string(p)) }))
}

// matches reports whether a pattern covers a name.
func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == name
	}
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	matched, err := regexp.MatchString("^"+expression+"$", name)
	return err == nil && matched
}

// SignatureHeader holds t=UNIX,v1=HEX: the time of the try, and the HMAC-SHA256 of that time, a dot and the body.
const SignatureHeader = "Tidemark-Signature"

// message returns an event as it is sent there.
func (t Target) message(e Event, agent string) post.Message {
	return post.Message{
		Lane: t.Name, About: string(e.Kind) + " of " + string(e.Pipeline),
		Make: func(ctx context.Context, now time.Time) (post.Request, error) { return t.request(ctx, now, e, agent) },
	}
}

func (t Target) request(ctx context.Context, now time.Time, e Event, agent string) (r post.Request, err error) {
	if r.URL, err = t.URL(ctx); err != nil {
		return r, fmt.Errorf("look up the address of notification %s: %w", t.Name, err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {agent}}
	if t.Slack {
		r.Body, err = slack(e)
		return r, err
	}
	if r.Body, err = json.Marshal(e); err != nil {
		return r, err
	}
	r.Header.Set("Tidemark-Event", string(e.Kind))
	if t.Secret == nil {
		return r, nil
	}
	secret, err := t.Secret(ctx)
	if err != nil {
		return r, fmt.Errorf("look up the secret of notification %s: %w", t.Name, err)
	}
	r.Header.Set(SignatureHeader, sign(secret, now, r.Body))
	return r, nil
}

// sign returns the signature of a body at a time.
func sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
