package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

var _ tidemark.Commenter = (*Catalog)(nil)

// maxPuts bounds how often a version of a table's record makes way for others.
const maxPuts = 100

// Comment implements tidemark.Commenter. Comments lie in the table's record, in a new version; pipelines take them along.
func (c *Catalog) Comment(ctx context.Context, id tidemark.TableID, column, text string) (was string, err error) {
	for range maxPuts {
		now, err := loadTable(ctx, c.store, id)
		if err != nil {
			return "", err
		}
		if now == nil {
			return "", fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
		}
		next, was, err := now.comment(column, text)
		if err != nil {
			return "", err
		}
		if err = putTable(ctx, c.store, now, next); !errors.Is(err, blob.ErrExist) {
			return was, err
		}
	}
	return "", fmt.Errorf("comment on table %s: others have changed it %d times meanwhile: %w", id, maxPuts, tidemark.ErrTransient)
}

// comment returns the version of the record with a comment, the same version where that is there already, and the
// comment that it takes the place of.
func (t *table) comment(name, text string) (next *table, was string, err error) {
	copied := *t
	place := &copied.Comment
	if name != "" {
		copied.Columns = slices.Clone(t.Columns)
		at := slices.IndexFunc(t.Columns, func(c column) bool { return c.Name == name })
		if at < 0 {
			return nil, "", t.noColumn(name)
		}
		place = &copied.Columns[at].Comment
	}
	if was = *place; was != text {
		*place = text
		copied.Version++
	}
	return &copied, was, nil
}

func (t *table) noColumn(name string) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return tidemark.WithHint(fmt.Errorf("table %s has no column %q: %w", t.Table, name, tidemark.ErrNotFound), "it has: "+strings.Join(names, ", "))
}
