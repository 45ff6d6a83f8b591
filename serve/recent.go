package serve

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/web"
)

// Recent implements web.Pipelines. Of pipelines that have gone from the config it tells nothing.
func (b *backend) Recent(ctx context.Context, since time.Time, n int) ([]web.Recent, error) {
	found, err := b.store.Recent(ctx, since, n)
	if err != nil {
		return nil, err
	}
	cfg := b.current.Load().cfg
	all := make([]web.Recent, 0, len(cfg.Pipelines)+len(cfg.Groups))
	for _, p := range cfg.Pipelines {
		one := found[p.ID]
		all = append(all, web.Recent{Pipeline: string(p.ID), Rows: one.Rows, Runs: append([]tidemark.RecentRun{}, one.Runs...)})
		delete(found, p.ID)
	}
	groups := map[string]web.Recent{}
	for id, one := range found {
		if g, member := groupOf(cfg, string(id)); member {
			whole := groups[g.Name]
			whole.Rows += one.Rows
			whole.Runs = append(whole.Runs, one.Runs...)
			groups[g.Name] = whole
		}
	}
	for _, g := range cfg.Groups {
		whole := groups[g.Name]
		slices.SortFunc(whole.Runs, func(a, b tidemark.RecentRun) int {
			return cmp.Or(b.Ended.Compare(a.Ended), cmp.Compare(b.ID, a.ID))
		})
		all = append(all, web.Recent{Pipeline: g.Name, Rows: whole.Rows, Runs: append([]tidemark.RecentRun{}, whole.Runs[:min(n, len(whole.Runs))]...)})
	}
	return all, nil
}
