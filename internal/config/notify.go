package config

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Notification is a place where people or programs are told what becomes of runs.
type Notification struct {
	Name      string
	Type      NotificationType
	URL       Address
	Secret    Secret        // that bodies are signed with; zero: they are not
	On        []string      // failed, recovered, late, fresh
	Pipelines []string      // names, and patterns with * and ?; none: all
	Repeat    time.Duration // until failed is told again; 0: once
}

// NotificationType is what a notification is sent to.
type NotificationType string

const (
	NotifyWebhook NotificationType = "webhook" // takes JSON
	NotifySlack   NotificationType = "slack"   // takes what Slack's incoming webhooks take
)

// An Address is where something is sent to. As whoever knows it may often write there it is treated as a secret, be it
// written in the file or a reference.
type Address struct {
	text      string
	reference Secret
}

// UnmarshalText reads an address or a reference to one.
func (a *Address) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if strings.Contains(s, "${") {
		*a = Address{}
		return a.reference.UnmarshalText(text)
	}
	*a = Address{text: s}
	return nil
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.text == "" && a.reference.IsZero() }

// String hides the address.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return "(address)"
}

// GoString hides the address from %#v.
func (a Address) GoString() string { return a.String() }

// MarshalText hides the address from encoders, JSON among them.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// LogValue hides the address from logs.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Resolve returns the address. A reference is looked up anew at each call, with the errors of Secret.
func (a Address) Resolve(ctx context.Context) (string, error) {
	if a.reference.IsZero() {
		return a.text, nil
	}
	return a.reference.Resolve(ctx)
}

// notifications builds and checks who is told of runs.
func (b *builder) notifications(specs map[string]notificationSpec, pipelines map[string]pipelineSpec) (all []Notification) {
	for _, name := range inOrder(b.problems, "notifications", specs) {
		spec, path := specs[name], join("notifications", name)
		if !plainKey.MatchString(name) {
			b.at(path, "", "a notification's name consists of letters, digits, '_' and '-'")
		}
		b.notifyTo(path, spec)
		n := Notification{
			Name: name, Type: NotificationType(spec.Type), URL: spec.URL, Secret: b.bind(spec.Secret), On: spec.On, Repeat: time.Duration(spec.Repeat),
		}
		n.URL.reference = b.bind(n.URL.reference)
		for i, on := range spec.On {
			if !slices.Contains(notifyOn, on) {
				b.at(itemPath(join(path, "on"), i), allowed(on, notifyOn), "unknown value %q", on)
			}
		}
		if b.has(join(path, "on")) && len(spec.On) == 0 {
			b.at(join(path, "on"), "", "name something to tell")
		}
		for i, pattern := range spec.Pipelines {
			n.Pipelines = append(n.Pipelines, pattern)
			exact, _, found := pipelineNamed(pipelines, pattern)
			if !found && !strings.ContainsAny(pattern, "*?") {
				b.at(itemPath(join(path, "pipelines"), i), didYouMean(pattern, inOrder(b.problems, "pipelines", pipelines)), "there is no pipeline %q", pattern)
			}
			if exact && len(pipelines[pattern].Source.Tables) > 0 {
				n.Pipelines = append(n.Pipelines, pattern+".*") // a group stands for all of its pipelines
			}
		}
		all = append(all, n)
	}
	return all
}

// notifyOn are the kinds of what is told.
var notifyOn = []string{"failed", "recovered", "late", "fresh"}

// notifyTo checks where a notification is sent to.
func (b *builder) notifyTo(path string, spec notificationSpec) {
	at := join(path, "url")
	switch {
	case spec.Type == "":
		if !b.has(join(path, "type")) {
			b.missing(path, "type")
		}
	case spec.URL.IsZero() && !b.broken[at]:
		b.missing(path, "url")
	case spec.Type == string(NotifySlack) && spec.URL.text != "":
		b.at(at, howToRefer, "the address of a slack webhook is a secret, which cannot be written here")
	case spec.URL.text != "":
		b.webAddress(at, spec.URL.text)
	}
	if spec.Type == string(NotifySlack) && !spec.Secret.IsZero() {
		b.at(join(path, "secret"), "", "only a webhook has it")
	}
}

// webAddress checks an address without ever repeating it.
func (b *builder) webAddress(path, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		b.at(path, "", "want a URL such as https://host/path")
	case u.User != nil:
		b.at(path, "refer to the whole address, as ${env:NAME}", "a password in the URL")
	}
}
