package run

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/iceberg"
	"github.com/tidemark-data/tidemark/internal/query"
)

// A store is what a lake lies in.
type store interface {
	blob.Store
	blob.Stager
	io.Closer
}

// A lake is an opened lake connection: where its bytes lie, and the tables in it.
type lake struct {
	store   store
	root    string // as other readers know it: an absolute path, or s3://BUCKET/PREFIX
	iceberg *iceberg.Lake
	proof   proof
}

func (l *lake) close() error { return errors.Join(l.iceberg.Close(), l.store.Close()) }

// lake opens a connection of that name once.
func (r *Runner) lake(ctx context.Context, name string) (*lake, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.lakes[name]; ok {
		return l, nil
	}
	s, root, err := r.openStore(ctx, r.cfg.Connections[name])
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", name, err)
	}
	tables, err := iceberg.Open(ctx, iceberg.Options{
		Store: s, Root: root, Catalog: iceberg.CatalogKind(r.cfg.Catalog.Type), SQLitePath: r.cfg.Catalog.Path,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connection %s: %w", name, err), s.Close())
	}
	l := &lake{store: s, root: root, iceberg: tables}
	r.lakes[name] = l
	return l, nil
}

func (r *Runner) openStore(ctx context.Context, connection config.Connection) (store, string, error) {
	switch c := connection.(type) {
	case *config.Folder:
		s, err := blob.OpenFile(c.Path)
		return s, c.Path, err
	case *config.S3:
		s, err := openS3(ctx, c)
		return s, "s3://" + c.Bucket + suffix(c.Prefix), err
	default:
		return nil, "", fmt.Errorf("connection of type %T is no lake: %w", connection, tidemark.ErrInvalid)
	}
}

func suffix(prefix string) string {
	if prefix == "" {
		return ""
	}
	return "/" + prefix
}

func openS3(ctx context.Context, c *config.S3) (*blob.S3, error) {
	access, err := c.AccessKey.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := c.SecretKey.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	encryption := map[string]string{"aes256": "AES256", "kms": "aws:kms"}[c.SSE]
	return blob.OpenS3(ctx, blob.S3Config{
		Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region, Endpoint: c.Endpoint, PathStyle: c.PathStyle,
		AccessKey: access, SecretKey: secret, RoleARN: c.RoleARN, ExternalID: c.ExternalID,
		SSE: encryption, KMSKeyID: c.KMSKey,
	})
}

// snapshot returns a table of a lake as it is now.
func (r *Runner) snapshot(ctx context.Context, connection string, id tidemark.TableID) (*lake, *tidemark.Snapshot, error) {
	l, err := r.lake(ctx, connection)
	if err != nil {
		return nil, nil, err
	}
	s, err := l.catalog().Snapshot(ctx, id)
	return l, s, err
}

// scan opens a table of a lake, with all versions of its rows that are alive. The caller closes it.
func (r *Runner) scan(ctx context.Context, connection string, id tidemark.TableID) (*query.Scan, error) {
	l, s, err := r.snapshot(ctx, connection, id)
	if err != nil {
		return nil, err
	}
	return query.OpenScan(ctx, r.queryOptions(l), s, query.Newest{})
}

// target returns the table that a pipeline writes.
func (l *lake) target(p tidemark.Pipeline, r *Runner) tidemark.Target {
	if p.Format == tidemark.FormatParquet {
		return folder.NewTarget(l.store, p, r.log)
	}
	return l.iceberg.Target(p, r.log)
}
