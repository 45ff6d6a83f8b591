package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/query"
)

// A QueryResult is the answer to a query. Its rows are read once; the caller closes it.
type QueryResult = query.Result

// QueryBatches are the answer to a query as Arrow has it. They are read once; the caller closes them.
type QueryBatches = query.Batches

// ErrQueryTimeout says that a query took longer than it may.
var ErrQueryTimeout = query.ErrTimeout

// Query answers one SELECT over the tables of a lake, named by its connection; "" means the only one that the config
// has. A statement that is wrong, or more than a SELECT, is ErrInvalid.
func (r *Runner) Query(ctx context.Context, connection, sql string) (*QueryResult, error) {
	return r.QueryWith(ctx, sql, QueryOptions{Lake: connection})
}

// QueryOptions say where and how a query runs. The zero value is good.
type QueryOptions struct {
	Lake string // the connection to ask; "" means the only lake that the config has

	Memory     int64         // bytes that the query may take; 0 means 512 MiB
	Timeout    time.Duration // until its last row is read; 0 means no limit
	CacheLimit int64         // bytes of a bucket's files that stay on this machine; 0 means 2 GiB
}

// QueryWith is Query with options.
func (r *Runner) QueryWith(ctx context.Context, sql string, o QueryOptions) (*QueryResult, error) {
	l, err := r.onlyLake(ctx, o.Lake)
	if err != nil {
		return nil, err
	}
	return query.Run(ctx, r.askOptions(l, o), sql)
}

// QueryArrow is QueryWith with the answer in Arrow's batches.
func (r *Runner) QueryArrow(ctx context.Context, sql string, o QueryOptions) (*QueryBatches, error) {
	l, err := r.onlyLake(ctx, o.Lake)
	if err != nil {
		return nil, err
	}
	return query.Stream(ctx, r.askOptions(l, o), sql)
}

// QueryToParquet is QueryWith with the answer in a Parquet file, which is put into the place of what is at path.
func (r *Runner) QueryToParquet(ctx context.Context, sql, path string, o QueryOptions) (query.Written, error) {
	l, err := r.onlyLake(ctx, o.Lake)
	if err != nil {
		return query.Written{}, err
	}
	return query.ToParquet(ctx, r.askOptions(l, o), sql, path)
}

func (r *Runner) askOptions(l *lake, o QueryOptions) query.Options {
	all := r.queryOptions(l)
	all.Memory, all.Timeout, all.CacheLimit = o.Memory, o.Timeout, o.CacheLimit
	all.Watermarks = func(ctx context.Context) ([]tidemark.Watermark, error) { return r.watermarksIn(ctx, l) }
	return all
}

// watermarksIn returns the watermarks of all pipelines that have loaded into a lake, whatever the config says, in the
// order of their tables.
func (r *Runner) watermarksIn(ctx context.Context, l *lake) (all []tidemark.Watermark, err error) {
	for _, f := range []struct {
		format tidemark.Format
		tables tidemark.Catalog
	}{{tidemark.FormatIceberg, l.iceberg}, {tidemark.FormatParquet, l.folders()}} {
		ids, err := f.tables.Tables(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			shared, ok := l.target(tidemark.Pipeline{Target: id, Format: f.format}, r).(tidemark.SharedTarget)
			if !ok {
				continue
			}
			marks, err := shared.Watermarks(ctx)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", id, err)
			}
			all = append(all, marks...)
		}
	}
	return all, nil
}

// Tables returns all tables of a lake, sorted by name, whoever made them. The lake is named as for Query.
func (r *Runner) Tables(ctx context.Context, connection string) ([]tidemark.TableID, error) {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	return l.catalog().Tables(ctx)
}

// onlyLake opens the lake of that connection, or the only one there is.
func (r *Runner) onlyLake(ctx context.Context, connection string) (*lake, error) {
	name, err := r.lakeName(connection)
	if err != nil {
		return nil, err
	}
	return r.lake(ctx, name)
}

// lakeName returns the connection of that name, or the only one to a lake.
func (r *Runner) lakeName(name string) (string, error) {
	lakes := r.lakeNames()
	switch {
	case slices.Contains(lakes, name):
		return name, nil
	case name != "":
		return "", tidemark.WithHint(fmt.Errorf("lake %q: %w", name, tidemark.ErrNotFound), "the config has: "+strings.Join(lakes, ", "))
	case len(lakes) == 1:
		return lakes[0], nil
	}
	return "", tidemark.WithHint(fmt.Errorf("the config has %d lakes: %w", len(lakes), tidemark.ErrInvalid),
		"name one of them: "+strings.Join(lakes, ", "))
}

// catalog returns all tables of the lake, Iceberg's and those that are folders.
func (l *lake) catalog() tidemark.Catalog { return l.catalogs() }

func (l *lake) catalogs() catalogs { return catalogs{l.iceberg, l.folders()} }

// catalogs are several catalogs as one. Where two know a table of the same name, the first has it.
type catalogs []tidemark.Catalog

// Tables implements tidemark.Catalog.
func (c catalogs) Tables(ctx context.Context) ([]tidemark.TableID, error) {
	var all []tidemark.TableID
	for _, one := range c {
		tables, err := one.Tables(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, tables...)
	}
	slices.SortFunc(all, func(a, b tidemark.TableID) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), nil
}

// Snapshot implements tidemark.Catalog.
func (c catalogs) Snapshot(ctx context.Context, id tidemark.TableID) (s *tidemark.Snapshot, err error) {
	for _, one := range c {
		if s, err = one.Snapshot(ctx, id); !errors.Is(err, tidemark.ErrNotFound) {
			return s, err
		}
	}
	return nil, err
}

// SnapshotAsOf implements tidemark.Historian.
func (c catalogs) SnapshotAsOf(ctx context.Context, id tidemark.TableID, v tidemark.Version) (s *tidemark.Snapshot, err error) {
	err = fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	for _, one := range c {
		historian, ok := one.(tidemark.Historian)
		if !ok {
			continue
		}
		if s, err = historian.SnapshotAsOf(ctx, id, v); !errors.Is(err, tidemark.ErrNotFound) {
			return s, err
		}
	}
	return nil, err
}
