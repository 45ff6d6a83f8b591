package run

import (
	"context"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// Adopt makes the watermark that a pipeline's table holds under the name old the pipeline's own: after it was renamed,
// or, when old is its own name, after its server, table, cursor, mode or key has changed although the rows are the same.
// An old of "" lets it begin from nothing in a table that others fill. No row is loaded or changed. It returns the new
// watermark.
func (r *Runner) Adopt(ctx context.Context, name, old string, by By) (tidemark.Watermark, error) {
	p, err := r.alone(ctx, name)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	parts, done, err := r.parts(ctx, p)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	defer done()
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	from := tidemark.PipelineID(old)
	return engine.Adopt(ctx, p.Pipeline, parts, from, blob.NewSideFolder(l.store, from), by)
}
