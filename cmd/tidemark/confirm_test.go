package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]error{
		"y\n": nil, "yes\n": nil, " Y \n": nil, "y": nil,
		"\n": errDeclined, "n\n": errDeclined, "": errDeclined, "yesterday\n": errDeclined,
	} {
		var out bytes.Buffer
		a := &app{in: strings.NewReader(answer), err: &out, terminal: true}
		if err := a.checkAsking(deed{}); err != nil {
			t.Error(err)
		}
		if err := a.confirm(t.Context(), deed{}, "Go back?"); !errors.Is(err, want) {
			t.Errorf("answer %q: %v, want %v", answer, err, want)
		}
		if out.String() != "Go back? [y/N] " {
			t.Errorf("it asked %q", &out)
		}
	}
	a := &app{terminal: true}
	if err := a.checkAsking(deed{}); err == nil {
		t.Error("asks where nobody can answer")
	}
	if err := a.confirm(t.Context(), deed{yes: true}, "Go back?"); err != nil {
		t.Error(err)
	}
}

// A person interrupts instead of answering.
func TestConfirmInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	never, w := io.Pipe()
	defer w.Close()
	a := &app{in: never, err: io.Discard, terminal: true}
	interrupt()
	if err := a.confirm(ctx, deed{}, "Go back?"); !errors.Is(err, errDeclined) {
		t.Errorf("%v, want %v", err, errDeclined)
	}
}
