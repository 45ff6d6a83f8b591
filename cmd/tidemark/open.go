package main

import (
	"fmt"
	"maps"
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

// openLake is open for who reads a lake, named by its connection; "" is the only one that the config has.
func (a *app) openLake(name string) (*run.Runner, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	if err := checkLake(cfg, name); err != nil {
		return nil, usage(err)
	}
	return run.New(cfg, run.Options{Log: a.log(a.err)}), nil
}

// checkLake finds a name that no lake has, and a missing one where there are several.
func checkLake(cfg *config.Config, name string) error {
	var known []string
	for _, n := range slices.Sorted(maps.Keys(cfg.Connections)) {
		if _, server := cfg.Connections[n].(*config.MySQL); !server {
			known = append(known, n)
		}
	}
	switch {
	case slices.Contains(known, name), name == "" && len(known) == 1:
		return nil
	case name == "":
		return tidemark.WithHint(fmt.Errorf("%s has %d lakes", cfg.Path, len(known)), "name one with --lake: "+strings.Join(known, ", "))
	}
	return tidemark.WithHint(fmt.Errorf("there is no lake %q in %s: %w", name, cfg.Path, tidemark.ErrNotFound),
		"it has: "+strings.Join(known, ", "))
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
