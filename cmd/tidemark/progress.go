package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

const (
	// barDelay keeps the screen still for runs that are over before one could read anything.
	barDelay = 400 * time.Millisecond

	// logPeriod is how often progress is logged where there is no terminal.
	logPeriod = 10 * time.Second
)

// A watcher shows how runs get on: on a terminal a line for each that is active, else a log line for each every ten
// seconds. Logs go through it, so that they do not break the lines. It is safe for concurrent use.
type watcher struct {
	out     io.Writer
	log     *slog.Logger // nil on a terminal, and when nothing is to be shown
	bars    bool
	refresh mpb.ContainerOption // for tests; nil in life

	mu     sync.Mutex
	active []*watched
	screen *mpb.Progress // nil until barDelay has gone by

	stop func()
	done sync.WaitGroup
}

// watched is a run that is watched.
type watched struct {
	id       tidemark.PipelineID
	progress *run.Progress
	meter    meter
	bar      *mpb.Bar
}

// newWatcher starts to watch. The caller calls close.
func newWatcher(a *app) *watcher {
	w := &watcher{out: a.err, bars: a.terminal && !a.quiet && !a.logJSON}
	if !w.bars && !a.quiet {
		w.log = slog.New(a.handler(w, slog.LevelInfo))
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	w.done.Go(func() { w.work(ctx) })
	return w
}

// work shows the lines when it is time to, or logs.
func (w *watcher) work(ctx context.Context) {
	if w.bars {
		if sleep(ctx, barDelay) {
			w.showAll()
		}
		return
	}
	for w.log != nil && sleep(ctx, logPeriod) {
		w.logAll(ctx, time.Now())
	}
}

// sleep waits and reports whether the time has gone by before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin is run.Options.Watch.
func (w *watcher) begin(id tidemark.PipelineID, p *run.Progress) {
	one := &watched{id: id, progress: p, meter: meter{name: string(id)}}
	one.meter.see(readingOf(p, time.Now()))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = append(w.active, one)
	if w.screen != nil {
		w.show(one)
	}
}

// end takes a pipeline off the screen.
func (w *watcher) end(id tidemark.PipelineID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, one := range w.active {
		if one.id == id {
			if one.bar != nil {
				one.bar.Abort(true)
			}
			w.active = append(w.active[:i:i], w.active[i+1:]...)
			return
		}
	}
}

func readingOf(p *run.Progress, now time.Time) reading {
	splits := p.Splits.Load()
	return reading{
		at: now, rows: p.Read.Load(), bytes: p.Bytes.Load(), expected: p.Expected.Load(),
		read: splits > 0 && p.SplitsDone.Load() >= splits,
	}
}

// showAll puts the active runs on the screen.
func (w *watcher) showAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	options := []mpb.ContainerOption{mpb.WithOutput(w.out), mpb.WithRefreshRate(200 * time.Millisecond)}
	if w.refresh != nil {
		options = append(options, w.refresh)
	}
	w.screen = mpb.New(options...)
	for _, one := range w.active {
		w.show(one)
	}
}

func (w *watcher) show(one *watched) {
	// The line is made by the screen's own goroutine, one line after the other: the meter needs no lock.
	line := decor.Any(func(decor.Statistics) string {
		one.meter.see(readingOf(one.progress, time.Now()))
		return one.meter.line()
	})
	name := decor.Name(string(one.id), decor.WCSyncSpaceR)
	one.bar, _ = w.screen.Add(1, mpb.NopStyle().Build(), mpb.PrependDecorators(name, line), mpb.BarRemoveOnComplete())
}

func (w *watcher) logAll(ctx context.Context, now time.Time) {
	w.mu.Lock()
	var lines [][]slog.Attr
	for _, one := range w.active {
		one.meter.see(readingOf(one.progress, now))
		lines = append(lines, one.meter.attributes())
	}
	w.mu.Unlock()
	for _, attributes := range lines {
		w.log.LogAttrs(ctx, slog.LevelInfo, "progress", attributes...)
	}
}

// Write prints whole lines of the log, above the lines of progress.
func (w *watcher) Write(p []byte) (int, error) {
	if w.above(p) {
		return len(p), nil
	}
	return w.out.Write(p)
}

// above puts whole lines above the lines of progress, and reports whether there are any on the screen.
func (w *watcher) above(p []byte) bool {
	w.mu.Lock()
	screen := w.screen
	w.mu.Unlock()
	if screen == nil {
		return false
	}
	_, err := screen.Write(p)
	return err == nil // the only error says that the screen has been closed
}

// close clears the screen. It may be called more than once.
func (w *watcher) close() {
	w.stop()
	w.done.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.screen == nil {
		return
	}
	for _, one := range w.active {
		if one.bar != nil {
			one.bar.Abort(true)
		}
	}
	w.screen.Wait()
	w.screen = nil
}
