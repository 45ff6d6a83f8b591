package serve

import (
	"maps"
	"slices"

	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/web"
)

// Connections implements web.Pipelines.
func (b *backend) Connections() []web.Connection {
	cfg := b.current.Load().cfg
	used := uses(cfg)
	var all []web.Connection
	for _, name := range slices.Sorted(maps.Keys(cfg.Connections)) {
		one := web.Connection{Name: name, Lake: true, MaxRuns: cfg.MaxRuns[name], Used: append([]string{}, used[name]...)}
		switch c := cfg.Connections[name].(type) {
		case *config.MySQL:
			one.Type, one.Lake, one.Location, one.User, one.ReadRate = "mysql", false, "mysql://"+c.Address(), c.User, c.ReadRate
			if c.Socket != "" {
				one.Location = c.Socket
			}
		case *config.S3:
			one.Type, one.Location = "s3", "s3://"+c.Bucket+"/"+c.Prefix
		case *config.Folder:
			one.Type, one.Location = "file", c.Path
		}
		all = append(all, one)
	}
	return all
}

// uses returns which pipelines and groups use a connection, in the order of the config.
func uses(cfg *config.Config) map[string][]string {
	used := map[string][]string{}
	for _, p := range cfg.Pipelines {
		for _, name := range scheduled(p.Runs, p.Source, p.SettleOn, p.Lake).Connections {
			used[name] = append(used[name], string(p.ID))
		}
	}
	for _, g := range cfg.Groups {
		for _, name := range scheduled(g.Runs, g.Source, g.Lake).Connections {
			used[name] = append(used[name], g.Name)
		}
	}
	return used
}
