package shell

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// A Script is an Input that nobody types.
type Script struct{ r *bufio.Reader }

// NewScript returns the lines of r.
func NewScript(r io.Reader) *Script { return &Script{bufio.NewReader(r)} }

// Line implements Input. It ends with its context between two lines.
func (s *Script) Line(ctx context.Context, _ string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	line, err := s.r.ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// Pause implements Input.
func (s *Script) Pause() {}

// Keep implements Input.
func (s *Script) Keep(string) {}
