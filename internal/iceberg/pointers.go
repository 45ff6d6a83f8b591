package iceberg

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// pointers name, outside of the store, the newest metadata file of each table. The files themselves lie in the store.
type pointers interface {
	// find returns where a table's newest metadata file lies; tidemark.ErrNotFound when there is no table.
	find(ctx context.Context, id tidemark.TableID) (location string, err error)

	// point lets the table point to location, which holds metadata, if it still points to old; "" makes the table.
	// That false comes back means that it certainly does not, and never will. After an error the outcome is open.
	point(ctx context.Context, id tidemark.TableID, old, location string, metadata table.Metadata) (changed bool, err error)

	// unpoint takes the table out of the list if it points to location, and reports whether it did.
	unpoint(ctx context.Context, id tidemark.TableID, location string) (removed bool, err error)

	list(ctx context.Context) ([]place, error)
	close() error
}

// pointed makes heads of pointers.
//
// Failpoint: iceberg.pointer.swap, between the metadata file and the pointer.
type pointed struct {
	pointers
	store Storage
	root  root
}

var (
	_ heads     = (*pointed)(nil)
	_ forgetter = (*pointed)(nil)
)

func (p *pointed) load(ctx context.Context, id tidemark.TableID) (string, []byte, error) {
	location, err := p.find(ctx, id)
	if err != nil {
		return "", nil, err
	}
	key, err := p.root.key(location)
	if err != nil {
		return "", nil, fmt.Errorf("metadata of table %s: %w", id, err)
	}
	data, err := read(ctx, p.store, key)
	if err != nil {
		return "", nil, fmt.Errorf("metadata of table %s: %w", id, err)
	}
	return location, data, nil
}

func (p *pointed) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	key := metadataFolder(v.id) + fmt.Sprintf("%05d-%s.metadata.json", metadataNumber(v.old)+1, uuid.New())
	// The file has a name of its own, so it takes nobody's place: a crash behind it leaves a file that nobody names.
	if err := p.store.Put(ctx, key, v.data, blob.PutOptions{IfAbsent: true}); err != nil {
		return nil, "", fmt.Errorf("put metadata of table %s: %w", v.id, err)
	}
	if err := failpoint.Hit("iceberg.pointer.swap"); err != nil {
		return nil, "", err
	}
	location := p.root.uri(key)
	changed, err := p.point(ctx, v.id, v.old, location, v.metadata)
	if err != nil {
		return nil, "", fmt.Errorf("point the catalog to %s: %w", location, err)
	}
	if !changed {
		_ = p.store.Delete(ctx, key) // the catalog does not name it, nor ever will
		return nil, "", lost(v.id, nil)
	}
	return v.metadata, location, nil
}

// forget takes the pointer away, and then the file that it named, which nobody finds any more.
func (p *pointed) forget(ctx context.Context, id tidemark.TableID, location string) error {
	key, err := p.root.key(location)
	if err != nil {
		return err
	}
	removed, err := p.unpoint(ctx, id, location)
	if err != nil {
		return fmt.Errorf("take the table out of the catalog: %w", err)
	}
	if !removed {
		return lost(id, nil)
	}
	return p.store.Delete(ctx, key)
}

// metadataNumber returns the number at the beginning of a metadata file's name, -1 where there is none.
func metadataNumber(location string) int {
	number, _, _ := strings.Cut(path.Base(location), "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return n
}
