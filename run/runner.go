package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/mysql"
	"github.com/tidemark-data/tidemark/internal/sqs"
)

// Options of a Runner. The zero value is good.
type Options struct {
	Log *slog.Logger // nil discards

	// Dir is for temporary files and for the cache of data files; "" means the system's place for temporary files.
	// What lies there may be deleted whenever no run is under way.
	Dir string

	Parallel int // pipelines that run at the same time; 0 means 1

	// Steps are the funcs of steps "go: NAME". A pipeline with a step whose func is not there is ErrInvalid.
	Steps Steps

	// Watch is called when a pipeline begins to run, with the counters that it keeps, and may keep them.
	Watch func(tidemark.PipelineID, *Progress)

	// Done is called when the run of a pipeline has ended, before those of others may have begun.
	Done func(Outcome)
}

// ErrNoPipeline says that a name was given that no pipeline has: of a table that a group covers only the server knows.
var ErrNoPipeline = errors.New("there is no pipeline")

// ErrNoFunc says that a step of a pipeline is a Go func that this program does not have.
var ErrNoFunc = errors.New("there is no func")

// Progress counts what a run has done so far. All fields may be read at any time.
type Progress = engine.Progress

// A Runner runs the pipelines of one config. It is safe for concurrent use. The caller closes it.
type Runner struct {
	cfg  *config.Config
	opts Options
	log  *slog.Logger

	mu     sync.Mutex
	lakes  map[string]*lake // by connection, opened at first use
	paces  map[string]*pace // by connection, of those with a read_rate
	queues map[notices]*sqs.Queue
}

// Load reads the config at path. Mistakes in it are ErrInvalid, all of them in one error.
func Load(path string, o Options) (*Runner, error) {
	cfg, err := config.Load(path, config.WithEnvironment(os.LookupEnv))
	if err != nil {
		return nil, err
	}
	return New(cfg, o), nil
}

// New returns a Runner for a config that was read before.
func New(cfg *config.Config, o Options) *Runner {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{cfg: cfg, opts: o, log: log, lakes: map[string]*lake{}, paces: map[string]*pace{}, queues: map[notices]*sqs.Queue{}}
}

// Close ends all connections to lakes.
func (r *Runner) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for name, l := range r.lakes {
		errs = append(errs, l.close())
		delete(r.lakes, name)
	}
	return errors.Join(errs...)
}

// pipelines returns the pipelines of those names, in the order of the config; all when there are none. The name of a
// pipeline that covers many tables stands for each of them. An unknown name is ErrNoPipeline and ErrNotFound; a step whose
// func is not there is ErrNoFunc.
func (r *Runner) pipelines(ctx context.Context, names []string) ([]config.Pipeline, error) {
	found, err := r.named(ctx, names)
	if err != nil {
		return nil, err
	}
	return found, r.haveFuncs(found)
}

// named is pipelines with all steps as they are.
func (r *Runner) named(ctx context.Context, names []string) ([]config.Pipeline, error) {
	wanted := func(id tidemark.PipelineID) bool { return len(names) == 0 || slices.Contains(names, string(id)) }
	var found []config.Pipeline
	known := r.names()
	for _, p := range r.cfg.Pipelines {
		if wanted(p.ID) {
			found = append(found, p)
		}
	}
	for _, g := range r.cfg.Groups {
		whole := wanted(tidemark.PipelineID(g.Name))
		if !whole && !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, g.Name+".") }) {
			continue
		}
		members, err := r.expand(ctx, g)
		if err != nil {
			return nil, fmt.Errorf("pipelines %s.*: %w", g.Name, err)
		}
		for _, p := range members {
			known = append(known, string(p.ID))
			if whole || wanted(p.ID) {
				found = append(found, p)
			}
		}
	}
	if err := checkNames(names, found, known); err != nil {
		return nil, err
	}
	return found, nil
}

// expand asks the source for the tables that a group covers.
func (r *Runner) expand(ctx context.Context, g config.Group) ([]config.Pipeline, error) {
	connection, err := r.mysqlConfig(g.Source)
	if err != nil {
		return nil, err
	}
	tables, err := mysql.ListTables(ctx, connection, []string{"*.*"}, nil)
	if err != nil {
		return nil, err
	}
	return g.Expand(tables)
}

func checkNames(names []string, found []config.Pipeline, known []string) error {
	for _, name := range names {
		there := slices.ContainsFunc(found, func(p config.Pipeline) bool {
			return string(p.ID) == name || strings.HasPrefix(string(p.ID), name+".")
		})
		if !there {
			return tidemark.WithHint(fmt.Errorf("%w %q: %w", ErrNoPipeline, name, tidemark.ErrNotFound), "there is: "+someOf(known))
		}
	}
	return nil
}

// maxNamed is how many names a hint lists.
const maxNamed = 20

func someOf(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

func (r *Runner) names() []string {
	var names []string
	for _, p := range r.cfg.Pipelines {
		names = append(names, string(p.ID))
	}
	for _, g := range r.cfg.Groups {
		names = append(names, g.Name)
	}
	return names
}

// dir returns where temporary files go.
func (r *Runner) dir() string {
	if r.opts.Dir != "" {
		return r.opts.Dir
	}
	return os.TempDir()
}
