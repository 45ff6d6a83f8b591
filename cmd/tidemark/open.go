package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

// open reads the config, checks that it has pipelines of those names, and returns what runs them. The caller closes
// it. Nothing is connected yet.
func (a *app) open(names []string, o run.Options) (*run.Runner, error) {
	cfg, err := a.loadFor(names)
	if err != nil {
		return nil, err
	}
	return run.New(cfg, o), nil
}

// loadFor reads the config and checks that it has pipelines of those names.
func (a *app) loadFor(names []string) (*config.Config, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	return cfg, usage(checkNames(cfg, names))
}

// checkNames finds names that no pipeline can have. A name that begins with that of a group may be one of its tables,
// which only the server knows.
func checkNames(cfg *config.Config, names []string) error {
	var known []string
	for _, p := range cfg.Pipelines {
		known = append(known, string(p.ID))
	}
	for _, g := range cfg.Groups {
		known = append(known, g.Name)
	}
	for _, name := range names {
		possible := slices.Contains(known, name) || slices.ContainsFunc(cfg.Groups, func(g config.Group) bool {
			return strings.HasPrefix(name, g.Name+".")
		})
		if !possible {
			return tidemark.WithHint(fmt.Errorf("there is no pipeline %q in %s: %w", name, cfg.Path, tidemark.ErrNotFound),
				"it has: "+strings.Join(known, ", "))
		}
	}
	return nil
}
