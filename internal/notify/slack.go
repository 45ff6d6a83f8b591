package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A slackMessage is what incoming webhooks of Slack take. Others that take the same know no blocks and show the text, so
// all is in there too.
type slackMessage struct {
	Text   string       `json:"text"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Slack refuses a text of a block above 3000 characters. The escapes make a character five at most; what is shown of an error is
// far below.
const maxShown = 500

// slack returns an event as a message for people.
func slack(e Event) ([]byte, error) {
	parts := []string{e.headline()}
	if e.Error != "" {
		// Nothing within a block of code is taken for markup but its end.
		parts = append(parts, "```"+escape(strings.ReplaceAll(cut(e.Error, maxShown), "`", "'"))+"```")
	}
	if e.Hint != "" {
		parts = append(parts, escape(cut(e.Hint, maxShown)))
	}
	m := slackMessage{}
	for _, part := range parts {
		m.Blocks = append(m.Blocks, slackBlock{Type: "section", Text: &slackText{"mrkdwn", part}})
	}
	if small := e.details(); small != "" {
		parts = append(parts, small)
		m.Blocks = append(m.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", small}}})
	}
	m.Text = strings.Join(parts, "\n")
	return json.Marshal(m)
}

// headline says in a sentence what has happened.
func (e Event) headline() string {
	name := "`" + escape(string(e.Pipeline)) + "`"
	switch e.Kind {
	case Failed:
		text := ":red_circle: " + name + " *failed*"
		if e.Again {
			text = ":red_circle: " + name + " *still fails*"
		}
		if e.ErrorKind != "" {
			text += " (" + escape(e.ErrorKind) + ")"
		}
		return text
	case Recovered:
		text := ":large_green_circle: " + name + " *recovered*"
		if !e.Since.IsZero() {
			text += " after " + Seconds(e.At.Sub(e.Since)).String()
		}
		return text
	case Late:
		return fmt.Sprintf(":large_yellow_circle: %s *is late*: %s behind, more than %s", name, e.Lag, e.Limit)
	default:
		return fmt.Sprintf(":large_green_circle: %s *is fresh again*: %s behind", name, e.Lag)
	}
}

// details are what one looks at second.
func (e Event) details() string {
	var parts []string
	if e.Run != "" {
		parts = append(parts, "run "+escape(string(e.Run)), plural(int64(e.Attempts), "attempt"))
		if e.Kind != Failed {
			parts = append(parts, plural(e.Rows, "row"))
		}
	}
	parts = append(parts, e.At.Format(time.RFC3339))
	if e.Link != "" {
		parts = append(parts, "<"+escape(e.Link)+"|look>")
	}
	return strings.Join(parts, " · ")
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// escape takes away what characters mean to Slack: a text with <!channel> in it calls nobody.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
