package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/profile"
	"github.com/tidemark-data/tidemark/internal/query"
)

// A Suggestion is checks that a table passes as it is.
type Suggestion struct {
	Table    tidemark.TableID
	Pipeline tidemark.PipelineID // that loads it; "" where there are several, or none
	Rows     int64               // of the table
	Sampled  int64               // in which values were counted: Rows, or fewer
	Rules    []profile.Rule
}

// SuggestOptions say what is looked at.
type SuggestOptions struct {
	Lake string // the connection of a table that is named; "" means the only lake that the config has

	// Sample is in about how many rows of a table different values are counted; 0 means all.
	Sample int64
}

// Suggest proposes checks for a pipeline, or for a table as ParseTable reads it, by what the table holds now. A table that
// is not there is ErrNotFound, one without rows ErrInvalid. It only reads the lake.
func (r *Runner) Suggest(ctx context.Context, name string, o SuggestOptions) (*Suggestion, error) {
	p, known, err := r.pipelineNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	lake, id := p.Lake, p.Target
	if !known {
		if lake, err = r.lakeName(o.Lake); err != nil {
			return nil, err
		}
		if id, err = r.ParseTable(ctx, lake, name); err != nil {
			return nil, err
		}
		for _, of := range r.cfg.Pipelines {
			if of.Lake == lake && of.Target == id {
				p = of // all that is asked of it is what the table is like
			}
		}
	}
	d, err := r.Describe(ctx, lake, id)
	if errors.Is(err, tidemark.ErrNotFound) && known {
		err = tidemark.WithHint(err, fmt.Sprintf("`tidemark run %s` first", name))
	}
	if err != nil {
		return nil, err
	}
	s := &Suggestion{Table: id}
	base, history := loaderOf(d, p.ID, known)
	s.Pipeline = base.Pipeline
	seen, err := r.profile(ctx, lake, id, p, base, o.Sample)
	if err != nil {
		return nil, fmt.Errorf("look at table %s: %w", id, err)
	}
	if seen.Rows == 0 {
		return nil, tidemark.WithHint(fmt.Errorf("table %s has no rows, which suggest nothing: %w", id, tidemark.ErrInvalid), "load it first")
	}
	s.Rows, s.Sampled = seen.Rows, seen.Sampled
	s.Rules = append(seen.Rules(), profile.HistoryRules(history, base.Mode)...)
	return s, nil
}

// pipelineNamed finds a pipeline of the config, also one of a table that a group covers.
func (r *Runner) pipelineNamed(ctx context.Context, name string) (p config.Pipeline, known bool, err error) {
	for _, p := range r.cfg.Pipelines {
		if string(p.ID) == name {
			return p, true, nil
		}
	}
	for _, g := range r.cfg.Groups {
		if strings.HasPrefix(name, g.Name+".") {
			found, err := r.pipelines(ctx, []string{name})
			if err != nil || len(found) != 1 {
				return p, false, err
			}
			return found[0], true, nil
		}
	}
	return p, false, nil
}

// loaderOf returns the watermark of the pipeline that loads a table, and what is known of its commits. Where no pipeline is
// meant and several load the table, the watermark is zero.
func loaderOf(d *TableDescription, id tidemark.PipelineID, meant bool) (base tidemark.Watermark, history []tidemark.Change) {
	for _, w := range d.Pipelines {
		if meant && w.Pipeline == id || !meant && len(d.Pipelines) == 1 {
			base = w
		}
	}
	for _, c := range d.History {
		if base.Pipeline != "" && c.Pipeline == base.Pipeline {
			history = append(history, c)
		}
	}
	return base, history
}

// profile looks at the table in one of its states.
func (r *Runner) profile(ctx context.Context, lake string, id tidemark.TableID, p config.Pipeline, base tidemark.Watermark, sample int64) (*profile.Profile, error) {
	l, snapshot, err := r.snapshot(ctx, lake, id)
	if err != nil {
		return nil, err
	}
	s := profile.Subject{From: duckdb.Ident(id.Namespace) + "." + duckdb.Ident(id.Name), Key: base.Key, Cursor: base.Cursor, Sample: 1}
	for _, f := range snapshot.Schema.Fields() {
		if !strings.EqualFold(f.Name, p.MarkColumn) { // the pipeline sets it, and no check sees it
			s.Columns = append(s.Columns, arrow.Field{Name: f.Name, Type: f.Type})
		}
	}
	rows := int64(0)
	for _, f := range snapshot.Data {
		rows += f.Rows
	}
	if sample > 0 && rows > sample {
		s.Sample = float64(sample) / float64(rows)
	}
	o := r.queryOptions(l)
	o.Catalog = pinned{snapshot}
	return profile.Of(ctx, s, func(ctx context.Context, sql string) ([]duckdb.Value, error) { return onlyRow(ctx, o, sql) })
}

// pinned is a catalog of one table in one state.
type pinned struct{ snapshot *tidemark.Snapshot }

// Tables implements tidemark.Catalog.
func (p pinned) Tables(context.Context) ([]tidemark.TableID, error) {
	return []tidemark.TableID{p.snapshot.Table}, nil
}

// Snapshot implements tidemark.Catalog.
func (p pinned) Snapshot(_ context.Context, id tidemark.TableID) (*tidemark.Snapshot, error) {
	if id != p.snapshot.Table {
		return nil, fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	}
	s := *p.snapshot
	return &s, nil
}

// onlyRow returns the row of a statement that has one.
func onlyRow(ctx context.Context, o query.Options, sql string) (row []duckdb.Value, err error) {
	result, err := query.Run(ctx, o, sql)
	if err != nil {
		return nil, err
	}
	for values, rerr := range result.Rows() {
		if rerr != nil {
			err = rerr
			break
		}
		row = values
	}
	return row, errors.Join(err, result.Close())
}
