package testenv

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An S3Server is a real S3 server on a folder, with a bucket that this test alone uses. Buckets are addressed by path.
type S3Server struct {
	Endpoint  string // http://127.0.0.1:port
	Region    string
	Bucket    string
	AccessKey string
	SecretKey string
}

const (
	s3Region = "us-east-1"
	s3Access = "tide-test-access"
	s3Secret = "tide-test-secret-key"
)

type s3Process struct {
	endpoint string
	root     string
}

// S3 returns an S3 server of this process's own, with a fresh bucket. The server is built from the module testservers;
// the binary is kept in the user's cache folder, so that only a change of its source builds it again.
func S3(t testing.TB) *S3Server {
	t.Helper()
	started.Lock()
	defer started.Unlock()
	if started.s3 == nil {
		started.s3 = new(outcome[*s3Process])
		started.s3.value, started.s3.err = startS3()
	}
	p, err := started.s3.value, started.s3.err
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the S3 server for tests cannot be built: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// In the server's storage a bucket is a folder.
	bucket := "test-" + strings.ToLower(rand.Text()[:12])
	if err := os.Mkdir(filepath.Join(p.root, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	return &S3Server{Endpoint: p.endpoint, Region: s3Region, Bucket: bucket, AccessKey: s3Access, SecretKey: s3Secret}
}

// startS3 needs started to be locked.
func startS3() (*s3Process, error) {
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	started.folders = append(started.folders, dir)
	root := filepath.Join(dir.path, "buckets")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	address, err := startTestServer("s3server", "-root", root, "-bucket", "test", "-access", s3Access, "-secret", s3Secret)
	if err != nil {
		return nil, err
	}
	return &s3Process{endpoint: "http://" + strings.TrimPrefix(address, "http://"), root: root}, nil
}
