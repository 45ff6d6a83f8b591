package query

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
)

// A stage is what one query may read. The files of a lake on this machine are read where they lie. Those of a bucket
// are links into the cache, in a folder of the query's own, so that a file that leaves the cache meanwhile stays until
// the query ends.
type stage struct {
	folder string // of the query
	lake   string // the lake's own folder, without symbolic links; "" for a bucket
	cache  *cache
	files  []string
}

const stagePrefix = "query-"

func newStage(o Options) (*stage, error) {
	base, err := o.cacheFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	sweepStages(base)
	folder, err := os.MkdirTemp(base, stagePrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the query: %w", err)
	}
	s := &stage{folder: folder, cache: newCache(o, base)}
	if s.folder, err = realPath(folder); err == nil && o.Folder != "" {
		s.lake, err = realPath(o.Folder)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

// realPath returns the absolute path of a folder without symbolic links. One that is not there yet is an empty lake.
func realPath(folder string) (string, error) {
	abs, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	return path, err
}

// sweepStages removes what killed queries left behind. A query that takes longer than a day would lose its files.
func sweepStages(base string) {
	left, _ := filepath.Glob(filepath.Join(base, stagePrefix+"*")) // only a bad pattern is an error
	for _, folder := range left {
		if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(folder) // next time
		}
	}
}

// spill is where the database puts what does not fit into memory.
func (s *stage) spill() string { return filepath.Join(s.folder, "spill") }

func (s *stage) close() error {
	if err := os.RemoveAll(s.folder); err != nil {
		return fmt.Errorf("remove the query's folder: %w", err)
	}
	return nil
}

// parallelFetches is how many files are fetched from a bucket at once.
const parallelFetches = 8

// add makes files available and returns their paths, in the same order.
func (s *stage) add(ctx context.Context, files []tidemark.LakeFile) ([]string, error) {
	paths := make([]string, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelFetches)
	for i, file := range files {
		group.Go(func() (err error) {
			if s.lake != "" {
				paths[i], err = s.local(file.Key)
				return err
			}
			paths[i] = filepath.Join(s.folder, strconv.Itoa(len(s.files)+i)+".parquet")
			return s.cache.link(ctx, file, paths[i])
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.files = append(s.files, paths...)
	return paths, nil
}

// local returns the path of a file of a lake on this machine.
func (s *stage) local(key string) (string, error) {
	name := filepath.FromSlash(key)
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("file %q is outside the lake: %w", key, tidemark.ErrInvalid)
	}
	path, err := filepath.EvalSymlinks(filepath.Join(s.lake, name))
	if err != nil {
		return "", fmt.Errorf("read %s: %w: %w", key, tidemark.ErrNotFound, err)
	}
	return path, nil
}
