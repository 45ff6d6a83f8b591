package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/metrics"
	"github.com/tidemark-data/tidemark/internal/schedule"
	"github.com/tidemark-data/tidemark/internal/sqlite"
	"github.com/tidemark-data/tidemark/internal/web"
	"github.com/tidemark-data/tidemark/run"
)

// Options of Run. The zero value is good.
type Options struct {
	Log   *slog.Logger // nil discards
	Dir   string       // as in run.Options
	Steps run.Steps    // as in run.Options

	Version string // of the program, for the description of the API

	Env   config.Lookup  // of references and overrides; nil: the environment of the process
	Clock schedule.Clock // nil: the machine's
}

// Run runs pipelines as the triggers in the config at path say, until ctx ends; then it lets those that are under way
// finish, or stops them when that takes longer than server.stop_timeout. The process may be killed at any moment: the next
// one goes on with what was wanted and had not ended.
//
// The file is read again when it changes. One with mistakes changes nothing: the last good one stays in use. Only
// server.store, server.stop_timeout and what says how the server listens are those that the file had in the beginning.
//
// A store that another process uses is ErrConflict.
func Run(ctx context.Context, path string, o Options) (err error) {
	s, err := newServer(ctx, path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	quiet := s.tell.run(ctx)
	defer quiet() // behind the last attempt, of whose end it tells
	l, certificate, err := s.openPort(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { s.attend(ctx); return nil })
	g.Go(func() error { return web.Serve(ctx, l, s.handler(ctx), certificate, s.log) })
	g.Go(func() error { return s.scheduler.Run(ctx) })
	return g.Wait()
}

// A server is what runs pipelines by their triggers. The goroutine of attend owns what is below the line.
type server struct {
	path      string
	opts      Options
	log       *slog.Logger
	clock     schedule.Clock
	store     *sqlite.Store
	scheduler *schedule.Scheduler
	tell      *teller
	guard     *auth.Guard
	edited    chan chan struct{} // who has saved the file waits here until it was looked at
	as        config.Server      // as the file had it in the beginning
	current   atomic.Pointer[generation]
	following
	meter *metrics.Metrics

	keep   time.Duration // of runs that have ended
	text   []byte        // of the file as it is in use
	doubt  string        // what was wrong with the file at the last look
	told   string        // what was said of that
	pruned time.Time     // when old runs were last forgotten
}

func newServer(ctx context.Context, path string, o Options) (*server, error) {
	s := &server{path: path, edited: make(chan chan struct{}), opts: o, log: o.Log, clock: o.Clock, following: following{progress: map[tidemark.PipelineID]*run.Progress{}}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = schedule.Machine{}
	}
	if s.opts.Env == nil {
		s.opts.Env = os.LookupEnv
	}
	cfg, text, err := s.read()
	if err != nil {
		return nil, err
	}
	if s.store, err = sqlite.Open(ctx, cfg.Server.Store, sqlite.Options{Now: s.clock.Now}); err != nil {
		return nil, err
	}
	s.meter = newMeter(s)
	if s.tell, err = newTeller(ctx, s); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	s.scheduler = schedule.New(schedule.Options{
		Store: s.store, Log: s.log, Clock: s.clock, Holder: fmt.Sprintf("%s, process %d", run.WhoAmI(), os.Getpid()), StopTimeout: cfg.Server.StopTimeout,
		Ended: func(r tidemark.Run) { s.meter.Ended(r); s.tell.ended(r) },
	})
	s.guard, s.as = auth.New(auth.Options{Store: s.store, Now: s.clock.Now, Log: s.log}), cfg.Server
	s.use(cfg, text)
	return s, nil
}

// read reads the file.
func (s *server) read() (*config.Config, []byte, error) {
	text, err := os.ReadFile(s.path)
	if os.IsNotExist(err) {
		_, err = config.Load(s.path) // says so with a hint
	}
	if err != nil {
		return nil, nil, err
	}
	cfg, err := s.parse(text)
	return cfg, text, err
}

// use takes a config into use. What is under way goes on with the one that it has begun with.
func (s *server) use(cfg *config.Config, text []byte) {
	r := run.New(cfg, run.Options{Log: s.log, Dir: s.opts.Dir, Steps: s.opts.Steps, Watch: s.watch})
	g := &generation{Runner: r, cfg: cfg, iceberg: r.IcebergHandler(), log: s.log}
	s.text, s.keep = text, cfg.Server.KeepRuns
	s.tell.use(cfg)
	s.scheduler.Use(setupOf(cfg, executor{g, s.tell}))
	if last := s.current.Swap(g); last != nil {
		last.retire()
	}
	s.meter.Reloaded(true)
	s.log.Info("config is in use", "file", s.path, "pipelines", len(cfg.Pipelines)+len(cfg.Groups), "triggers", len(cfg.Triggers))
	if len(cfg.Triggers) == 0 {
		s.log.Warn("no pipeline has triggers: nothing will start", "file", s.path)
	}
}

// close ends what the server has opened. Nothing runs any more.
func (s *server) close() error {
	s.current.Load().retire()
	return s.store.Close()
}

const (
	lookEvery  = time.Second
	pruneEvery = time.Hour
)

// attend looks at the config file again and again, and forgets old runs, until ctx ends.
func (s *server) attend(ctx context.Context) {
	for {
		if s.clock.Now().Sub(s.pruned) >= pruneEvery {
			s.prune(ctx)
		}
		timer, stop := s.clock.Timer(lookEvery)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-timer:
			s.look()
		case looked := <-s.edited:
			stop()
			s.look()
			close(looked)
		}
	}
}

// look takes the file into use when it has changed. One that is broken is looked at twice before that is said: somebody
// may be writing it.
func (s *server) look() {
	text, err := os.ReadFile(s.path)
	if err == nil && bytes.Equal(text, s.text) {
		if s.told != "" {
			s.log.Info("config is as it was before", "file", s.path)
			s.meter.Reloaded(true)
		}
		s.doubt, s.told = "", ""
		return
	}
	cfg, text, err := s.read()
	if err == nil {
		s.use(cfg, text)
		s.doubt, s.told = "", ""
		return
	}
	switch problem := err.Error(); {
	case problem == s.told:
	case problem != s.doubt:
		s.doubt = problem
	default:
		s.log.Error("config has mistakes: the last good one stays in use", "file", s.path, "err", err)
		s.told = problem
		s.meter.Reloaded(false)
	}
}

// prune forgets old runs.
func (s *server) prune(ctx context.Context) {
	s.pruned = s.clock.Now()
	n, err := s.store.Prune(ctx, s.pruned.Add(-s.keep))
	if err == nil {
		err = s.guard.Prune(ctx)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error("what is old was not forgotten", "err", err)
	case n > 0:
		s.log.Info("old runs are forgotten", "runs", n)
	}
}
