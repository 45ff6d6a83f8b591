package blob

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tidemark-data/tidemark"
)

const (
	// stagedRoot is the folder, below a store's root, of what is staged on disk. Keys below it are refused by every
	// store, so that what works on a laptop works on S3 as well.
	stagedRoot = "_tidemark/_staged"

	// tempPrefix begins the names of files that are not yet, or never will be, objects.
	tempPrefix = ".tidemark-tmp-"

	maxKey = 1024 // bytes, S3's limit
)

// checkKey refuses keys that some store could not keep, that would lead out of a folder, or that are reserved.
func checkKey(key string) error {
	switch {
	case !fs.ValidPath(key) || key == "." || strings.ContainsRune(key, 0):
		return fmt.Errorf("key %q: use slash-separated names without empty, \".\" or \"..\" ones: %w", key, tidemark.ErrInvalid)
	case len(key) > maxKey:
		return fmt.Errorf("key %.60q...: %d bytes are more than %d: %w", key, len(key), maxKey, tidemark.ErrInvalid)
	case reserved(key):
		return fmt.Errorf("key %q: the name is reserved: %w", key, tidemark.ErrInvalid)
	}
	return nil
}

// checkPrefix refuses prefixes that no key can have. A prefix need not be a whole path.
func checkPrefix(prefix string) error {
	trimmed := strings.TrimSuffix(prefix, "/")
	if prefix != "" && (!fs.ValidPath(trimmed) || trimmed == ".") {
		return fmt.Errorf("prefix %q: %w", prefix, tidemark.ErrInvalid)
	}
	return nil
}

func reserved(key string) bool {
	return key == stagedRoot || strings.HasPrefix(key, stagedRoot+"/") || strings.HasPrefix(path.Base(key), tempPrefix)
}

// checkStaged refuses records that no Stager of this package can have written; they come from files.
func checkStaged(s Staged) error {
	if s.Upload == "" || s.Size < 0 {
		return fmt.Errorf("staged object %q: the record is damaged: %w", s.Key, tidemark.ErrInvalid)
	}
	return checkKey(s.Key)
}

// checkRange refuses a range that begins before the object.
func checkRange(key string, offset int64) error {
	if offset < 0 {
		return fmt.Errorf("get %q: offset %d: %w", key, offset, tidemark.ErrInvalid)
	}
	return nil
}

// first returns the first of the errors that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
