package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
)

// A TableDescription is a table of a lake for people.
type TableDescription = tidemark.Description

// Describe tells of a table of a lake what a person wants to know of it. The lake is named as for Query. A table that
// is not there is ErrNotFound, with a hint on what there is.
func (r *Runner) Describe(ctx context.Context, connection string, id tidemark.TableID) (*TableDescription, error) {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	d, err := l.describe(ctx, id)
	if errors.Is(err, tidemark.ErrNotFound) {
		if tables, lerr := l.catalog().Tables(ctx); lerr == nil {
			err = tidemark.WithHint(err, whatThereIs(tables))
		}
	}
	return d, err
}

// describe asks the catalogs one after the other, and says where the table lies in the words of other programs.
func (l *lake) describe(ctx context.Context, id tidemark.TableID) (d *tidemark.Description, err error) {
	for _, one := range l.catalogs() {
		describer, ok := one.(tidemark.Describer)
		if !ok {
			continue
		}
		if d, err = describer.Describe(ctx, id); !errors.Is(err, tidemark.ErrNotFound) {
			break
		}
	}
	if err == nil && d.Format == tidemark.FormatParquet {
		d.Location = l.root + "/" + d.Location + "/"
	}
	return d, err
}

func whatThereIs(tables []tidemark.TableID) string {
	if len(tables) == 0 {
		return "the lake holds no table yet"
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.String()
	}
	return "there is: " + someOf(names)
}

// A TableSummary is a line of the list of a lake's tables. Description is nil where Err is set.
type TableSummary struct {
	Table       tidemark.TableID
	Description *TableDescription
	Err         error
}

// List describes all tables of a lake, sorted by name, whoever made them.
func (r *Runner) List(ctx context.Context, connection string) ([]TableSummary, error) {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	tables, err := l.catalog().Tables(ctx)
	if err != nil {
		return nil, err
	}
	return l.summaries(ctx, tables), nil
}

// ListOnly is List of these tables alone, in their order.
func (r *Runner) ListOnly(ctx context.Context, connection string, tables []tidemark.TableID) ([]TableSummary, error) {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	return l.summaries(ctx, tables), nil
}

// describeAtOnce is how many tables of a list are described at the same time: each waits for files of the lake.
const describeAtOnce = 8

func (l *lake) summaries(ctx context.Context, tables []tidemark.TableID) []TableSummary {
	list := make([]TableSummary, len(tables))
	var group errgroup.Group
	group.SetLimit(describeAtOnce)
	for i, id := range tables {
		group.Go(func() error {
			list[i].Table = id
			list[i].Description, list[i].Err = l.describe(ctx, id)
			return nil
		})
	}
	_ = group.Wait() // each line has its own error
	return list
}

// ParseTable reads NAMESPACE.TABLE, or TABLE where only one namespace of the lake has such a table.
func (r *Runner) ParseTable(ctx context.Context, connection, name string) (tidemark.TableID, error) {
	if namespace, table, ok := strings.Cut(name, "."); ok && namespace != "" && table != "" && !strings.Contains(table, ".") {
		return tidemark.TableID{Namespace: namespace, Name: table}, nil
	}
	tables, err := r.Tables(ctx, connection)
	if err != nil {
		return tidemark.TableID{}, err
	}
	var found []tidemark.TableID
	for _, t := range tables {
		if t.Name == name {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return tidemark.TableID{}, tidemark.WithHint(fmt.Errorf("table %q: %w", name, tidemark.ErrNotFound), whatThereIs(tables))
	default:
		return tidemark.TableID{}, tidemark.WithHint(fmt.Errorf("%d tables are named %q: %w", len(found), name, tidemark.ErrInvalid), "write it as "+found[0].String())
	}
}

// maxComment is the length of a comment in bytes. Glue takes no longer one.
const maxComment = 2048

// CheckComment returns ErrInvalid for a text that cannot be a comment.
func CheckComment(text string) error {
	strange := func(c rune) bool { return c == utf8.RuneError || c < ' ' && c != '\n' && c != '\t' || c == 0x7f }
	if len(text) > maxComment || strings.ContainsFunc(text, strange) {
		return fmt.Errorf("a comment of %d bytes: want text in UTF-8 of at most %d: %w", len(text), maxComment, tidemark.ErrInvalid)
	}
	return nil
}

// Comment sets what people say of a table of a lake, or of a column of it, and returns what they said before; "" in place
// of a text takes it away. The lake is named as for Query. A table or column that is not there is ErrNotFound.
func (r *Runner) Comment(ctx context.Context, connection string, id tidemark.TableID, column, text string) (was string, err error) {
	text = strings.TrimSpace(text)
	if err := CheckComment(text); err != nil {
		return "", err
	}
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return "", err
	}
	d, err := r.Describe(ctx, connection, id)
	if err != nil {
		return "", err
	}
	commenter, ok := l.catalogOf(d.Format).(tidemark.Commenter)
	if !ok {
		return "", fmt.Errorf("table %s: its catalog keeps no comments: %w", id, tidemark.ErrInvalid)
	}
	return commenter.Comment(ctx, id, column, text)
}

// catalogOf returns the catalog of the tables of a format.
func (l *lake) catalogOf(f tidemark.Format) tidemark.Catalog {
	if f == tidemark.FormatParquet {
		return l.folders()
	}
	return l.iceberg
}
