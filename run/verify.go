package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/query"
	"github.com/tidemark-data/tidemark/internal/verify"
)

// VerifyOptions say what of a table is compared. The zero value compares all of it.
type VerifyOptions struct {
	Since  string  // only rows whose cursor is at or above this value, in the cursor's own form; "" means all
	Sample float64 // the share of the rows that is compared, above 0 to 1; 0 means 1
	Rate   int64   // rows per second that the source reads at most; 0 means as fast as it can
	Limit  int     // rows that are named at most, per pipeline; 0 means 10,000
}

// A VerifyReport is what the comparison of one pipeline's table with its source has found.
type VerifyReport = verify.Report

// A Verification is how the verification of one pipeline ended. Report is nil where it has not begun.
type Verification struct {
	Pipeline tidemark.PipelineID
	Report   *VerifyReport
	Err      error
}

// Verify compares the tables of the pipelines of those names, or of all, with their sources, one after the other, and
// hands each to done. It changes nothing. Rows that differ are in the reports and no error; the error is for names that
// are not in the config and for tables that cannot be listed.
func (r *Runner) Verify(ctx context.Context, names []string, o VerifyOptions, done func(Verification)) error {
	if o.Sample < 0 || o.Sample > 1 {
		return fmt.Errorf("sample %v: want a share above 0 and up to 1: %w", o.Sample, tidemark.ErrInvalid)
	}
	pipelines, err := r.pipelines(ctx, names)
	if err != nil {
		return err
	}
	for _, p := range pipelines {
		v := Verification{Pipeline: p.ID}
		if v.Err = ctx.Err(); v.Err == nil {
			v.Report, v.Err = r.verify(ctx, p, o)
		}
		done(v)
	}
	return nil
}

func (r *Runner) verify(ctx context.Context, p config.Pipeline, o VerifyOptions) (report *VerifyReport, err error) {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return nil, err
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	c := comparison{l: l, p: p, target: l.target(p.Pipeline, r), task: verify.Task{
		Pipeline: r.atSource(p), Source: source, Sample: o.Sample, Rate: o.Rate, Limit: o.Limit, Mark: p.MarkColumn,
	}}
	if c.task.Watermark, err = c.watermark(ctx); err != nil {
		return nil, err
	}
	if c.task.Schema, err = source.Schema(ctx); err != nil {
		return nil, err
	}
	if c.lands, err = r.landed(ctx, p, c.task.Schema); err != nil {
		return nil, err
	}
	return r.compare(ctx, &c, o.Since)
}

// A comparison is a table that is being compared, to be verified, repaired or swept.
type comparison struct {
	l        *lake
	p        config.Pipeline
	target   tidemark.Target
	lands    *tidemark.Schema // what the table gets of the source's rows
	task     verify.Task      // with Source, Schema and Watermark: as it was before the lake's table is looked at
	versions bool             // a Mender wants all versions of rows that are gone
	names    columnNames
	scan     *query.Scan // of the table, for then, once it is open
	then     func(*VerifyReport) error
}

// compare compares a table. What a run commits between the watermark and the look at the table lies above the
// watermark's settled.
func (r *Runner) compare(ctx context.Context, c *comparison, since string) (report *VerifyReport, err error) {
	snapshot, err := c.lakeSide(ctx)
	if err != nil {
		return nil, err
	}
	if c.task.Since, err = sinceOf(since, c.task.Schema.Cursor); err != nil {
		return nil, err
	}
	newest := c.names.newest(compareBy(&c.task, snapshot))
	if c.task.Gone && c.task.Key == nil {
		return nil, tidemark.WithHint(fmt.Errorf("pipeline %s: deleted rows cannot be told without a key that both sides have: %w", c.p.ID, tidemark.ErrInvalid),
			"`tidemark repair --deletes` compares whole rows")
	}
	if c.scan, err = query.OpenScan(ctx, r.queryOptions(c.l), snapshot, newest); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.scan.Close()) }()
	c.task.Lake = c.names.lake(c.scan)
	if c.versions && newest.Key != nil {
		all, err := query.OpenScan(ctx, r.queryOptions(c.l), snapshot, query.Newest{})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, all.Close()) }()
		c.task.Versions = c.names.lake(all)
	}
	if report, err = verify.Verify(ctx, c.task); err == nil && c.then != nil {
		err = c.then(report)
	}
	return report, err
}

// watermark returns that of a pipeline that has loaded something.
func (c *comparison) watermark(ctx context.Context) (tidemark.Watermark, error) {
	w, err := c.target.Watermark(ctx)
	if err == nil && w.Seq == 0 {
		err = tidemark.WithHint(fmt.Errorf("verify pipeline %s: it has not loaded anything yet: %w", c.p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark run %s` first", c.p.ID))
	}
	return w, err
}

// lakeSide fills in what is known of the table in the lake, and returns its snapshot.
func (c *comparison) lakeSide(ctx context.Context) (*tidemark.Snapshot, error) {
	if shared, ok := c.target.(tidemark.SharedTarget); ok {
		all, err := shared.Watermarks(ctx)
		if err != nil {
			return nil, err
		}
		c.task.Shared = len(all) > 1
	}
	snapshot, err := c.l.catalog().Snapshot(ctx, c.p.Target)
	if err != nil {
		return nil, err
	}
	c.names, c.task.Aside = sourceNames(c.task.Schema, c.lands)
	for _, f := range snapshot.Schema.Fields() {
		if name, ok := c.names.ofSource(f.Name); ok {
			c.task.Columns = append(c.task.Columns, name)
		}
	}
	for _, f := range snapshot.Data {
		c.task.Rows += f.Rows
	}
	return snapshot, nil
}

// compareBy decides by which columns rows are told apart. Where all versions of a row are kept, the newest is compared.
func compareBy(task *verify.Task, snapshot *tidemark.Snapshot) query.Newest {
	task.Key = verify.Key(task.Pipeline, task.Schema, task.Columns)
	if task.Pipeline.Mode != tidemark.ModeAppend || task.Key == nil {
		return query.Newest{}
	}
	if !query.TellsPlaces(snapshot.Schema) {
		task.Key = nil
		return query.Newest{}
	}
	return query.Newest{Key: task.Key, Cursor: task.Watermark.Cursor}
}

// sinceOf reads a lower bound as the cursor has it.
func sinceOf(text string, c *tidemark.Cursor) (tidemark.CursorValue, error) {
	switch {
	case text == "":
		return tidemark.CursorValue{}, nil
	case c == nil:
		return tidemark.CursorValue{}, fmt.Errorf("since %q: the pipeline has no cursor: %w", text, tidemark.ErrInvalid)
	}
	v, err := c.Kind.Parse(text)
	if err != nil {
		return v, fmt.Errorf("since: %w", err)
	}
	return v, nil
}

// queryOptions are those for reading a lake.
func (r *Runner) queryOptions(l *lake) query.Options {
	o := query.Options{Catalog: l.catalog(), Store: l.store}
	if _, local := l.store.(*blob.File); local {
		o.Folder = l.root
	}
	if r.opts.Dir != "" {
		o.Cache = filepath.Join(r.opts.Dir, "cache")
	}
	return o
}
