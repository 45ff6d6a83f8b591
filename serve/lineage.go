package serve

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/lineage"
	"github.com/tidemark-data/tidemark/internal/post"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

// A provenance tells a server of lineage what runs read and write.
type provenance struct {
	store   *sqlite.Store
	log     *slog.Logger
	emitter *lineage.Emitter

	mu   sync.Mutex
	cfg  *config.Config
	jobs map[tidemark.PipelineID]job
}

// A job is what a pipeline reads and writes by a config, with the columns as they were seen last.
type job struct {
	lineage.Job
	cfg *config.Config
}

func newProvenance(store *sqlite.Store, log *slog.Logger, clock post.Clock, version string) *provenance {
	return &provenance{
		store: store, log: log, emitter: lineage.New(lineage.Options{Log: log, Clock: clock, Version: version}), jobs: map[tidemark.PipelineID]job{},
	}
}

// use takes a config into use.
func (p *provenance) use(cfg *config.Config) {
	p.mu.Lock()
	p.cfg = cfg
	p.mu.Unlock()
	to := lineage.Server{URL: cfg.Server.Lineage.URL, Namespace: cfg.Server.Lineage.Namespace}
	if !cfg.Server.Lineage.APIKey.IsZero() {
		to.APIKey = cfg.Server.Lineage.APIKey.Resolve
	}
	p.emitter.Use(to)
}

// started is told of an attempt that begins, and returns what is told of the columns that it finds; nil: nothing is. Where
// nobody wants to know it asks nobody. The server of the source it asks for the tables of a group alone, once for a
// pipeline and a config.
func (p *provenance) started(ctx context.Context, g *generation, id tidemark.PipelineID) func(source, lands *tidemark.Schema) {
	if !p.emitter.Enabled() {
		return nil
	}
	j, found := p.job(id)
	if !found || j.cfg != g.cfg {
		pipeline, err := g.Pipeline(ctx, id)
		if err != nil {
			return nil // the attempt ends by the same error, and says so
		}
		j = jobOf(g.cfg, pipeline)
		p.keep(id, j)
	}
	runs, err := p.store.Runs(ctx, tidemark.RunFilter{Pipelines: []tidemark.PipelineID{id}, States: []tidemark.RunState{tidemark.RunRunning}, Limit: 1})
	if err != nil || len(runs) == 0 {
		p.log.Warn("the start of a run is not told to lineage", "pipeline", id, "err", err)
	} else {
		p.emitter.Started(runs[0], j.Job)
	}
	return func(source, lands *tidemark.Schema) {
		j.Source.Fields, j.Target.Fields = lineage.SourceFields(source), landingFields(lands)
		p.keep(id, j)
	}
}

// ended is told of the end of an attempt.
func (p *provenance) ended(r tidemark.Run) {
	j, found := p.job(r.Pipeline)
	if !found { // the attempt was an earlier process's
		p.mu.Lock()
		cfg := p.cfg
		p.mu.Unlock()
		for _, pipeline := range cfg.Pipelines {
			if pipeline.ID == r.Pipeline {
				j, found = jobOf(cfg, pipeline), true
			}
		}
	}
	if found {
		p.emitter.Ended(r, j.Job)
	}
}

func (p *provenance) job(id tidemark.PipelineID) (job, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j, found := p.jobs[id]
	return j, found
}

func (p *provenance) keep(id tidemark.PipelineID, j job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[id] = j
}

// jobOf returns the tables of a pipeline, without their columns. That of the lake need not be there yet: its place is fixed
// by its name.
func jobOf(cfg *config.Config, p config.Pipeline) job {
	j := job{cfg: cfg}
	if c, ok := cfg.Connections[p.Source].(*config.MySQL); ok {
		j.Source = lineage.Source(c.Address(), p.Table, nil)
	}
	root := ""
	switch c := cfg.Connections[p.Lake].(type) {
	case *config.S3:
		root = "s3://" + strings.TrimSuffix(c.Bucket+"/"+c.Prefix, "/")
	case *config.Folder:
		root = c.Path
	}
	j.Target = lineage.Target(root+"/"+p.Target.Namespace+"/"+p.Target.Name, nil)
	return j
}

// landingFields returns the columns that land, under the names that Tidemark has for their types.
func landingFields(s *tidemark.Schema) []lineage.Field {
	var columns []tidemark.DescribedColumn
	for _, c := range s.Columns {
		columns = append(columns, tidemark.DescribedColumn{TargetColumn: tidemark.TargetColumn{Name: c.Name, Type: tidemark.TypeName(c.Type)}, Comment: c.Comment})
	}
	return lineage.TargetFields(columns)
}
