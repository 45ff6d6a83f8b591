package iceberg

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A root is where a lake's store begins, as other readers of the lake know it: an absolute path or an s3:// URI,
// without a slash at its end. Iceberg records files by such names; the store knows them by their key below the root.
type root string

// newRoot checks a root. iceberg-go passes locations through net/url, which would escape what is special there, and
// then no reader would find the files.
func newRoot(s string) (root, error) {
	r := strings.TrimRight(plainURI(s), "/")
	u, err := url.Parse(r)
	local := err == nil && u.Scheme == "" && strings.HasPrefix(r, "/") && path.Clean(r) == r
	bucket := err == nil && u.Scheme == "s3" && u.Host != ""
	if !local && !bucket {
		return "", fmt.Errorf("root of the lake %q: want an absolute path or s3://BUCKET/PREFIX: %w", s, tidemark.ErrInvalid)
	}
	if strings.Contains(r, "%") || u.RawQuery != "" || u.Fragment != "" || u.JoinPath("metadata").String() != r+"/metadata" {
		return "", tidemark.WithHint(
			fmt.Errorf("root of the lake %q has characters that are special in a URI: %w", s, tidemark.ErrInvalid),
			"use letters, digits, '-', '_', '.' and '/' in the lake's path")
	}
	return root(r), nil
}

// uri returns the name under which Iceberg records the object.
func (r root) uri(key string) string { return string(r) + "/" + key }

// key returns the object's key in the store. A name outside the lake is tidemark.ErrInvalid.
func (r root) key(uri string) (string, error) {
	key, ok := strings.CutPrefix(plainURI(uri), string(r)+"/")
	if !ok || key == "" {
		return "", fmt.Errorf("file %q lies outside the lake %q: %w", uri, string(r), tidemark.ErrInvalid)
	}
	return key, nil
}

// plainURI brings the ways in which engines write one place to one form: a path without file:, and s3 for the names
// that Hadoop has for it.
func plainURI(uri string) string {
	for _, prefix := range []string{"file://", "file:"} {
		if rest, ok := strings.CutPrefix(uri, prefix); ok && strings.HasPrefix(rest, "/") {
			return rest
		}
	}
	for _, prefix := range []string{"s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(uri, prefix); ok {
			return "s3://" + rest
		}
	}
	return uri
}

// checkID refuses table names that cannot be a part of a location.
func checkID(id tidemark.TableID) error {
	for _, part := range []string{id.Namespace, id.Name} {
		if part == "" || part == "." || part == ".." || strings.HasPrefix(part, "_") ||
			strings.ContainsAny(part, `/\`) || url.PathEscape(part) != part {
			return tidemark.WithHint(
				fmt.Errorf("table %s: %q cannot be a folder of the lake: %w", id, part, tidemark.ErrInvalid),
				"use letters, digits, '-' and '_' in the names of target tables")
		}
	}
	return nil
}
