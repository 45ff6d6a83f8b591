package run

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/glue"
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
	glue    *glue.Client // nil where the catalog is another
	proof   proof
}

func (l *lake) close() error { return errors.Join(l.iceberg.Close(), l.closeGlue(), l.store.Close()) }

func (l *lake) closeGlue() error {
	if l.glue == nil {
		return nil
	}
	return l.glue.Close()
}

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
	l := &lake{store: s, root: root}
	if l.glue, err = openGlue(ctx, r.cfg.Catalog); err != nil {
		return nil, errors.Join(fmt.Errorf("catalog: %w", err), s.Close())
	}
	server, err := restOptions(ctx, r.cfg.Catalog)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("catalog: %w", err), l.closeGlue(), s.Close())
	}
	l.iceberg, err = iceberg.Open(ctx, iceberg.Options{
		Store: s, Root: root, Catalog: iceberg.CatalogKind(r.cfg.Catalog.Type), SQLitePath: r.cfg.Catalog.Path, Glue: l.glue, REST: server,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connection %s: %w", name, err), l.closeGlue(), s.Close())
	}
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

// openGlue returns the client of a Glue catalog, nil where the catalog is another.
func openGlue(ctx context.Context, c config.Catalog) (*glue.Client, error) {
	if c.Type != config.CatalogGlue {
		return nil, nil
	}
	o, err := glueOptions(ctx, c.Glue)
	if err != nil {
		return nil, err
	}
	return glue.Open(ctx, o)
}

func glueOptions(ctx context.Context, g config.Glue) (glue.Options, error) {
	access, err := awsAccess(ctx, g)
	return glue.Options{Access: access, Endpoint: g.Endpoint, CatalogID: g.CatalogID, DatabasePrefix: g.DatabasePrefix}, err
}

// awsAccess says as whom AWS is asked, by the section catalog.
func awsAccess(ctx context.Context, g config.Glue) (amazon.Access, error) {
	access, err := g.AccessKey.Resolve(ctx)
	if err != nil {
		return amazon.Access{}, err
	}
	secret, err := g.SecretKey.Resolve(ctx)
	return amazon.Access{Region: g.Region, AccessKey: access, SecretKey: secret, RoleARN: g.RoleARN, ExternalID: g.ExternalID}, err
}

// restOptions says how to reach a REST catalog; zero where the catalog is another.
func restOptions(ctx context.Context, c config.Catalog) (o iceberg.RESTOptions, err error) {
	if c.Type != config.CatalogREST {
		return o, nil
	}
	o = iceberg.RESTOptions{
		URI: c.REST.URI, Warehouse: c.REST.Warehouse, CAFile: c.REST.CA, ClientID: c.REST.ClientID, Scope: c.REST.Scope,
		TokenURI: c.REST.TokenURL, SignFor: c.REST.Sign,
	}
	if o.Token, err = c.REST.Token.Resolve(ctx); err != nil {
		return o, err
	}
	if o.ClientSecret, err = c.REST.ClientSecret.Resolve(ctx); err != nil || o.SignFor == "" {
		return o, err
	}
	access, err := awsAccess(ctx, c.REST.AWS)
	if err != nil {
		return o, err
	}
	o.AWS, err = access.Config(ctx)
	return o, err
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

// registrar returns what tells Glue of the folders of a lake, nil where the catalog is another.
func (l *lake) registrar() folder.Registrar {
	if l.glue == nil {
		return nil
	}
	return glue.NewRegistrar(l.glue, l.root)
}

// folders returns the catalog of the folders of Parquet files.
func (l *lake) folders() *folder.Catalog {
	return folder.NewCatalog(l.store).RegisteredWith(l.registrar())
}

// target returns the table that a pipeline writes.
func (l *lake) target(p tidemark.Pipeline, r *Runner) tidemark.Target {
	if p.Format == tidemark.FormatParquet {
		return folder.NewTarget(l.store, p, r.log).RegisterWith(l.registrar())
	}
	return l.iceberg.Target(p, r.log)
}
