package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/tidemark-data/tidemark/run"
)

// screen is a terminal that remembers everything.
type screen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

// take returns what was written since the last call.
func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.all.String()
	s.all.Reset()
	return text
}

func progressOf(expected, read, bytes int64) *run.Progress {
	p := new(run.Progress)
	p.Splits.Store(2)
	p.Expected.Store(expected)
	p.Read.Store(read)
	p.Bytes.Store(bytes)
	return p
}

func TestWatcherOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		w := newWatcher(&app{err: &s, terminal: true})
		w.refresh = mpb.WithAutoRefresh() // the screen of the test is not seen to be a terminal
		orders, items := progressOf(4_000_000, 0, 0), progressOf(0, 0, 0)
		w.begin("orders", orders)
		time.Sleep(barDelay / 2)
		synctest.Wait()
		if text := s.take(); text != "" {
			t.Errorf("shown too early: %q", text)
		}
		w.begin("items", items)
		time.Sleep(barDelay/2 + 600*time.Millisecond)
		orders.Read.Store(2_000_000)
		orders.Bytes.Store(50_000_000)
		time.Sleep(time.Second)
		synctest.Wait()
		text := s.take()
		for _, want := range []string{"orders 2,000,000 rows · 1,", "rows/s", "MB/s · 50% · ETA ", "items  0 rows"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %q", want, text)
			}
		}
		if _, err := w.Write([]byte("a line of the log\n")); err != nil {
			t.Error(err)
		}
		w.end("orders")
		time.Sleep(time.Second)
		synctest.Wait()
		if text := s.take(); !strings.Contains(text, "a line of the log\n") {
			t.Errorf("the log is not in %q", text)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if text := s.take(); strings.Contains(text, "orders") || !strings.Contains(text, "items") {
			t.Errorf("after the end of orders: %q", text)
		}
		w.close()
		w.close()
		s.take()
		if _, err := w.Write([]byte("late\n")); err != nil || s.take() != "late\n" {
			t.Errorf("a log line behind the end is lost: %v", err)
		}
	})
}

func TestWatcherInLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		w := newWatcher(&app{err: &s})
		p := progressOf(4_000_000, 0, 0)
		w.begin("orders", p)
		time.Sleep(logPeriod - time.Second)
		p.Read.Store(1_000_000)
		synctest.Wait()
		if text := s.take(); text != "" {
			t.Errorf("logged too early: %q", text)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want := "level=INFO msg=progress pipeline=orders rows=1000000 rows_per_s=100000 mb_per_s=0 percent=25 eta=30s\n"
		if text := s.take(); !strings.HasSuffix(text, want) || strings.Count(text, "\n") != 1 {
			t.Errorf("logged %q, want %q", text, want)
		}
		w.end("orders")
		time.Sleep(2 * logPeriod)
		synctest.Wait()
		if text := s.take(); text != "" {
			t.Errorf("logged after the end: %q", text)
		}
		w.close()
	})
}

func TestWatcherQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		w := newWatcher(&app{err: &s, quiet: true})
		w.begin("orders", progressOf(10, 5, 5))
		time.Sleep(10 * logPeriod)
		synctest.Wait()
		w.close()
		if text := s.take(); text != "" {
			t.Errorf("shown: %q", text)
		}
	})
}
