package query

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A cache keeps whole files of a bucket on this machine. Data files never change, so a file is good for as long as it
// is there; the ones that were not used for the longest time go first. Several processes may share the folder: a file
// appears in it by a rename, and is used by way of a link of one's own.
type cache struct {
	folder string
	store  blob.Store
	limit  int64

	mu sync.Mutex // one eviction at a time

	files, bytes atomic.Int64 // that were fetched
}

// fetched returns how many files, of how many bytes, were not there.
func (c *cache) fetched() (files int, bytes int64) { return int(c.files.Load()), c.bytes.Load() }

const (
	defaultCacheLimit = 2 << 30
	partSuffix        = ".part"
)

func newCache(o Options, base string) *cache {
	c := &cache{folder: filepath.Join(base, "files"), store: o.Store, limit: o.CacheLimit}
	if c.limit <= 0 {
		c.limit = defaultCacheLimit
	}
	return c
}

// path is where a file of the store has its place. The store's name is a part of it, since two lakes may have the
// same keys.
func (c *cache) path(file tidemark.LakeFile) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v\x00%s", c.store, file.Key))
	return filepath.Join(c.folder, fmt.Sprintf("%x-%d", sum[:16], file.Bytes))
}

// link makes the file available under the name to, and fetches it if it is not here.
func (c *cache) link(ctx context.Context, file tidemark.LakeFile, to string) error {
	path := c.path(file)
	now := time.Now()
	if err := os.Link(path, to); err == nil {
		if info, err := os.Stat(to); err == nil && info.Size() == file.Bytes {
			_ = os.Chtimes(path, now, now) // used: should it fail, the file goes early
			return nil
		}
		if err := os.Remove(to); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the cache: %w", err)
	}
	if err := c.fetch(ctx, file, path, to); err != nil {
		return fmt.Errorf("fetch %s: %w", file.Key, err)
	}
	c.files.Add(1)
	c.bytes.Add(file.Bytes)
	return c.evict()
}

// fetch stores a file in the cache, and links it before it can be evicted.
func (c *cache) fetch(ctx context.Context, file tidemark.LakeFile, path, to string) (err error) {
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(c.folder, "*"+partSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	if err := c.download(ctx, file, part); err != nil {
		return errors.Join(err, part.Close())
	}
	if err := part.Close(); err != nil {
		return err
	}
	if err := os.Link(part.Name(), to); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

func (c *cache) download(ctx context.Context, file tidemark.LakeFile, to io.Writer) error {
	from, err := c.store.Get(ctx, file.Key, 0, -1)
	if err != nil {
		return err
	}
	defer from.Close()
	n, err := io.Copy(to, from)
	if err == nil && n != file.Bytes {
		err = fmt.Errorf("%d bytes, want %d: %w", n, file.Bytes, tidemark.ErrTransient)
	}
	return err
}

// evict removes the files that were not used for the longest time until the rest fits, and what killed processes left.
func (c *cache) evict() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return fmt.Errorf("read the cache: %w", err)
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process removed it
		}
		if err != nil {
			return fmt.Errorf("read the cache: %w", err)
		}
		if strings.HasSuffix(info.Name(), partSuffix) && time.Since(info.ModTime()) < 24*time.Hour {
			continue // somebody is writing it
		}
		files, total = append(files, info), total+info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, f := range files {
		if total <= c.limit && !strings.HasSuffix(f.Name(), partSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(c.folder, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make room in the cache: %w", err)
		}
		total -= f.Size()
	}
	return nil
}
