package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/glue"
)

// CatalogKind says where a lake keeps which metadata file of a table is the newest.
type CatalogKind string

const (
	CatalogFolder CatalogKind = "folder" // in the lake itself; the default
	CatalogSQLite CatalogKind = "sqlite" // in a local SQLite file, for one machine only
	CatalogGlue   CatalogKind = "glue"   // in the AWS Glue Data Catalog
	CatalogREST   CatalogKind = "rest"   // in a server that speaks Iceberg's REST protocol
)

// Storage is what a lake needs of a store.
type Storage interface {
	blob.Store
	blob.Stager
}

// Options of a Lake.
type Options struct {
	Store Storage // all tables lie below its root

	// Root is the store's root as other readers know it: an absolute path, or s3://BUCKET/PREFIX.
	Root string

	Catalog    CatalogKind  // "" means CatalogFolder
	SQLitePath string       // of the file, for CatalogSQLite; it is made when it is not there
	Glue       *glue.Client // for CatalogGlue; the caller closes it behind the lake
	REST       RESTOptions  // for CatalogREST

	// Dir is where files of many partitions grow before they go to the store; "" means the system's temporary folder.
	Dir string
}

// A Lake is a set of Iceberg tables under one root. It is a tidemark.Catalog, and makes the targets of pipelines.
// It is safe for concurrent use, also by several processes.
type Lake struct {
	store  Storage
	root   root
	tables *catalog
	dir    string
	marks  marks
}

// Open opens a lake. Nothing is written but the file of a SQLite catalog. The caller closes the lake.
func Open(ctx context.Context, o Options) (*Lake, error) {
	r, err := newRoot(o.Root)
	if err != nil {
		return nil, err
	}
	l := &Lake{store: o.Store, root: r, dir: o.Dir}
	var heads heads
	switch o.Catalog {
	case "", CatalogFolder:
		heads = &folderHeads{store: o.Store, root: r}
	case CatalogSQLite:
		p, err := openSQLite(ctx, o.SQLitePath)
		if err != nil {
			return nil, err
		}
		heads = &pointed{pointers: p, store: o.Store, root: r}
	case CatalogGlue:
		if o.Glue == nil {
			return nil, fmt.Errorf("catalog %q needs its client: %w", CatalogGlue, tidemark.ErrInvalid)
		}
		heads = &pointed{pointers: &gluePointers{client: o.Glue, root: r}, store: o.Store, root: r}
	case CatalogREST:
		heads = &restHeads{options: o.REST, store: o.Store, root: r}
	default:
		return nil, fmt.Errorf("catalog %q: want %q, %q, %q or %q: %w", o.Catalog, CatalogFolder, CatalogSQLite, CatalogGlue, CatalogREST, tidemark.ErrInvalid)
	}
	l.tables = &catalog{heads: heads, root: r, io: l.io}
	return l, nil
}

// Close frees what the lake holds.
func (l *Lake) Close() error { return l.tables.heads.close() }

// CatalogIO returns the lake's tables for iceberg-go: what reads or maintains them by that library's own means loads
// and commits through it.
func (l *Lake) CatalogIO() table.CatalogIO { return l.tables }

// io returns iceberg-go's I/O for one operation.
func (l *Lake) io(ctx context.Context) (icebergio.IO, error) {
	return fileIO{ctx: ctx, store: l.store, root: l.root}, nil
}

// load returns a table as it is now; tidemark.ErrNotFound when there is none.
func (l *Lake) load(ctx context.Context, id tidemark.TableID) (*table.Table, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	t, err := l.tables.LoadTable(ctx, identifier(id))
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", id, kindOf(err))
	}
	return t, nil
}

func identifier(id tidemark.TableID) table.Identifier { return table.Identifier{id.Namespace, id.Name} }

// kindOf gives iceberg-go's errors one of our kinds. Those of the store have theirs already.
func kindOf(err error) error {
	for _, kind := range []error{tidemark.ErrInvalid, tidemark.ErrNotFound, tidemark.ErrDenied, tidemark.ErrConflict,
		tidemark.ErrTransient, tidemark.ErrRestart, tidemark.ErrFatal} {
		if errors.Is(err, kind) {
			return err
		}
	}
	for from, to := range map[error]error{
		fs.ErrNotExist:              tidemark.ErrNotFound,
		table.ErrInvalidMetadata:    tidemark.ErrInvalid,
		iceberg.ErrInvalidArgument:  tidemark.ErrInvalid,
		iceberg.ErrInvalidTransform: tidemark.ErrInvalid,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}
