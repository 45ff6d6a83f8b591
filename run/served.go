package run

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/restserve"
)

// IcebergHandler returns what answers other engines in the protocol of Iceberg's REST catalogs, for all lakes of the
// config, and for reading alone. Its paths begin with /v1. It does not ask who reads: that is for a handler around it. It
// serves until the Runner is closed.
func (r *Runner) IcebergHandler() http.Handler {
	return restserve.New(restserve.Options{
		Lakes: r.lakeNames(),
		Open: func(ctx context.Context, name string) (restserve.Lake, error) {
			l, err := r.lake(ctx, name)
			if err != nil {
				return nil, err
			}
			return servedLake{l, r.cfg.Connections[name]}, nil
		},
		Log: r.log,
	})
}

// lakeNames returns the connections that are lakes, sorted.
func (r *Runner) lakeNames() (lakes []string) {
	for _, n := range slices.Sorted(maps.Keys(r.cfg.Connections)) {
		if _, server := r.cfg.Connections[n].(*config.MySQL); !server {
			lakes = append(lakes, n)
		}
	}
	return lakes
}

// A servedLake is the part of a lake that other engines see: its Iceberg tables.
type servedLake struct {
	lake       *lake
	connection config.Connection
}

// Tables implements restserve.Lake.
func (s servedLake) Tables(ctx context.Context) ([]tidemark.TableID, error) {
	return s.lake.iceberg.Living(ctx)
}

// Metadata implements restserve.Lake.
func (s servedLake) Metadata(ctx context.Context, id tidemark.TableID) (string, []byte, error) {
	return s.lake.iceberg.Metadata(ctx, id)
}

// Properties implements restserve.Lake. The names are those of Iceberg's own clients, which do not agree on the region's.
func (s servedLake) Properties() map[string]string {
	c, ok := s.connection.(*config.S3)
	if !ok {
		return nil
	}
	p := map[string]string{}
	if c.Region != "" {
		p["s3.region"], p["client.region"] = c.Region, c.Region
	}
	if u, err := url.Parse(c.Endpoint); err == nil && c.Endpoint != "" {
		u.User = nil
		p["s3.endpoint"], p["s3.path-style-access"] = u.String(), strconv.FormatBool(c.PathStyle)
	}
	return p
}
