package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tidemark-data/tidemark"
)

// work is an attempt that is under way.
type work struct {
	run      tidemark.Run
	pipeline Pipeline
	lease    tidemark.Lease
	executor Executor
	cancel   context.CancelCauseFunc
}

var (
	errTimeout = errors.New("the run took longer than its timeout")
	errLost    = errors.New("another process has the lease")
)

const (
	firstPause = 10 * time.Second // before the second try; doubled for each further one
	maxPause   = 10 * time.Minute

	// endWithin bounds how long the end of an attempt is tried to be kept. What is not kept is found as cut off by the next
	// process.
	endWithin = time.Minute
)

// work makes one attempt and keeps how it ended.
func (s *Scheduler) work(ctx context.Context, w *work) {
	log := s.newLog(w)
	begun := s.now()
	kept := make(chan struct{})
	done, stop := context.WithCancel(ctx)
	go func() { defer close(kept); s.hold(done, w) }()
	result, err := w.executor.Execute(ctx, w.run.Pipeline, w.lease.Attempt, slog.New(log))
	stop()
	<-kept
	e := ending(w, result, err, context.Cause(ctx), s.now())
	s.report(w, e, s.now().Sub(begun))
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	log.close(saving)
	ended, err := s.end(saving, w, e)
	s.mu.Lock()
	delete(s.active, w.run.ID)
	s.mu.Unlock()
	if err != nil {
		s.log.Error("the end of an attempt was not kept", "run", w.run.ID, "pipeline", w.run.Pipeline, "err", err)
		s.poke()
		return
	}
	s.over(ended)
}

// hold renews the lease, and ends the attempt when it is lost, when somebody wants that, or when the time is over.
func (s *Scheduler) hold(ctx context.Context, w *work) {
	var over <-chan time.Time
	if w.pipeline.Timeout > 0 {
		began := w.lease.Attempt.Started
		if !w.run.Started.IsZero() {
			began = w.run.Started
		}
		c, stop := s.clock.Timer(max(w.pipeline.Timeout-s.now().Sub(began), 0))
		defer stop()
		over = c
	}
	expires := s.now().Add(leaseFor)
	for {
		renew, stop := s.clock.Timer(renewAt)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-over:
			stop()
			w.cancel(errTimeout)
			return
		case <-renew:
		}
		by, err := s.store.Renew(ctx, w.lease, leaseFor)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && by != "":
			w.cancel(cancelled{by})
			return
		case err == nil:
			expires = s.now().Add(leaseFor)
		case errors.Is(err, tidemark.ErrConflict), !s.now().Before(expires):
			w.cancel(errLost)
			return
		default:
			s.log.Warn("lease was not renewed", "run", w.run.ID, "err", err)
		}
	}
}

// ending says how an attempt has ended, by what it returned and by why it was told to end, if it was. An attempt that
// succeeded has succeeded whatever it was told meanwhile: its rows are in the lake.
func ending(w *work, result tidemark.RunResult, err, cause error, now time.Time) tidemark.Ending {
	e := tidemark.Ending{State: tidemark.RunSucceeded, Result: &result}
	if err == nil {
		return e
	}
	e.State, e.Kind, e.Error, e.Hint = tidemark.RunFailed, tidemark.KindOf(err), err.Error(), tidemark.Hint(err)
	var by cancelled
	switch {
	case errors.As(cause, &by):
		e.State, e.Kind, e.Error, e.Hint = tidemark.RunCancelled, "cancelled", by.Error(), ""
	case errors.Is(cause, errStopped):
		e.State, e.Kind, e.Error, e.Hint = tidemark.RunQueued, tidemark.Interrupted, errStopped.Error(), ""
	case errors.Is(cause, errTimeout):
		e.Kind, e.Error, e.Hint = "timeout", fmt.Sprintf("%v, %s", errTimeout, w.pipeline.Timeout), "what was committed stays; raise timeout, or see the run's log for what took so long"
	case mayPass(err) && w.tries() <= w.pipeline.Retries:
		e.State, e.NotBefore = tidemark.RunQueued, now.Add(pause(w.tries()))
	}
	return e
}

// mayPass reports whether another attempt may succeed though nobody changes anything. After an ErrFatal that attempt
// begins by finding out what the last one did.
func mayPass(err error) bool {
	for _, kind := range []error{tidemark.ErrTransient, tidemark.ErrRestart, tidemark.ErrConflict, tidemark.ErrFatal} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// tries counts the attempts, this one included, but for those that were cut off by the end of a process.
func (w *work) tries() int {
	n := 1
	for _, a := range w.run.Attempts {
		if a.Kind != tidemark.Interrupted {
			n++
		}
	}
	return n
}

// pause returns how long to wait behind the n-th try: twice as long as behind the one before, and up to half of that less,
// so that what failed together does not come again together.
func pause(n int) time.Duration {
	d := maxPause
	if n < 10 {
		d = min(firstPause<<(n-1), maxPause)
	}
	return d/2 + rand.N(d/2)
}

// end keeps how the attempt ended; a store that is busy or full for a moment is asked again.
func (s *Scheduler) end(ctx context.Context, w *work, e tidemark.Ending) (tidemark.Run, error) {
	for {
		r, err := s.store.End(ctx, w.lease, e)
		if err == nil || errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrNotFound) || ctx.Err() != nil {
			return r, err
		}
		timer, stop := s.clock.Timer(time.Second)
		select {
		case <-timer:
		case <-ctx.Done():
			stop()
		}
	}
}

// report writes a line about the end of an attempt.
func (s *Scheduler) report(w *work, e tidemark.Ending, took time.Duration) {
	attrs := []any{"run", w.run.ID, "pipeline", w.run.Pipeline, "attempt", w.lease.Attempt.N, "took", took}
	switch {
	case e.State == tidemark.RunSucceeded:
		s.log.Info("run succeeded", append(attrs, "rows_new", e.Result.New, "commit", e.Result.Seq)...)
	case e.State == tidemark.RunQueued && e.Kind != tidemark.Interrupted:
		s.log.Warn("attempt failed; there will be another", append(attrs, "not_before", e.NotBefore, "err", e.Error)...)
	case e.State == tidemark.RunFailed:
		s.log.Error("run failed", append(attrs, "err", e.Error)...)
	default:
		s.log.Info("run ended", append(attrs, "state", e.State, "err", e.Error)...)
	}
}
