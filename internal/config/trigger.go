package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/tidemark-data/tidemark"
)

// triggerKinds are the keys of which a trigger has exactly one, and belongsTo says which other keys go with which of them.
var (
	triggerKinds = []string{"cron", "every", "after", "object", "source", "webhook"}
	belongsTo    = map[string]string{"zone": "cron", "catch_up": "cron", "on": "after", "of": "after"}
)

// triggers builds and checks what starts runs.
func (b *builder) triggers(c *Config, specs map[string]pipelineSpec) {
	for _, pipeline := range inOrder(b.problems, "pipelines", specs) {
		spec, path := specs[pipeline], join("pipelines", pipeline)
		b.within(path, "retries", int64(spec.Retries), 0, 100)
		path = join(path, "triggers")
		taken, kinds := map[string]bool{}, map[string]int{}
		for i, t := range spec.Triggers {
			at := itemPath(path, i)
			kind, ok := b.triggerKind(at)
			if !ok {
				continue
			}
			if kinds[kind]++; t.Name == "" {
				if t.Name = kind; kinds[kind] > 1 {
					t.Name = fmt.Sprintf("%s-%d", kind, kinds[kind])
				}
			}
			switch {
			case !plainKey.MatchString(t.Name):
				b.at(join(at, "name"), "", "use letters, digits, '_' and '-' for the name")
			case taken[t.Name]:
				b.at(at, "give it another name", "two triggers are called %q", t.Name)
			}
			taken[t.Name] = true
			b.trigger(c, at, kind, pipeline, t, specs)
			c.Triggers = append(c.Triggers, t.trigger(kind, pipeline))
		}
	}
	b.circles(specs)
}

// triggerKind returns the kind of the trigger at path.
func (b *builder) triggerKind(path string) (string, bool) {
	var kinds []string
	for _, kind := range triggerKinds {
		if b.has(join(path, kind)) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		b.at(path, "use one of "+strings.Join(triggerKinds, ", "), "want one kind of trigger, got %d", len(kinds))
		return "", false
	}
	for key, kind := range belongsTo {
		if kind != kinds[0] && b.has(join(path, key)) {
			b.at(join(path, key), "", "only %s has it", kind)
		}
	}
	return kinds[0], true
}

// trigger checks one.
func (b *builder) trigger(c *Config, path, kind, pipeline string, t triggerSpec, specs map[string]pipelineSpec) {
	at := join(path, kind)
	atLeast := func(at string, d Duration) {
		if time.Duration(d) < time.Second {
			b.at(at, "", "want at least 1s")
		}
	}
	switch kind {
	case "cron":
		b.cron(at, t.Cron)
		if _, err := time.LoadLocation(t.Zone); err != nil || t.Zone == "Local" {
			b.at(join(path, "zone"), "write it as Europe/Berlin", "unknown zone %q", t.Zone)
		}
	case "every":
		atLeast(at, t.Every)
	case "source":
		atLeast(at, t.Source)
		if len(specs[pipeline].Source.Cursor) == 0 {
			b.at(at, "use every or cron", "a pipeline without a cursor has nothing to look at")
		}
	case "object":
		if b.has(join(at, "queue")) {
			b.queue(c, at, t.Object)
			break
		}
		b.uses(c, at, "connection", t.Object.Connection, "s3 or file", func(c Connection) bool { return !isMySQL(c) })
		atLeast(join(at, "every"), t.Object.Every)
	case "after":
		if len(t.After) == 0 {
			b.at(at, "", "name a pipeline")
		}
		for i, name := range t.After {
			if slices.Contains(t.After[:i], name) {
				b.at(at, "", "%q is named twice", name)
			}
			if _, group, found := pipelineNamed(specs, name); !found {
				b.at(at, didYouMean(name, inOrder(b.problems, "pipelines", specs)), "there is no pipeline %q", name)
			} else if name == pipeline || group == pipeline {
				b.at(at, "", "a pipeline cannot run after itself")
			}
		}
	case "webhook":
		token := !t.Webhook.Token.IsZero() || b.has(join(at, "token")) // a broken one is told of by itself
		if token == (!t.Webhook.Secret.IsZero() || b.has(join(at, "secret"))) {
			b.at(at, "a request sends the token, or is signed with the secret", "want one of token, secret")
		}
		c.Webhooks[tidemark.NewTriggerID(pipeline, t.Name)] = Webhook{Token: b.bind(t.Webhook.Token), Key: b.bind(t.Webhook.Secret)}
	}
}

