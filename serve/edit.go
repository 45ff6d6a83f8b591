package serve

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

// A file is the config file of a server. Its methods may be called at the same time.
type file struct{ *server }

// Read implements web.ConfigFile.
func (f file) Read() ([]byte, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("config %s: %w", f.path, tidemark.ErrNotFound)
	}
	return text, err
}

// Check implements web.ConfigFile.
func (f file) Check(text []byte) error {
	_, err := f.parse(text)
	return err
}

func (s *server) parse(text []byte) (*config.Config, error) {
	return config.Parse(s.path, text, config.WithEnvironment(s.opts.Env), config.MayBeEmpty())
}

// Save implements web.ConfigFile. When it returns, the text is in use, or a newer one.
func (f file) Save(ctx context.Context, version string, text []byte) error {
	if err := config.Save(f.path, version, text, f.Check); err != nil {
		return err
	}
	looked := make(chan struct{})
	select {
	case f.edited <- looked:
	case <-ctx.Done():
		return nil // it is saved, and will be found
	}
	select {
	case <-looked:
	case <-ctx.Done():
	}
	return nil
}

// Draft implements web.ConfigFile.
func (f file) Draft(text []byte) (*run.Runner, error) {
	cfg, err := f.parse(text)
	if err != nil {
		return nil, err
	}
	return run.New(cfg, run.Options{Log: f.log, Dir: f.opts.Dir, Steps: f.opts.Steps}), nil
}
