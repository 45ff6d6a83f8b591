package folder_test

import (
	"log/slog"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// stores opens an empty store of each kind.
var stores = map[string]func(t *testing.T) folder.Store{
	"mem":  func(*testing.T) folder.Store { return blob.NewMem() },
	"file": openFile,
	"s3":   openS3,
}

func openFile(t *testing.T) folder.Store {
	store, err := blob.OpenFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func openS3(t *testing.T) folder.Store {
	server := testenv.S3(t)
	store, err := blob.OpenS3(t.Context(), blob.S3Config{
		Endpoint: server.Endpoint, Region: server.Region, Bucket: server.Bucket, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func lakeOn(store folder.Store) targettest.Lake {
	return targettest.Lake{
		Store: store, Catalog: folder.NewCatalog(store),
		Target: func(p tidemark.Pipeline) tidemark.Target {
			return folder.NewTarget(store, p, slog.New(slog.DiscardHandler))
		},
	}
}

func TestTarget(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			targettest.Run(t, func(t *testing.T) targettest.Lake { return lakeOn(open(t)) }, tidemark.ModeAppend, tidemark.ModeReplace)
		})
	}
}
