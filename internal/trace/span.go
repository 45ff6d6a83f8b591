package trace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	api "go.opentelemetry.io/otel/trace"

	"github.com/tidemark-data/tidemark"
)

// library is the name of what makes the spans.
const library = "github.com/tidemark-data/tidemark"

// A Provider is where spans go.
type Provider = api.TracerProvider

// An Attr is something that a span tells, a text or a number. Never a row's value, never a secret.
type Attr struct {
	key, text string
	number    int64
	isNumber  bool
}

// Text returns an Attr that is a text. Its key is told behind "tidemark.", as that of Number is.
func Text(key, value string) Attr { return Attr{key: key, text: value} }

// Number returns an Attr that is a number.
func Number(key string, value int64) Attr { return Attr{key: key, number: value, isNumber: true} }

// values returns attrs as OpenTelemetry has them. It is called where somebody wants them only, so that spans that nobody wants
// take no memory.
func values(attrs []Attr) []attribute.KeyValue {
	all := make([]attribute.KeyValue, len(attrs))
	for i, a := range attrs {
		if key := "tidemark." + a.key; a.isNumber {
			all[i] = attribute.Int64(key, a.number)
		} else {
			all[i] = attribute.String(key, a.text)
		}
	}
	return all
}

// Root begins a trace. What it returns ends its first span, with what went wrong; nil: nothing did.
func Root(ctx context.Context, p Provider, name string, attrs ...Attr) (context.Context, func(error, ...Attr)) {
	return begin(ctx, p, name, values(attrs), api.WithNewRoot())
}

// Begin begins a span below the one in ctx. Where there is none it does nothing.
func Begin(ctx context.Context, name string, attrs ...Attr) (context.Context, func(error, ...Attr)) {
	above := api.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, nothing
	}
	return begin(ctx, above.TracerProvider(), name, values(attrs))
}

func nothing(error, ...Attr) {}

func begin(ctx context.Context, p Provider, name string, attrs []attribute.KeyValue, opts ...api.SpanStartOption) (context.Context, func(error, ...Attr)) {
	ctx, span := p.Tracer(library).Start(ctx, name, append(opts, api.WithAttributes(attrs...))...)
	return ctx, func(err error, more ...Attr) {
		span.SetAttributes(values(more)...)
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			span.SetAttributes(attribute.String("error.type", kind(err)))
		}
		span.End()
	}
}

// kind returns the kind of an error in a word.
func kind(err error) string {
	for _, k := range []error{
		tidemark.ErrInvalid, tidemark.ErrNotFound, tidemark.ErrDenied, tidemark.ErrConflict, tidemark.ErrTransient, tidemark.ErrChecks,
		tidemark.ErrFatal, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	return "other"
}
