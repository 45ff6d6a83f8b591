package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// compactBytes bounds what one commit of Compact writes anew, in bytes.
const compactBytes = 1 << 30

// Compact puts small data files of a table together that has no other way than a Rewriter: in commits of the pipeline that
// replace files by others with the same rows, and leave high, settled and overlap where they are. Runs go on meanwhile:
// where one commits first, the rest is left for the next time. Tables that several pipelines fill are left alone. open
// opens the table; Parts need no Source.
func Compact(ctx context.Context, p tidemark.Pipeline, parts Parts, open func(context.Context) (Table, error), dryRun bool) (m tidemark.Maintenance, err error) {
	rewriter, ok := parts.Target.(tidemark.Rewriter)
	if !ok || p.Mode != tidemark.ModeAppend {
		return m, nil
	}
	if err := parts.Target.Recover(ctx); err != nil {
		return m, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	if w, err := parts.Target.Watermark(ctx); err != nil || w.Seq == 0 {
		return m, err
	}
	if shared, ok := parts.Target.(tidemark.SharedTarget); ok {
		all, err := shared.Watermarks(ctx)
		if err != nil {
			return m, err
		}
		if len(all) > 1 {
			m.Notices = append(m.Notices, fmt.Sprintf("table %s is filled by %d pipelines: its small files stay", p.Target, len(all)))
			return m, nil
		}
	}
	table, err := open(ctx)
	if err != nil {
		return m, err
	}
	jobs, schema := compactions(table.Files(), p.FileSize), schemaOf(table.Schema())
	if err := table.Close(); err != nil {
		return m, err
	}
	for _, job := range jobs {
		if dryRun {
			m.Files += len(job)
			continue
		}
		err := compact(ctx, p, parts, rewriter, schema, job, &m)
		if errors.Is(err, tidemark.ErrConflict) {
			m.Notices = append(m.Notices, "a run was faster; the other small files are left for the next time")
			return m, nil
		}
		if err != nil {
			return m, fmt.Errorf("put small files of table %s together: %w", p.Target, err)
		}
	}
	return m, nil
}

// compact makes one commit.
func compact(ctx context.Context, p tidemark.Pipeline, parts Parts, rewriter tidemark.Rewriter, s *tidemark.Schema, job []tidemark.LakeFile, m *tidemark.Maintenance) error {
	base, err := parts.Target.Watermark(ctx)
	if err != nil {
		return err
	}
	if err := parts.Target.Prepare(ctx, s); err != nil {
		return err
	}
	c := tidemark.Commit{Base: base, Watermark: stamp(base, p.ID, base.Seq+1)}
	rows := make([]tidemark.FileRows, len(job))
	for i, f := range job {
		rows[i].Key = f.Key
		c.Replaces = append(c.Replaces, f.Key)
	}
	if c.Files, err = rewriter.Rewrite(ctx, c.Watermark.Run, rows); err != nil {
		return err
	}
	if err := commitAgain(ctx, parts, c); err != nil {
		return err
	}
	m.Files, m.Into = m.Files+len(job), m.Into+len(c.Files)
	for _, f := range c.Files {
		m.Bytes += f.Bytes()
	}
	return nil
}

// compactions chooses the files that are put together: those that have not half the size that files should have, where a
// folder holds more than one; as many at once as one commit takes.
func compactions(files []tidemark.LakeFile, size int64) (jobs [][]tidemark.LakeFile) {
	folders := map[string][]tidemark.LakeFile{}
	var order []string
	for _, f := range files {
		folder := path.Dir(f.Key)
		if f.Bytes >= size/2 {
			continue
		}
		if folders[folder] == nil {
			order = append(order, folder)
		}
		folders[folder] = append(folders[folder], f)
	}
	slices.Sort(order)
	var job []tidemark.LakeFile
	sum := int64(0)
	for _, folder := range order {
		for small := range slices.Chunk(folders[folder], 1000) {
			if len(small) < 2 {
				continue
			}
			job = append(job, small...)
			for _, f := range small {
				sum += f.Bytes
			}
			if sum >= compactBytes {
				jobs, job, sum = append(jobs, job), nil, 0
			}
		}
	}
	if len(job) > 0 {
		jobs = append(jobs, job)
	}
	return jobs
}

// schemaOf is the schema of a table of the lake, as if it were the source's.
func schemaOf(lake *arrow.Schema) *tidemark.Schema {
	s := &tidemark.Schema{}
	for _, f := range lake.Fields() {
		doc, _ := f.Metadata.GetValue(tidemark.DocKey)
		s.Columns = append(s.Columns, tidemark.Column{Name: f.Name, Type: f.Type, Nullable: f.Nullable, SourceType: doc})
	}
	return s
}