// queue checks where a trigger hears of objects.
func (b *builder) queue(c *Config, path string, o objectSpec) {
	at := join(path, "queue")
	if u, err := url.Parse(o.Queue); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		b.at(at, "write it as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME", "this is no URL of a queue")
	}
	if b.has(join(path, "every")) {
		b.at(join(path, "every"), "", "what a queue tells of is not listed")
	}
	if b.has(join(path, "connection")) {
		b.uses(c, path, "connection", o.Connection, "s3", func(c Connection) bool { _, ok := c.(*S3); return ok })
	}
}

// leapYear is where the times of a calendar are looked for: a year that has each day there is.
var leapYear = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// cron checks the times of a calendar.
func (b *builder) cron(path, text string) {
	switch {
	case strings.Contains(text, "TZ="):
		b.at(path, "name it with zone", "the zone does not stand in the times")
		return
	case strings.HasPrefix(text, "@every"):
		b.at(path, "use every", "@every is no time of the calendar")
		return
	}
	times, err := cron.ParseStandard(text)
	if err != nil {
		b.at(path, `write five fields, such as "15 2 * * *" for 2:15 each day`, "%q are no times: %s", text, err)
		return
	}
	if times.Next(leapYear).IsZero() {
		b.at(path, "", "%q never comes", text)
	}
}

// pipelineNamed finds a pipeline or a group by its name, or the group that a name may be a member of.
func pipelineNamed(specs map[string]pipelineSpec, name string) (exact bool, group string, found bool) {
	if _, ok := specs[name]; ok {
		return true, "", true
	}
	for g, spec := range specs {
		if len(spec.Source.Tables) > 0 && strings.HasPrefix(name, g+".") && len(g) > len(group) {
			group = g
		}
	}
	return false, group, group != ""
}

// circles finds pipelines that would start each other for ever.
func (b *builder) circles(specs map[string]pipelineSpec) {
	next := map[string][]string{} // by pipeline: what runs after it
	where := map[[2]string]string{}
	for _, pipeline := range inOrder(b.problems, "pipelines", specs) {
		for i, t := range specs[pipeline].Triggers {
			for _, name := range t.After {
				if t.On == string(tidemark.OnFailure) {
					continue // a circle of failures ends with the first success
				}
				if _, group, _ := pipelineNamed(specs, name); group != "" {
					name = group
				}
				next[name] = append(next[name], pipeline)
				where[[2]string{name, pipeline}] = join(itemPath(join("pipelines", pipeline, "triggers"), i), "after")
			}
		}
	}
	done := map[string]bool{}
	var walk func(name string, path []string)
	walk = func(name string, path []string) {
		if i := slices.Index(path, name); i >= 0 {
			if circle := path[i:]; len(circle) > 1 { // one that runs after itself has been reported
				b.at(where[[2]string{path[len(path)-1], name}], "", "%s would start each other for ever", strings.Join(append(slices.Clone(circle), name), " → "))
			}
			return
		}
		if done[name] {
			return
		}
		for _, n := range next[name] {
			walk(n, append(slices.Clone(path), name))
		}
		done[name] = true
	}
	for _, name := range inOrder(b.problems, "pipelines", specs) {
		walk(name, nil)
	}
}

func (t triggerSpec) trigger(kind, pipeline string) tidemark.Trigger {
	trigger := tidemark.Trigger{
		ID: tidemark.NewTriggerID(pipeline, t.Name), Kind: tidemark.TriggerKind(kind), Enabled: t.Enabled,
	}
	switch trigger.Kind {
	case tidemark.TriggerCron:
		trigger.Cron, trigger.Zone, trigger.CatchUp = t.Cron, t.Zone, tidemark.CatchUp(t.CatchUp)
	case tidemark.TriggerEvery:
		trigger.Every = time.Duration(t.Every)
	case tidemark.TriggerAfter:
		trigger.After, trigger.On, trigger.All = t.After, tidemark.EndKind(t.On), t.Of == "all"
	case tidemark.TriggerObject:
		trigger.Connection, trigger.Prefix, trigger.Queue = t.Object.Connection, t.Object.Prefix, t.Object.Queue
		if trigger.Queue == "" {
			trigger.Every = time.Duration(t.Object.Every)
		}
	case tidemark.TriggerSource:
		trigger.Every = time.Duration(t.Source)
	}
	return trigger
}
