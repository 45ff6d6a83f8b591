package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/mysql"
)

// A Finding is one thing that `check` has tried.
type Finding struct {
	Subject  string // "connection shop", "pipeline orders"
	Step     string // "dns", "login", "conditional put", …
	Detail   string // what was found
	Err      error  // why it does not work, with a hint on what to do; nil when it does
	Optional bool   // pipelines run without it, with less comfort
}

// Check tries every connection of the config and then every pipeline, one thing after the other, and hands each finding
// to report as soon as it is there. The only thing that it writes is a probe object in each lake, which it removes.
// The error says that something that is not optional does not work; the findings say what.
func (r *Runner) Check(ctx context.Context, report func(Finding)) error {
	failed := 0
	see := func(f Finding) {
		if f.Err != nil && !f.Optional {
			failed++
		}
		report(f)
	}
	good := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Connections)) {
		before := failed
		r.checkConnection(ctx, name, see)
		good[name] = failed == before
	}
	pipelines, err := r.pipelines(ctx, nil)
	if err != nil && failed == 0 {
		see(Finding{Subject: "pipelines", Step: "tables", Err: err})
	}
	for _, p := range pipelines {
		if good[p.Source] && good[p.Lake] {
			see(r.checkPipeline(ctx, p))
			if p.Watermarks != nil && good[p.Watermarks.Connection] {
				see(r.checkWatermarks(ctx, p))
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of the checks do not pass: %w", failed, tidemark.ErrInvalid)
	}
	return ctx.Err()
}

// CheckConnection is Check for one connection alone. One that is not in the config is ErrNotFound.
func (r *Runner) CheckConnection(ctx context.Context, name string, report func(Finding)) error {
	if _, ok := r.cfg.Connections[name]; !ok {
		known := slices.Sorted(maps.Keys(r.cfg.Connections))
		return tidemark.WithHint(fmt.Errorf("connection %q: %w", name, tidemark.ErrNotFound), "there is: "+someOf(known))
	}
	r.checkConnection(ctx, name, report)
	return ctx.Err()
}

func (r *Runner) checkConnection(ctx context.Context, name string, report func(Finding)) {
	subject := "connection " + name
	if _, ok := r.cfg.Connections[name].(*config.MySQL); !ok {
		r.checkLake(ctx, name, report)
		return
	}
	c, err := r.mysqlConfig(name)
	if err != nil {
		report(Finding{Subject: subject, Step: "config", Err: err})
		return
	}
	var tables []tidemark.TableName
	for _, p := range r.cfg.Pipelines {
		if p.Source == name {
			tables = append(tables, p.Table)
		}
	}
	for _, s := range mysql.Diagnose(ctx, c, tables) {
		report(Finding{Subject: subject, Step: s.Name, Detail: s.Detail, Err: s.Err, Optional: s.Optional})
	}
}

// checkLake proves that the lake can be read and written and that its conditional writes are what they claim to be:
// every commit rests on them.
func (r *Runner) checkLake(ctx context.Context, name string, report func(Finding)) {
	subject := "connection " + name
	l, err := r.lake(ctx, name)
	if err != nil {
		report(Finding{Subject: subject, Step: "open", Err: err})
		return
	}
	_, err = l.store.Stat(ctx, "_tidemark/")
	if errors.Is(err, tidemark.ErrNotFound) || errors.Is(err, tidemark.ErrInvalid) {
		err = nil // nothing there yet
	}
	report(Finding{Subject: subject, Step: "read", Detail: l.root, Err: err})
	if err == nil {
		report(Finding{Subject: subject, Step: "conditional put", Detail: "one of two writers wins", Err: blob.ProbeConditional(ctx, l.store)})
	}
	if server := map[config.CatalogType]string{config.CatalogGlue: "Glue", config.CatalogREST: "the REST catalog"}[r.cfg.Catalog.Type]; server != "" {
		tables, err := l.iceberg.Tables(ctx)
		detail := fmt.Sprintf("%s answers, %d Iceberg tables of this lake; the right to change tables shows in a run", server, len(tables))
		report(Finding{Subject: subject, Step: "catalog", Detail: detail, Err: err})
	}
}

// checkPipeline makes the plan of the next run: what stands in the way of that stands in the way of the run.
func (r *Runner) checkPipeline(ctx context.Context, p config.Pipeline) Finding {
	plan := r.plan(ctx, p)
	detail := fmt.Sprintf("%s → %s, %s", p.Table, p.Target, p.Mode)
	for _, w := range plan.Warnings {
		detail += "; " + w
	}
	return Finding{Subject: "pipeline " + string(p.ID), Step: "plan", Detail: detail, Err: plan.Err}
}
