package mysql

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// ListTables returns the tables, not the views, whose database.table matches one of the patterns and none of exclude,
// sorted by name. In a pattern * stands for any characters and ? for one. A pattern without a match is ErrNotFound.
func ListTables(ctx context.Context, config Config, patterns, exclude []string) ([]tidemark.TableName, error) {
	for _, pattern := range append(append([]string{}, patterns...), exclude...) {
		if _, err := path.Match(pattern, ""); err != nil || !strings.Contains(pattern, ".") {
			return nil, tidemark.WithHint(fmt.Errorf("table pattern %q: %w", pattern, tidemark.ErrInvalid), "write it as database.table, as in shop.* or shop.order_?")
		}
	}
	c, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	defer c.close()
	res, err := c.query(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') "+
		"AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var tables []tidemark.TableName
	for _, r := range res.rows {
		name := tidemark.TableName{Database: r[0].text, Name: r[1].text}
		if matchesAny(patterns, name) && !matchesAny(exclude, name) {
			tables = append(tables, name)
		}
	}
	slices.SortFunc(tables, func(a, b tidemark.TableName) int { return strings.Compare(a.String(), b.String()) })
	for _, pattern := range patterns {
		if !anyMatches(pattern, res) {
			return nil, tidemark.WithHint(fmt.Errorf("table pattern %q: no such table is visible to %s: %w", pattern, config.User, tidemark.ErrNotFound),
				"check the spelling, and that the user has SELECT on the tables")
		}
	}
	return tables, nil
}

func anyMatches(pattern string, res result) bool {
	for _, r := range res.rows {
		if matchesAny([]string{pattern}, tidemark.TableName{Database: r[0].text, Name: r[1].text}) {
			return true
		}
	}
	return false
}

func matchesAny(patterns []string, name tidemark.TableName) bool {
	for _, pattern := range patterns {
		// A slash ends what * matches, so none may come from a name.
		if ok, _ := path.Match(pattern, strings.ReplaceAll(name.String(), "/", "\x00")); ok {
			return true
		}
	}
	return false
}
