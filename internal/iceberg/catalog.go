package iceberg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// heads knows which metadata file of each table is the newest, and lets it be replaced by compare-and-swap: the one
// thing that a catalog of Iceberg tables must do.
type heads interface {
	// load returns a table's newest metadata file and where it lies; tidemark.ErrNotFound when there is no table.
	load(ctx context.Context, id tidemark.TableID) (location string, metadata []byte, err error)

	// swap makes v the newest version of its table and returns what is so now, and where it lies. When what v follows has
	// been overtaken nothing changes and the error wraps table.ErrCommitFailed. After another error the caller does not know
	// whether the swap has happened, or will.
	swap(ctx context.Context, v version) (metadata table.Metadata, location string, err error)

	// list returns all tables in no order.
	list(ctx context.Context) ([]place, error)

	close() error
}

// catalog makes of heads what iceberg-go wants of a catalog.
type catalog struct {
	heads heads
	root  root
	io    table.FSysF
}

var _ table.CatalogIO = (*catalog)(nil)

// LoadTable loads a table with its newest metadata. One that bears the mark of a drop is refused.
func (c *catalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	t, err := c.loadAny(ctx, ident)
	if err == nil && isDropped(t) {
		return nil, tidemark.BeingDropped(tidemark.TableID{Namespace: ident[0], Name: ident[1]})
	}
	return t, err
}

// loadAny loads a table whether it bears the mark of a drop or not.
func (c *catalog) loadAny(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	id, err := tableID(ident)
	if err != nil {
		return nil, err
	}
	location, data, err := c.heads.load(ctx, id)
	if err != nil {
		return nil, err
	}
	metadata, err := table.ParseMetadataBytes(data)
	if err != nil {
		return nil, fmt.Errorf("metadata file %s: %w: %w", location, tidemark.ErrInvalid, err)
	}
	return table.New(ident, metadata, location, c.io, c), nil
}

// CommitTable applies updates to the newest metadata if the requirements hold there. It is for iceberg-go's own
// operations, such as a compaction; our commits build on the metadata that they have judged.
func (c *catalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	base, err := c.LoadTable(ctx, ident)
	if err != nil {
		return nil, "", err
	}
	v, err := c.next(base, reqs, updates)
	if err != nil {
		return nil, "", err
	}
	t, err := c.publish(ctx, v)
	if err != nil {
		return nil, "", err
	}
	return t.Metadata(), t.MetadataLocation(), nil
}

// A version is a metadata file that is ready to take the place of the one at old.
type version struct {
	id       tidemark.TableID
	old      string // "" for a new table
	metadata table.Metadata
	data     []byte

	// What a server is told that makes the metadata file itself; none for a new table.
	base    table.Metadata
	require []table.Requirement
	updates []table.Update
}

// loose reports that a change may be made on top of another one, which the list of requirements does not cover.
func (c *catalog) loose() bool {
	h, ok := c.heads.(interface{ loose() bool })
	return ok && h.loose()
}

// overtaken reports that v, of whose swap nothing is known, certainly is there or never will be, now being the table. A
// server that is sent updates may still take them after somebody else has changed what they do not touch.
func (c *catalog) overtaken(v version, now *table.Table) bool {
	if c.loose() {
		return headOf(v.base) != headOf(now.Metadata())
	}
	return now.MetadataLocation() != v.old
}

// headOf returns the snapshot at the head of main, 0 for none.
func headOf(m table.Metadata) int64 {
	if m == nil || m.CurrentSnapshot() == nil {
		return 0
	}
	return m.CurrentSnapshot().SnapshotID
}

// next makes the version that follows base. Nothing is written. When a requirement does not hold the error wraps
// table.ErrCommitFailed.
func (c *catalog) next(base *table.Table, reqs []table.Requirement, updates []table.Update) (version, error) {
	id, err := tableID(base.Identifier())
	if err != nil {
		return version{}, err
	}
	for _, r := range reqs {
		if err := r.Validate(base.Metadata()); err != nil {
			return version{}, lost(id, err)
		}
	}
	metadata, err := table.UpdateTableMetadata(base.Metadata(), updates, base.MetadataLocation())
	if err != nil {
		return version{}, fmt.Errorf("apply updates to table %s: %w", id, kindOf(err))
	}
	if metadata.Location() != base.Metadata().Location() {
		return version{}, fmt.Errorf("move table %s to %q: its place is fixed by its name: %w", id, metadata.Location(), tidemark.ErrInvalid)
	}
	v, err := newVersion(id, base.MetadataLocation(), metadata)
	v.base, v.require, v.updates = base.Metadata(), reqs, updates
	return v, err
}

func newVersion(id tidemark.TableID, old string, metadata table.Metadata) (version, error) {
	if codec := metadata.Properties().Get(table.MetadataCompressionKey, table.MetadataCompressionCodecNone); codec != table.MetadataCompressionCodecNone {
		// A second name for one version would be a second winner of the swap.
		return version{}, tidemark.WithHint(
			fmt.Errorf("table %s: metadata compressed with %q: %w", id, codec, tidemark.ErrInvalid),
			"set the table property "+table.MetadataCompressionKey+" to none")
	}
	data, err := encode(metadata)
	if err != nil {
		return version{}, fmt.Errorf("encode metadata of table %s: %w", id, err)
	}
	return version{id: id, old: old, metadata: metadata, data: data}, nil
}

// publish makes v the newest version, if the one that it follows is that still: when anybody has changed the table
// meanwhile, be it a property alone, nothing happens and the error wraps table.ErrCommitFailed. After another error
// the outcome is open.
func (c *catalog) publish(ctx context.Context, v version) (*table.Table, error) {
	metadata, location, err := c.heads.swap(ctx, v)
	if err != nil {
		return nil, err
	}
	return table.New(identifier(v.id), metadata, location, c.io, c), nil
}

func encode(metadata table.Metadata) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(metadata)
	return b.Bytes(), err
}

func tableID(ident table.Identifier) (tidemark.TableID, error) {
	if len(ident) != 2 {
		return tidemark.TableID{}, fmt.Errorf("table %q: want a namespace and a name: %w", ident, tidemark.ErrInvalid)
	}
	id := tidemark.TableID{Namespace: ident[0], Name: ident[1]}
	return id, checkID(id)
}

// lost says that a swap certainly did not happen, because old was not the newest any more.
func lost(id tidemark.TableID, by error) error {
	return fmt.Errorf("table %s was changed by another process: %w", id, errors.Join(table.ErrCommitFailed, by))
}
