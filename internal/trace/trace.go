// Package trace tells where the time of runs goes, as OpenTelemetry traces over OTLP. It is set up by the standard
// variables of OpenTelemetry alone. Where they ask for nothing, nothing is built and a span costs a look into its context.
//
// There is no global provider: a span that is begun with Begin belongs to the provider of the span in its context, and
// where there is none, to nobody.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/tidemark-data/tidemark"
)

// Options of Start.
type Options struct {
	Version string                           // of the program
	Log     *slog.Logger                     // of what cannot be sent; nil discards
	Env     func(name string) (string, bool) // os.LookupEnv. What it does not say does not matter; what it says is read from the process too
	Now     func() time.Time                 // nil: the machine's clock
}

// Start returns a provider of traces that are sent in the background, and what sends the rest and ends that, within its
// context. Both do nothing unless OTEL_TRACES_EXPORTER is otlp, or an endpoint is set and the exporter is not none. Sampler,
// headers, resource and batches are as the other variables of OpenTelemetry say; the protocol is http/protobuf. Variables that cannot be followed
// are ErrInvalid.
func Start(ctx context.Context, o Options) (Provider, func(context.Context) error, error) {
	off := func(context.Context) error { return nil }
	asked, err := o.asked()
	if err != nil || !asked {
		return noop.NewTracerProvider(), off, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return noop.NewTracerProvider(), off, fmt.Errorf("start the export of traces: %w: %w", tidemark.ErrInvalid, err)
	}
	// What comes later wins: the name of the service is ours unless the environment has one.
	described, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "tidemark"), attribute.String("service.version", o.Version)), resource.WithFromEnv())
	if err != nil {
		return noop.NewTracerProvider(), off, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w: %w", tidemark.ErrInvalid, err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(&told{SpanExporter: exporter, log: o.Log, now: o.Now}), sdk.WithResource(described))
	return p, p.Shutdown, nil
}

// asked reports whether the variables ask for traces.
func (o Options) asked() (bool, error) {
	read := func(names ...string) (name, value string) {
		for _, name := range names {
			if v, _ := o.Env(name); strings.TrimSpace(v) != "" {
				return name, strings.TrimSpace(v)
			}
		}
		return "", ""
	}
	if _, off := read("OTEL_SDK_DISABLED"); strings.EqualFold(off, "true") {
		return false, nil
	}
	name, endpoint := read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch _, exporter := read("OTEL_TRACES_EXPORTER"); {
	case exporter == "none" || exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, tidemark.WithHint(fmt.Errorf("unknown OTEL_TRACES_EXPORTER %q: %w", exporter, tidemark.ErrInvalid), "use otlp or none")
	}
	if endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return false, tidemark.WithHint(fmt.Errorf("%s is no URL of http or https: %w", name, tidemark.ErrInvalid), "write it as http://127.0.0.1:4318")
		}
	}
	if name, protocol := read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return false, tidemark.WithHint(fmt.Errorf("unknown %s %q: %w", name, protocol, tidemark.ErrInvalid), "use http/protobuf, at port 4318 of most collectors")
	}
	return true, nil
}

// told is an exporter whose faults go to the log of the program, now and then, and not to a global handler.
type told struct {
	sdk.SpanExporter
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	lost int       // spans since the last line
	last time.Time // of that line
}

// tellEvery is how often lost spans are told.
const tellEvery = time.Minute

// ExportSpans implements sdk.SpanExporter.
func (t *told) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += len(spans)
	if now := t.now(); t.last.IsZero() || now.Sub(t.last) >= tellEvery {
		t.log.Warn("traces were not sent", "spans", t.lost, "err", err)
		t.lost, t.last = 0, now
	}
	return nil
}
