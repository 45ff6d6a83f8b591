package run_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/tidemark-data/tidemark/internal/blob"
)

// readBuckets lets the client read files in buckets, by what the catalog has told it of them and with the keys of the
// environment. The library's own reader of buckets would bring the libraries of three clouds along.
func readBuckets(t *testing.T) {
	iceio.Register("s3", func(ctx context.Context, u *url.URL, told map[string]string) (iceio.IO, error) {
		store, err := blob.OpenS3(ctx, blob.S3Config{
			Bucket: u.Host, Region: told["s3.region"], Endpoint: told["s3.endpoint"], PathStyle: told["s3.path-style-access"] == "true",
			AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		})
		return bucketFiles{context.WithoutCancel(ctx), store, "s3://" + u.Host + "/"}, err
	})
	t.Cleanup(func() { iceio.Unregister("s3") })
}

type bucketFiles struct {
	ctx   context.Context
	store *blob.S3
	root  string
}

func (b bucketFiles) Open(name string) (iceio.File, error) {
	key, ok := strings.CutPrefix(name, b.root)
	if !ok {
		return nil, fmt.Errorf("open %s: it is not in %s", name, b.root)
	}
	r, err := b.store.Get(b.ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return bucketFile{bytes.NewReader(data), name}, err
}

func (b bucketFiles) Remove(name string) error {
	return fmt.Errorf("remove %s: a reader does not", name)
}

// A bucketFile is a whole file, and what is known of it.
type bucketFile struct {
	*bytes.Reader
	name string
}

func (f bucketFile) Close() error               { return nil }
func (f bucketFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f bucketFile) Name() string               { return f.name }
func (f bucketFile) Size() int64                { return f.Reader.Size() }
func (f bucketFile) Mode() fs.FileMode          { return 0o444 }
func (f bucketFile) ModTime() time.Time         { return time.Time{} }
func (f bucketFile) IsDir() bool                { return false }
func (f bucketFile) Sys() any                   { return nil }
