package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Sweep implements Sweeper. It also removes what killed Puts left beside their objects.
func (f *File) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	if err := checkPrefix(prefix); err != nil {
		return 0, err
	}
	root, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, f.fail("sweep", prefix, err)
	}
	s := sweep{root: root, before: before}
	s.enter = func(dir string) bool {
		return overlaps(dir+"/", stagedRoot+"/"+prefix)
	}
	s.ours = func(name string) bool {
		return strings.HasPrefix(name, stagedRoot+"/"+prefix)
	}
	if err := s.folder(ctx, stagedRoot); err != nil {
		return s.swept, f.fail("sweep", prefix, err)
	}
	s.enter = func(dir string) bool { return dir != stagedRoot && overlaps(dir+"/", prefix) }
	s.ours = func(name string) bool {
		return strings.HasPrefix(path.Base(name), tempPrefix) && strings.HasPrefix(path.Dir(name)+"/", prefix)
	}
	return s.swept, f.fail("sweep", prefix, s.folder(ctx, ""))
}

// A sweep removes old files that are ours from the folders that it may enter.
type sweep struct {
	root        *os.Root
	before      time.Time
	enter, ours func(name string) bool
	swept       int
}

func (s *sweep) folder(ctx context.Context, dir string) error {
	entries, err := readDir(s.root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		err := ctx.Err()
		switch {
		case err != nil:
		case e.IsDir() && s.enter(name):
			err = s.folder(ctx, name)
		case e.Type().IsRegular() && s.ours(name):
			err = s.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sweep) file(name string) error {
	info, err := s.root.Lstat(name)
	if isMissing(err) || err == nil && !info.ModTime().Before(s.before) {
		return nil
	}
	if err == nil {
		err = removeStaged(s.root, name)
	}
	if err == nil {
		s.swept++
	}
	return err
}
