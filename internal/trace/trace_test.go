package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	api "go.opentelemetry.io/otel/trace"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

// clean takes the variables of OpenTelemetry away that whoever runs the test may have, and sets those of the test.
func clean(t *testing.T, env map[string]string) {
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
}

// TestSpans sends a trace to a server. What arrives is protobuf, in which texts stand as they are.
func TestSpans(t *testing.T) {
	r := posttest.NewReceiver(t)
	clean(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-team=tide", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
	})
	p, shutdown, err := Start(t.Context(), Options{Version: "1.2", Env: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := Root(t.Context(), p, "run", Text("pipeline", "orders"))
	below, ended := Begin(ctx, "read split", Number("split", 3))
	if root, child := api.SpanContextFromContext(ctx), api.SpanContextFromContext(below); root.TraceID() != child.TraceID() || root.SpanID() == child.SpanID() {
		t.Errorf("spans %v and %v", root, child)
	}
	ended(fmt.Errorf("read: %w", tidemark.ErrTransient), Number("rows", 7))
	end(nil)
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.Next(t)
	if got.Path != "/v1/traces" || got.Header.Get("X-Team") != "tide" {
		t.Errorf("got %s with %v", got.Path, got.Header)
	}
	for _, want := range []string{
		"service.name", "tidemark", "service.version", "1.2", "deployment.environment", "run", "tidemark.pipeline", "orders", "read split", "tidemark.split",
		"tidemark.rows", "read: transient", "error.type",
	} {
		if !bytes.Contains(got.Body, []byte(want)) {
			t.Errorf("no %q in %q", want, got.Body)
		}
	}
}

func TestServiceName(t *testing.T) {
	r := posttest.NewReceiver(t)
	clean(t, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": r.URL + "/own/path", "OTEL_SERVICE_NAME": "tide-prod"})
	p, shutdown, err := Start(t.Context(), Options{Env: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	_, end := Root(t.Context(), p, "run")
	end(nil)
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.Next(t); got.Path != "/own/path" || !bytes.Contains(got.Body, []byte("tide-prod")) {
		t.Errorf("%s got %q", got.Path, got.Body)
	}
}

// TestAsked: what variables ask for.
func TestAsked(t *testing.T) {
	const endpoint, exporter = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER"
	for _, c := range []struct {
		env  map[string]string
		want string // on, off, or a part of the error
	}{
		{nil, "off"},
		{map[string]string{endpoint: "http://127.0.0.1:4318"}, "on"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"}, "on"},
		{map[string]string{endpoint: "http://127.0.0.1:4318", exporter: "none"}, "off"},
		{map[string]string{endpoint: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "TRUE"}, "off"},
		{map[string]string{endpoint: " ", exporter: ""}, "off"},
		{map[string]string{exporter: "otlp"}, "on"},
		{map[string]string{exporter: "zipkin"}, `unknown OTEL_TRACES_EXPORTER "zipkin"`},
		{map[string]string{endpoint: "127.0.0.1:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		{map[string]string{endpoint: "http://h", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, `unknown OTEL_EXPORTER_OTLP_PROTOCOL "grpc"`},
		{map[string]string{endpoint: "http://h", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, "on"},
	} {
		asked, err := Options{Env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}.asked()
		got := map[bool]string{true: "on", false: "off"}[asked]
		if err != nil {
			got = err.Error()
			if !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
				t.Errorf("%v: error %v, want ErrInvalid with a hint", c.env, err)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}

// TestOff: without traces there is nothing, and it costs nothing.
func TestOff(t *testing.T) {
	p, shutdown, err := Start(t.Context(), Options{Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := Root(t.Context(), p, "run")
	if n := testing.AllocsPerRun(100, func() {
		_, end := Begin(ctx, "read split", Number("split", 3), Text("table", "orders"))
		end(nil)
	}); n > 0 {
		t.Errorf("a span that nobody wants takes %v allocations", n)
	}
	end(nil)
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLost: a collector that refuses spans is told in the log, and not for each batch.
func TestLost(t *testing.T) {
	refused := posttest.Answer{Status: 400}
	r := posttest.NewReceiver(t, refused, refused, refused, refused)
	clean(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL})
	var log bytes.Buffer // read when the provider has ended
	clock := posttest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	p, shutdown, err := Start(t.Context(), Options{Env: os.LookupEnv, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if n == 3 {
			clock.Add(tellEvery)
		}
		_, end := Root(t.Context(), p, "run")
		end(nil)
		if err := p.(interface{ ForceFlush(context.Context) error }).ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "traces were not sent"); n != 2 || !strings.Contains(log.String(), "spans=1") || !strings.Contains(log.String(), "spans=3") {
		t.Errorf("told %d times, want of 1 span and then of 3:\n%s", n, log.String())
	}
}
