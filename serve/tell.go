package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/notify"
	"github.com/tidemark-data/tidemark/internal/post"
	"github.com/tidemark-data/tidemark/internal/schedule"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// A teller tells others what becomes of runs: people that a pipeline has failed or is late, a server of lineage what runs read
// and write, a collector of traces where their time goes. It holds no run up. Its methods may be called at the same time.
type teller struct {
	*watch
	*provenance

	log    *slog.Logger
	clock  schedule.Clock
	traces trace.Provider
	flush  func(context.Context) error // sends what is left of the traces
}

// flushWithin is how long the end of the server waits for the collector of traces, beside what post.Options.Linger gives to the
// others.
const flushWithin = 5 * time.Second

// newTeller returns the teller of a server whose store is open. Variables of OpenTelemetry that cannot be followed are
// ErrInvalid.
func newTeller(ctx context.Context, s *server) (*teller, error) {
	t := &teller{log: s.log, clock: s.clock}
	var err error
	if t.watch, err = newWatch(ctx, s.store, notify.Options{Log: s.log, Clock: s.clock, Version: s.opts.Version}); err != nil {
		return nil, err
	}
	t.provenance = newProvenance(s.store, s.log, s.clock, s.opts.Version)
	t.traces, t.flush, err = trace.Start(ctx, trace.Options{Version: s.opts.Version, Log: s.log, Env: s.opts.Env, Now: s.clock.Now})
	return t, err
}

var _ post.Clock = schedule.Clock(nil)

// use takes a config into use.
func (t *teller) use(cfg *config.Config) {
	t.watch.use(cfg)
	t.provenance.use(cfg)
}

// ended is schedule.Options.Ended.
func (t *teller) ended(r tidemark.Run) {
	t.watch.ended(r)
	t.provenance.ended(r)
}

// run tells until the function that it returns is called, which sends what waits. Nobody calls another method any more
// when that is called. Whether pipelines are late is looked at until ctx ends.
func (t *teller) run(ctx context.Context) func() {
	looking, stop := context.WithCancel(ctx)
	sending, end := context.WithCancel(context.WithoutCancel(ctx))
	var looks, sends sync.WaitGroup
	looks.Go(func() { t.attend(looking) })
	sends.Go(func() { t.notes.Run(sending) })
	sends.Go(func() { t.emitter.Run(sending) })
	return func() {
		stop()
		looks.Wait()
		end()
		sends.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
			defer cancel()
			if err := t.flush(ctx); err != nil {
				t.log.Warn("traces were not sent before the end", "err", err)
			}
		})
		sends.Wait()
	}
}

// trace begins the trace of an attempt, and returns what ends it.
func (t *teller) trace(ctx context.Context, id tidemark.PipelineID, a tidemark.Attempt) (context.Context, func(error, ...trace.Attr)) {
	return trace.Root(ctx, t.traces, "run",
		trace.Text("pipeline", string(id)), trace.Text("commit_run", string(a.Commit)), trace.Number("attempt", int64(a.N)))
}
