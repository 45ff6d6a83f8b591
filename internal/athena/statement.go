package athena

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// aside are the parts of a statement that are no words of its own: comments, texts, and names in quotes.
var aside = regexp.MustCompile("(?s)--[^\n]*|/\\*.*?\\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")

var words = regexp.MustCompile(`[a-z_]+`)

// reading are the words with which a statement begins that only reads, and showing those of them behind which any word may
// stand; writing are the words that no other statement has.
var (
	reading = []string{"select", "with", "values", "table", "show", "describe", "desc", "explain"}
	showing = []string{"show", "describe", "desc"}
	writing = []string{
		"insert", "update", "delete", "merge", "create", "drop", "alter", "unload", "truncate", "vacuum", "optimize", "msck", "grant", "revoke",
		"prepare", "execute", "deallocate", "call",
	}
)

// readOnly refuses what would change something, wherever in the statement it stands: EXPLAIN ANALYZE runs what it explains.
func readOnly(statement string) error {
	bare := strings.TrimRight(strings.TrimSpace(aside.ReplaceAllString(statement, " ")), "; \t\r\n")
	all := words.FindAllString(strings.ToLower(bare), -1)
	switch {
	case len(all) == 0:
		return fmt.Errorf("there is no statement: %w", tidemark.ErrInvalid)
	case strings.Contains(bare, ";"):
		return fmt.Errorf("one statement is wanted: %w", tidemark.ErrInvalid)
	}
	writes := slices.ContainsFunc(all, func(w string) bool { return slices.Contains(writing, w) })
	if !slices.Contains(reading, all[0]) || writes && !slices.Contains(showing, all[0]) {
		return tidemark.WithHint(fmt.Errorf("only SELECT is allowed: %w", tidemark.ErrInvalid),
			"the lake is read-only here; use SELECT, WITH, VALUES, SHOW, DESCRIBE or EXPLAIN, and put a name that is a word like INSERT into double quotes")
	}
	return nil
}
