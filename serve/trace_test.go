package serve_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

// spansOf returns the spans that a collector has got until it is told of a whole trace, each as its name below those of the
// spans above it, with what it tells.
func spansOf(t *testing.T, r *posttest.Receiver) map[string]map[string]string {
	t.Helper()
	spans := map[string]*tracepb.Span{}
	for complete := false; !complete; {
		var data tracepb.TracesData
		if err := proto.Unmarshal(r.Next(t).Body, &data); err != nil {
			t.Fatal(err)
		}
		for _, resource := range data.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					spans[string(span.SpanId)] = span
					complete = complete || len(span.ParentSpanId) == 0
				}
			}
		}
	}
	found := map[string]map[string]string{}
	for _, span := range spans {
		path, tells := span.Name, map[string]string{}
		for above := spans[string(span.ParentSpanId)]; above != nil; above = spans[string(above.ParentSpanId)] {
			path = above.Name + "/" + path
		}
		for _, a := range span.Attributes {
			tells[a.Key] = a.Value.GetStringValue()
			if tells[a.Key] == "" {
				tells[a.Key] = fmt.Sprint(a.Value.GetIntValue())
			}
		}
		found[path] = tells
	}
	return found
}

// TestTraces: a run is a trace of its steps.
func TestTraces(t *testing.T) {
	r := posttest.NewReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Run("serve", func(t *testing.T) {
		s := newSite(t, "", watchedPipelines)
		s.ordersTable(t)
		s.runNow(t, "orders")
	})
	spans := spansOf(t, r)
	want := []string{"run", "run/attempt", "run/attempt/commit", "run/attempt/settle", "run/attempt/split", "run/attempt/write", "run/maintenance"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(spans))); diff != "" {
		t.Fatal(diff)
	}
	for path, tells := range map[string]map[string]string{
		"run":                {"tidemark.pipeline": "orders", "tidemark.attempt": "1"},
		"run/attempt":        {"tidemark.pipeline": "orders", "tidemark.rows_new": "3"},
		"run/attempt/split":  {"tidemark.split": "0", "tidemark.rows": "3"},
		"run/attempt/write":  {"tidemark.files": "1", "tidemark.rows": "3"},
		"run/attempt/commit": {"tidemark.seq": "1"},
	} {
		for key, value := range tells {
			if got := spans[path][key]; got != value {
				t.Errorf("%s tells %s %q, want %q", path, key, got, value)
			}
		}
	}
}
