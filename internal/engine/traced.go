package engine

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// The steps of a run that take time are spans: attempt, settle, split for each that is read, write for each Target.Write,
// and commit. They are below a span that the caller has begun; without one nobody looks.

// write is Target.Write as a span. Reading goes on beside it, so that it takes as long as the slower of the two.
func write(ctx context.Context, to tidemark.Target, run tidemark.RunID, rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	ctx, end := trace.Begin(ctx, "write")
	files, err := to.Write(ctx, run, rows)
	var n, bytes int64
	for _, f := range files {
		n, bytes = n+f.Rows(), bytes+f.Bytes()
	}
	end(err, trace.Number("files", int64(len(files))), trace.Number("rows", n), trace.Number("bytes", bytes))
	return files, err
}

// publish is Target.Commit as a span.
func publish(ctx context.Context, to tidemark.Target, c tidemark.Commit) error {
	ctx, end := trace.Begin(ctx, "commit", trace.Number("seq", c.Watermark.Seq), trace.Number("files", int64(len(c.Files))))
	err := to.Commit(ctx, c)
	end(err)
	return err
}
