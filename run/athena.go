package run

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark/internal/amazon"
	"github.com/tidemark-data/tidemark/internal/athena"
	"github.com/tidemark-data/tidemark/internal/config"
)

// AthenaOptions say how a statement runs in Amazon Athena. The zero value is good.
type AthenaOptions struct {
	Lake      string        // the connection whose bucket takes the result where nobody names another place; "" means the only lake
	Workgroup string        // "" for Athena's default
	Output    string        // s3://BUCKET/PREFIX/ for the result; "" for the workgroup's, else below _tidemark/athena/ in the lake
	Timeout   time.Duration // until its result is there; 0 means no limit
}

// An AthenaResult is the answer to a statement that Athena has run. Its rows are read once.
type AthenaResult = athena.Result

// QueryAthena sends a statement to Amazon Athena, in Athena's SQL, and waits for its result. Region and credentials are those
// of the section catalog where that is in AWS, else those of the AWS environment. A statement that is wrong, or more than
// reading, is ErrInvalid. When ctx ends, or the time runs out, Athena is told to stop.
func (r *Runner) QueryAthena(ctx context.Context, sql string, o AthenaOptions) (*AthenaResult, error) {
	access, fallback, err := r.athena(ctx, o.Lake)
	if err != nil {
		return nil, err
	}
	cfg, err := access.Config(ctx)
	if err != nil {
		return nil, err
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("the query takes longer than its limit of %s", o.Timeout))
		defer cancel()
	}
	return athena.Run(ctx, athena.Options{AWS: cfg, Workgroup: o.Workgroup, Output: o.Output, Fallback: fallback}, sql)
}

// athena says how AWS is reached, and where results go that nobody has named a place for.
func (r *Runner) athena(ctx context.Context, connection string) (access amazon.Access, fallback string, err error) {
	if connection, err = r.lakeName(connection); err != nil {
		return access, "", err
	}
	lake, inBucket := r.cfg.Connections[connection].(*config.S3)
	switch {
	case r.cfg.Catalog.Type == config.CatalogGlue:
		access, err = awsAccess(ctx, r.cfg.Catalog.Glue)
	case r.cfg.Catalog.Type == config.CatalogREST && r.cfg.Catalog.REST.Sign != "":
		access, err = awsAccess(ctx, r.cfg.Catalog.REST.AWS)
	}
	if inBucket {
		fallback = "s3://" + lake.Bucket + suffix(lake.Prefix) + "/_tidemark/athena/"
		if access.Region == "" {
			access.Region = lake.Region
		}
	}
	return access, fallback, err
}
