package blob_test

import (
	"os"
	"testing"

	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func TestMem(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(*testing.T) blob.Store { return blob.NewMem() })
}

func TestFile(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openFile(t, t.TempDir()+"/lake") })
}

func TestS3(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openS3(t, testConfig(t)) })
}

// TestS3Prefix has the lake below a prefix of the bucket, as most lakes are.
func TestS3Prefix(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store {
		c := testConfig(t)
		c.Prefix = "/company/lake/"
		return openS3(t, c)
	})
}

// TestFaultless: the decorators keep the contract.
func TestFaultless(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(*testing.T) blob.Store {
		return blobtest.Faulty(blob.NewMem(), func(blobtest.Op, string) blobtest.Fault { return blobtest.None })
	})
}

func TestWithin(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(*testing.T) blob.Store { return blob.Within(blob.NewMem(), "some/prefix") })
}

func openFile(t *testing.T, root string) *blob.File {
	t.Helper()
	s, err := blob.OpenFile(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// testConfig leads to an empty bucket of the S3 server for tests.
func testConfig(t *testing.T) blob.S3Config {
	t.Helper()
	s := testenv.S3(t)
	return blob.S3Config{
		Bucket: s.Bucket, Region: s.Region, Endpoint: s.Endpoint, PathStyle: true, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
	}
}

func openS3(t *testing.T, c blob.S3Config) *blob.S3 {
	t.Helper()
	s, err := blob.OpenS3(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
