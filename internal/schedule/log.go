package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

const (
	linesAtOnce = 64
	writeEvery  = time.Second
)

// A runLog is a slog.Handler that keeps what a run logs in the store.
type runLog struct {
	*lines
	attrs []slog.Attr
	group string
}

// lines are those of one attempt that the store does not have yet.
type lines struct {
	scheduler *Scheduler
	run       tidemark.RunID
	attempt   int

	mu      sync.Mutex
	waiting []tidemark.LogLine
	written time.Time
	lost    int
}

func (s *Scheduler) newLog(w *work) *runLog {
	return &runLog{lines: &lines{scheduler: s, run: w.run.ID, attempt: w.lease.Attempt.N, written: s.now()}}
}

// Enabled implements slog.Handler: details too, since who reads a run's log wants to know why.
func (l *runLog) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l *runLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &runLog{lines: l.lines, attrs: slices.Concat(l.attrs, l.named(attrs)), group: l.group}
}

// WithGroup implements slog.Handler.
func (l *runLog) WithGroup(name string) slog.Handler {
	return &runLog{lines: l.lines, attrs: l.attrs, group: l.group + name + "."}
}

func (l *runLog) named(attrs []slog.Attr) []slog.Attr {
	if l.group == "" {
		return attrs
	}
	named := slices.Clone(attrs)
	for i := range named {
		named[i].Key = l.group + named[i].Key
	}
	return named
}

// Handle implements slog.Handler.
func (l *runLog) Handle(ctx context.Context, r slog.Record) error {
	attrs := map[string]any{}
	add := func(a slog.Attr) bool {
		if a.Key == "run" || a.Key == "pipeline" || a.Equal(slog.Attr{}) {
			return true // the log is that run's
		}
		attrs[a.Key] = plain(a.Value.Resolve())
		return true
	}
	for _, a := range l.attrs {
		add(a)
	}
	var own []slog.Attr
	r.Attrs(func(a slog.Attr) bool { own = append(own, a); return true })
	for _, a := range l.named(own) {
		add(a)
	}
	line := tidemark.LogLine{At: l.scheduler.now(), Attempt: l.attempt, Level: r.Level.String(), Text: r.Message}
	if len(attrs) > 0 {
		text, err := json.Marshal(attrs)
		if err != nil {
			return err
		}
		line.Attrs = string(text)
	}
	l.add(ctx, line)
	return nil
}

// plain returns a value as JSON has it for people.
func plain(v slog.Value) any {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		return v.Any()
	case slog.KindGroup:
		return fmt.Sprint(v.Group())
	}
	return v.String()
}

func (l *lines) add(ctx context.Context, line tidemark.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, line)
	if len(l.waiting) >= linesAtOnce || l.scheduler.now().Sub(l.written) >= writeEvery {
		l.write(ctx)
	}
}

// write gives the store what waits. A log that cannot be kept never ends a run.
func (l *lines) write(ctx context.Context) {
	l.written = l.scheduler.now()
	if len(l.waiting) == 0 {
		return
	}
	if err := l.scheduler.store.AppendLog(context.WithoutCancel(ctx), l.run, l.attempt, l.waiting); err != nil {
		l.lost += len(l.waiting)
		l.scheduler.log.Warn("lines of a run's log were not kept", "run", l.run, "lines", l.lost, "err", err)
	}
	l.waiting = nil
}

// close writes what is left.
func (l *lines) close(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(ctx)
}
