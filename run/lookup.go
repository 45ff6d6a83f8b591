package run

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/mysql"
	"github.com/tidemark-data/tidemark/internal/transform"
)

// lookup is a table that sql may read beside the rows, whole, as it is then.
func (r *Runner) lookup(l config.LookupTable) transform.Lookup {
	if l.Lake == (tidemark.TableID{}) {
		return transform.Lookup{
			Name:   l.Name,
			Schema: func(ctx context.Context) (*arrow.Schema, error) { return r.sourceSchema(ctx, l) },
			Rows:   func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return r.sourceRows(ctx, l) },
		}
	}
	return transform.Lookup{
		Name:   l.Name,
		Schema: func(ctx context.Context) (*arrow.Schema, error) { return r.lakeSchema(ctx, l) },
		Rows:   func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return r.lakeRows(ctx, l) },
	}
}

// lookupSource opens a table of a source. The caller closes it.
func (r *Runner) lookupSource(ctx context.Context, l config.LookupTable) (*mysql.Source, error) {
	connection, err := r.mysqlConfig(l.Connection)
	if err != nil {
		return nil, err
	}
	s, err := mysql.Open(ctx, connection, tidemark.Pipeline{ID: "lookup", Table: l.Source, Mode: tidemark.ModeReplace, Splits: 1}, r.log)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", l.Connection, err)
	}
	return s, nil
}

func (r *Runner) sourceSchema(ctx context.Context, l config.LookupTable) (*arrow.Schema, error) {
	source, err := r.lookupSource(ctx, l)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	schema, err := source.Schema(ctx)
	if err != nil {
		return nil, err
	}
	return schema.Arrow(), nil
}

// sourceRows reads the table at one point in time.
func (r *Runner) sourceRows(ctx context.Context, l config.LookupTable) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		source, err := r.lookupSource(ctx, l)
		if err != nil {
			yield(nil, err)
			return
		}
		defer source.Close()
		splits, err := wholeTable(ctx, source)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, split := range splits {
			for b, err := range source.Read(ctx, split) {
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

func wholeTable(ctx context.Context, source *mysql.Source) ([]tidemark.Split, error) {
	if _, err := source.Schema(ctx); err != nil {
		return nil, err
	}
	return source.Splits(ctx, tidemark.Window{}, 1)
}

func (r *Runner) lakeSchema(ctx context.Context, l config.LookupTable) (*arrow.Schema, error) {
	_, snapshot, err := r.snapshot(ctx, l.Connection, l.Lake)
	if err != nil {
		return nil, err
	}
	return snapshot.Schema, nil
}

// lakeRows reads the table.
func (r *Runner) lakeRows(ctx context.Context, l config.LookupTable) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		scan, err := r.scan(ctx, l.Connection, l.Lake)
		if err != nil {
			yield(nil, err)
			return
		}
		defer scan.Close()
		names := make([]string, scan.Schema().NumFields())
		for i, f := range scan.Schema().Fields() {
			names[i] = f.Name
		}
		for rows, err := range scan.Rows(ctx, names) {
			var batch arrow.RecordBatch
			if err == nil {
				batch = rows.RecordBatch
			}
			if !yield(batch, err) || err != nil {
				return
			}
		}
	}
}
