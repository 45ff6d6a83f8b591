package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/folder"
)

// An Import is a folder of Parquet files of somebody else's that becomes a table, thought through and not yet made: Commit
// makes it.
type Import struct{ *folder.Import }

// PlanImport finds out what a table would get of a folder of Parquet files that lies in a lake, whose connection is named as for
// Query, as NAMESPACE.TABLE. The folder is relative to the lake's root. Files that the table has already are not taken again; so it may be called
// again and again. It only reads.
func (r *Runner) PlanImport(ctx context.Context, connection, prefix, as string) (*Import, error) {
	id, err := config.ParseTable(as)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	if prefix, err = inLake(prefix, l.root); err != nil {
		return nil, err
	}
	if err := l.free(ctx, prefix, id); err != nil {
		return nil, err
	}
	i, err := folder.PlanImport(ctx, l.store, id, prefix)
	if err != nil {
		return nil, err
	}
	return &Import{i}, nil
}

// inLake returns a folder relative to the root of the lake, which may be named before it.
func inLake(prefix, root string) (string, error) {
	below, within := strings.CutPrefix(prefix, root+"/")
	if !within {
		below = prefix
	}
	inner := strings.Trim(below, "/")
	switch {
	case strings.TrimRight(prefix, "/") == root:
		return "", fmt.Errorf("the whole lake cannot be a table: %w", tidemark.ErrInvalid)
	case inner == "" || inner == ".":
		return "", fmt.Errorf("the whole lake cannot be a table: %w", tidemark.ErrInvalid)
	case strings.Contains(inner, "://") || strings.HasPrefix(inner, "..") || strings.HasPrefix(prefix, "/") && !within:
		return "", tidemark.WithHint(fmt.Errorf("%s does not lie in the lake %s: %w", prefix, root, tidemark.ErrInvalid),
			"a lake whose root is further up can have it: connections are cheap")
	case strings.HasPrefix(inner, "_tidemark"):
		return "", fmt.Errorf("what lies in _tidemark is no table: %w", tidemark.ErrInvalid)
	}
	return inner, nil
}

// free checks that a folder is not one of a table of the lake, whose files come and go, and that the name is not taken by another.
func (l *lake) free(ctx context.Context, prefix string, id tidemark.TableID) error {
	iceberg, err := l.iceberg.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range iceberg {
		if t == id {
			return tidemark.WithHint(fmt.Errorf("%s is an Iceberg table: %w", id, tidemark.ErrInvalid), "choose another name for what is imported")
		}
	}
	folders, err := l.folders().Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range append(iceberg, folders...) {
		own := t.Namespace + "/" + t.Name + "/"
		if !strings.HasPrefix(prefix+"/", own) && !strings.HasPrefix(own, prefix+"/") {
			continue
		}
		imported, err := l.imported(ctx, t)
		if err != nil {
			return err
		}
		if !imported {
			return tidemark.WithHint(fmt.Errorf("%s is in the folder of table %s, or has it in it: %w", prefix, t, tidemark.ErrInvalid), "that table is in the catalog already: `tidemark catalog show "+t.String()+"`")
		}
	}
	return nil
}

// apart checks that a table that a pipeline fills has a folder of its own: what was imported is deleted by nobody here, and an
// Iceberg table's maintenance deletes what it does not know.
func (l *lake) apart(ctx context.Context, id tidemark.TableID) error {
	prefixes, err := folder.Imports(ctx, l.store)
	if err != nil {
		return err
	}
	own := id.Namespace + "/" + id.Name + "/"
	for _, prefix := range prefixes {
		if strings.HasPrefix(prefix, own) || strings.HasPrefix(own, prefix) {
			return tidemark.WithHint(fmt.Errorf("the folder of table %s has files in it that were imported from %s: %w", id, prefix, tidemark.ErrInvalid), "give the target another name")
		}
	}
	return nil
}

func (l *lake) imported(ctx context.Context, id tidemark.TableID) (bool, error) {
	d, err := l.folders().Describe(ctx, id)
	if errors.Is(err, tidemark.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return d.Imported, nil
}
