package iceberg

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// folderHeads is the folder catalog: Iceberg's own layout, in which the newest metadata file is the one with the
// highest number. It needs no server and no local state, and other engines read such a table by its path.
//
//	<namespace>/<table>/metadata/v<N>.metadata.json   version N of the table, without a gap
//	<namespace>/<table>/metadata/version-hint.text    a number at or near the newest version
//
// Making v<N+1> with a conditional put is the swap: of all who try exactly one succeeds. The hint is written after it
// and may be stale, missing or wrong without harm to us; engines that read by path like it fresh.
//
// Failpoint: iceberg.folder.hint, between the put and the hint.
type folderHeads struct {
	store Storage
	root  root
}

var versionForm = regexp.MustCompile(`^v([1-9][0-9]*)\.metadata\.json$`)

func metadataFolder(id tidemark.TableID) string { return id.Namespace + "/" + id.Name + "/metadata/" }

func versionKey(id tidemark.TableID, n int64) string {
	return metadataFolder(id) + "v" + strconv.FormatInt(n, 10) + ".metadata.json"
}

func hintKey(id tidemark.TableID) string { return metadataFolder(id) + "version-hint.text" }

func (f *folderHeads) load(ctx context.Context, id tidemark.TableID) (string, []byte, error) {
	n, err := f.hint(ctx, id)
	if err != nil {
		return "", nil, err
	}
	if n > 0 {
		data, err := f.version(ctx, id, n)
		switch {
		case err == nil && data != nil:
			return f.root.uri(versionKey(id, n)), data, nil
		case err != nil:
			return "", nil, err
		}
	}
	if n, err = f.highest(ctx, id); err != nil {
		return "", nil, err
	}
	if n == 0 {
		return "", nil, fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	}
	data, err := read(ctx, f.store, versionKey(id, n))
	if err != nil {
		return "", nil, fmt.Errorf("read version %d of table %s: %w", n, id, err)
	}
	return f.root.uri(versionKey(id, n)), data, nil
}

// version returns the metadata of version n if it is there and is the newest, else nil.
func (f *folderHeads) version(ctx context.Context, id tidemark.TableID, n int64) ([]byte, error) {
	next, err := f.exists(ctx, versionKey(id, n+1))
	if err != nil || next {
		return nil, err
	}
	data, err := read(ctx, f.store, versionKey(id, n))
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read version %d of table %s: %w", n, id, err)
	}
	return data, nil
}

// highest finds the newest version by a listing, 0 when there is no table. It is needed only where the hint is stale,
// missing or wrong.
func (f *folderHeads) highest(ctx context.Context, id tidemark.TableID) (int64, error) {
	var newest int64
	for object, err := range f.store.List(ctx, metadataFolder(id)+"v") {
		if err != nil {
			return 0, fmt.Errorf("list versions of table %s: %w", id, err)
		}
		newest = max(newest, versionOf(object.Key))
	}
	return newest, nil
}

// versionOf returns the number in the name of a metadata file, 0 for another file.
func versionOf(name string) int64 {
	m := versionForm.FindStringSubmatch(path.Base(name))
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// hint returns the hinted version, or 0.
func (f *folderHeads) hint(ctx context.Context, id tidemark.TableID) (int64, error) {
	data, err := read(ctx, f.store, hintKey(id))
	if errors.Is(err, tidemark.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version hint of table %s: %w", id, err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || n < 0 {
		return 0, nil
	}
	return n, nil
}

func (f *folderHeads) exists(ctx context.Context, key string) (bool, error) {
	_, err := f.store.Stat(ctx, key)
	if errors.Is(err, tidemark.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", key, err)
	}
	return true, nil
}

func (f *folderHeads) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	id := v.id
	var base int64
	if v.old != "" {
		if base = versionOf(v.old); base == 0 {
			return nil, "", fmt.Errorf("table %s: metadata file %q is not of the folder catalog: %w", id, v.old, tidemark.ErrInvalid)
		}
	}
	key := versionKey(id, base+1)
	// Before this put, nobody sees anything of the new version. After it, everybody does.
	if err := f.store.Put(ctx, key, v.data, blob.PutOptions{IfAbsent: true}); err != nil {
		if errors.Is(err, blob.ErrExist) {
			return nil, "", lost(id, err)
		}
		return nil, "", fmt.Errorf("put version %d of table %s: %w", base+1, id, err)
	}
	if v.old != "" {
		if err := f.checkBase(ctx, id, base); err != nil {
			return nil, "", err
		}
	}
	if err := failpoint.Hit("iceberg.folder.hint"); err != nil {
		return nil, "", err
	}
	// A hint that cannot be written costs the next reader a listing; the swap has happened.
	_ = f.store.Put(ctx, hintKey(id), []byte(strconv.FormatInt(base+1, 10)), blob.PutOptions{})
	return v.metadata, f.root.uri(key), nil
}

// checkBase makes sure that the version after base was put in its turn. Old versions are removed, the lowest first
// (leftover.go). A process that was asleep for days may find the place after its base free again, in the midst of the
// past: then base itself is gone too.
func (f *folderHeads) checkBase(ctx context.Context, id tidemark.TableID, base int64) error {
	there, err := f.exists(ctx, versionKey(id, base))
	if err != nil || there {
		return err
	}
	if err := f.store.Delete(ctx, versionKey(id, base+1)); err != nil {
		return fmt.Errorf("take back version %d of table %s, which has gone on since: %w", base+1, id, err)
	}
	return lost(id, nil)
}

// forget removes the hint and the last version.
func (f *folderHeads) forget(ctx context.Context, id tidemark.TableID, location string) error {
	key, err := f.root.key(location)
	if err != nil {
		return err
	}
	if err := f.store.Delete(ctx, hintKey(id)); err != nil {
		return fmt.Errorf("delete the version hint: %w", err)
	}
	return f.store.Delete(ctx, key)
}

func (f *folderHeads) list(ctx context.Context) ([]place, error) {
	type version struct{ n, size int64 }
	newest := make(map[tidemark.TableID]version)
	for object, err := range f.store.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list the lake: %w", err)
		}
		parts := strings.Split(object.Key, "/")
		if len(parts) != 4 || parts[2] != "metadata" {
			continue
		}
		id := tidemark.TableID{Namespace: parts[0], Name: parts[1]}
		if n := versionOf(parts[3]); n > newest[id].n && checkID(id) == nil {
			newest[id] = version{n, object.Size}
		}
	}
	tables := make([]place, 0, len(newest))
	for id, v := range newest {
		tables = append(tables, place{id: id, metadata: f.root.uri(versionKey(id, v.n)), size: v.size})
	}
	return tables, nil
}

func (f *folderHeads) close() error { return nil }
