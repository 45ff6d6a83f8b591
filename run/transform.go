package run

import (
	"context"
	"errors"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/query"
	"github.com/tidemark-data/tidemark/internal/transform"
)

// transforms returns the steps of a pipeline; nil where it has none.
func (r *Runner) transforms(p config.Pipeline) tidemark.Transforms {
	if len(p.Steps) == 0 {
		return nil
	}
	return r.steps(p, len(p.Steps))
}

// steps returns the first n steps of a pipeline.
func (r *Runner) steps(p config.Pipeline, n int) *transform.Steps {
	list := make([]transform.Step, n)
	for i, s := range p.Steps[:n] {
		list[i].Name = s.Name
		if s.SQL != "" {
			list[i].SQL = r.sql(p, s, r.dir())
			continue
		}
		if s.Go != "" {
			list[i].Go = r.goStep(s.Go)
			continue
		}
		change := &transform.Change{Order: s.Order}
		for _, c := range s.Columns {
			change.Columns = append(change.Columns, transform.ColumnChange{Column: c.Column, Rename: c.Rename, Type: c.ArrowType(), Drop: c.Drop, Quarantine: c.Quarantine})
		}
		list[i].Change = change
	}
	return transform.New(list)
}

func (r *Runner) sql(p config.Pipeline, s config.Step, dir string) *transform.SQL {
	step := &transform.SQL{Text: s.SQL, Table: p.Table, Dir: dir}
	for _, l := range s.Lookups {
		step.Lookups = append(step.Lookups, r.lookup(l))
	}
	return step
}

// atSource is a pipeline as its source sees it: the key by the names that its columns have there.
func (r *Runner) atSource(p config.Pipeline) tidemark.Pipeline {
	if len(p.Key) > 0 {
		p.Key = r.steps(p, len(p.Steps)).SourceKey(p.Key)
	}
	return p.Pipeline
}

// checkedTable is the table of a pipeline, in the state in which the check finds it: a run of the same pipeline that commits
// before this one makes its commit fail, and what other pipelines have added is looked at too.
func (r *Runner) checkedTable(p config.Pipeline) *transform.Table {
	return &transform.Table{
		Merge: p.Mode == tidemark.ModeMerge, Key: p.Key,
		Open: func(ctx context.Context) (*transform.OpenTable, error) {
			l, snapshot, err := r.snapshot(ctx, p.Lake, p.Target)
			if errors.Is(err, tidemark.ErrNotFound) || err == nil && len(snapshot.Data) == 0 {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			view, err := query.OpenView(ctx, r.queryOptions(l), snapshot)
			if err != nil {
				return nil, err
			}
			return &transform.OpenTable{SQL: view.SQL, Schema: snapshot.Schema, Close: view.Close}, nil
		},
	}
}

// checks returns the checks of a pipeline; nil where it has none.
func (r *Runner) checks(p config.Pipeline, dir string) tidemark.Checks {
	if len(p.Checks) == 0 {
		return nil
	}
	list := make([]transform.Check, len(p.Checks))
	for i, c := range p.Checks {
		list[i] = transform.Check{
			Name: c.Name, OnFail: c.OnFail, NotNull: c.NotNull, Unique: c.Unique, Freshness: c.Freshness,
			Accepted: (*transform.Accepted)(c.Accepted), Range: (*transform.Range)(c.Range),
			Regex: (*transform.Regex)(c.Regex), RowCount: (*transform.RowCount)(c.RowCount),
		}
		if c.SQL != "" {
			list[i].SQL = r.sql(p, config.Step{SQL: c.SQL, Lookups: c.Lookups}, dir)
			for j, l := range c.Lookups {
				list[i].SQL.Lookups[j].Own = l.Connection == p.Lake && l.Lake == p.Target
			}
		}
		if c.InTable && p.Mode != tidemark.ModeReplace {
			list[i].Table = r.checkedTable(p)
		}
	}
	return transform.NewChecks(list, dir)
}
