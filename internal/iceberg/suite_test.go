package iceberg

import (
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// TestSuite is what every target must do.
func TestSuite(t *testing.T) {
	lakes := map[string]func(t *testing.T) Options{
		"mem folder":  func(*testing.T) Options { return memOptions() },
		"file sqlite": func(t *testing.T) Options { return withSQLite(t, fileOptions(t)) },
		"mem glue":    func(t *testing.T) Options { return withGlue(t, memOptions()) },
		"s3 folder":   s3Options,
		"file rest":   func(t *testing.T) Options { return withREST(t, fileOptions(t)) },
	}
	for name, options := range lakes {
		t.Run(name, func(t *testing.T) {
			targettest.Run(t, func(t *testing.T) targettest.Lake {
				o := options(t)
				l := open(t, o)
				return targettest.Lake{Store: o.Store, Catalog: l, Target: func(p tidemark.Pipeline) tidemark.Target {
					return open(t, o).Target(p, slogDiscard())
				}}
			}, tidemark.ModeAppend, tidemark.ModeMerge, tidemark.ModeReplace)
		})
	}
}
