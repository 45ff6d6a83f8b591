package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Written tells of an answer that was written into a file.
type Written struct {
	Rows  int64
	Bytes int64
	Read  Read
}

// ToParquet answers one SELECT, as Run does, into a new Parquet file at path, which is durable when it returns. Of a
// failed one nothing is left. An integer that is wider than Parquet's is a DECIMAL(38,0) there; columns of the same name
// get a number.
func ToParquet(ctx context.Context, o Options, statement, path string) (w Written, err error) {
	s, err := open(ctx, o)
	if err != nil {
		return w, err
	}
	defer func() {
		if err != nil {
			err = s.because(err)
		}
		err = errors.Join(err, s.close())
		if err != nil {
			_ = os.Remove(path) // there may be none
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return w, err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return w, fmt.Errorf("write %s: %w", path, err)
	}
	path = filepath.Join(folder, filepath.Base(path))
	parsed, err := s.prepare(statement)
	if err != nil {
		return w, err
	}
	if err := s.db.Lock(s.ctx, append([]string{path}, s.stage.files...)); err != nil {
		return w, err
	}
	if w.Rows, err = s.db.WriteParquet(s.ctx, parsed, path); err != nil {
		return w, err
	}
	w.Read = s.counts()
	w.Bytes, err = finish(path)
	return w, err
}

// finish makes a file durable and returns its size.
func finish(path string) (int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	err = f.Sync()
	info, serr := f.Stat()
	if err = errors.Join(err, serr, f.Close()); err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	return info.Size(), nil
}
