package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// YAML returns the rule as an item of the config's checks, on one line.
func (r Rule) YAML() string {
	switch {
	case r.NotNull != nil:
		return r.item("not_null: " + list(r.NotNull))
	case r.Unique != nil:
		return r.item("unique: " + list(r.Unique))
	case r.Accepted != nil:
		return r.item(fmt.Sprintf("accepted_values: {column: %s, values: %s}", scalar(r.Accepted.Column), list(r.Accepted.Values)))
	case r.Range != nil:
		text := "range: {column: " + scalar(r.Range.Column)
		if r.Range.Min != "" {
			text += ", min: " + bound(r.Range.Min)
		}
		if r.Range.Max != "" {
			text += ", max: " + bound(r.Range.Max)
		}
		return r.item(text + "}")
	case r.RowCount != nil:
		var parts []string
		if r.RowCount.Min > 0 {
			parts = append(parts, fmt.Sprintf("min: %d", r.RowCount.Min))
		}
		if r.RowCount.Max > 0 {
			parts = append(parts, fmt.Sprintf("max: %d", r.RowCount.Max))
		}
		return r.item("row_count: {" + strings.Join(parts, ", ") + "}")
	}
	return r.item("freshness: " + r.Freshness)
}

func (r Rule) item(text string) string {
	if r.OnFail == "" {
		return "- " + text
	}
	return "- {" + text + ", on_fail: " + r.OnFail + "}"
}

func list(values []string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = scalar(v)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

var (
	plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

	// words are no text in one version of YAML or another.
	words = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"}
)

// scalar returns a text so that YAML reads it as one.
func scalar(text string) string {
	if plain.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // texts can be
	return strings.TrimSuffix(b.String(), "\n")
}

// bound returns a number as it is, and else a text.
func bound(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return scalar(text)
}
