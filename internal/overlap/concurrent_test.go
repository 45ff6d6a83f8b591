package overlap

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestConcurrentApply: what several goroutines apply at once has the same outcome as what one applies in turn.
func TestConcurrentApply(t *testing.T) {
	const batches, rows = 64, 50
	batch := func(n, version int) [][]any {
		var out [][]any
		for i := range rows {
			out = append(out, []any{n % 7, (n*rows + i) % 90, string(rune('a' + version))})
		}
		return out
	}
	run := func(l loaded, version, goroutines int) (loaded, int64) {
		p := mustBegin(t, l.options(t, orders, at(40)), tiny)
		var suppressed, next atomic.Int64
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				for n := int(next.Add(1)) - 1; n < batches; n = int(next.Add(1)) - 1 {
					out, dropped, err := p.Apply(newBatch(t, orders, batch(n, version*(n%2))...))
					if err != nil {
						t.Error(err)
						return
					}
					suppressed.Add(dropped)
					if out != nil {
						out.Release()
					}
				}
			})
		}
		group.Wait()
		return finish(t, p), suppressed.Load()
	}
	first, _ := run(loaded{}, 1, 1)
	one, want := run(first, 2, 1)
	many, got := run(first, 2, 8)
	if want == 0 || got != want {
		t.Errorf("8 goroutines suppressed %d rows, one %d", got, want)
	}
	if diff := cmp.Diff(one.mark, many.mark, cmpopts.EquateComparable(one.mark.High)); diff != "" || !slices.Equal(one.side, many.side) {
		t.Errorf("the side file depends on the order: %s", diff)
	}
}
