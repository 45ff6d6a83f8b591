package run

import (
	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
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
			list[i].SQL = r.sql(p, s)
			continue
		}
		change := &transform.Change{Order: s.Order}
		for _, c := range s.Columns {
			change.Columns = append(change.Columns, transform.ColumnChange{Column: c.Column, Rename: c.Rename, Type: c.ArrowType(), Drop: c.Drop})
		}
		list[i].Change = change
	}
	return transform.New(list)
}

func (r *Runner) sql(p config.Pipeline, s config.Step) *transform.SQL {
	step := &transform.SQL{Text: s.SQL, Table: p.Table, Dir: r.dir()}
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

// checks returns the checks of a pipeline; nil where it has none.
func checks(p config.Pipeline, dir string) tidemark.Checks {
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
	}
	return transform.NewChecks(list, dir)
}
