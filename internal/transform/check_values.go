package transform

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// A valueLog notes what values of rows look like, one behind the other, so that messages can name a few of them later: in
// memory first, and then in a file.
type valueLog struct {
	dir     string
	limit   int // bytes in memory
	file    *os.File
	written int64  // bytes in the file
	held    []byte // those behind
}

const (
	valuesInMemory = 1 << 20

	// maxNoted is how many bytes of a text are noted: more than a message shows of it.
	maxNoted = utf8.UTFMax * (maxShown + 1)
)

// note appends a text.
func note(to []byte, text string) []byte {
	text = text[:min(len(text), maxNoted)]
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// add appends what note has made and returns where it begins.
func (l *valueLog) add(noted []byte) (at int64, err error) {
	at = l.written + int64(len(l.held))
	if l.held = append(l.held, noted...); len(l.held) < l.limit {
		return at, nil
	}
	if l.file == nil {
		if l.file, err = os.CreateTemp(l.dir, "values-"); err != nil {
			return at, fmt.Errorf("temporary file: %w", err)
		}
		_ = os.Remove(l.file.Name()) // it needs no name, and a killed process leaves nothing
	}
	if _, err := l.file.Write(l.held); err != nil {
		return at, fmt.Errorf("temporary file: %w", err)
	}
	l.written += int64(len(l.held))
	l.held = l.held[:0]
	return at, nil
}

// read returns the values of a row as messages show them.
func (l *valueLog) read(at int64, types []arrow.DataType) (string, error) {
	var from io.Reader
	if at >= l.written {
		from = bytes.NewReader(l.held[at-l.written:])
	} else {
		from = io.MultiReader(io.NewSectionReader(l.file, at, l.written-at), bytes.NewReader(l.held))
	}
	r := bufio.NewReaderSize(from, 2*maxNoted)
	values := make([]string, len(types))
	for i, t := range types {
		length, err := binary.ReadUvarint(r)
		if err != nil {
			return "", fmt.Errorf("temporary file: %w", err)
		}
		text := make([]byte, min(length, maxNoted))
		if _, err := io.ReadFull(r, text); err != nil {
			return "", fmt.Errorf("temporary file: %w", err)
		}
		values[i] = shown(string(text), t)
	}
	return together(values), nil
}

// together returns the values of a row as one.
func together(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "(" + strings.Join(values, ", ") + ")"
}

func (l *valueLog) close() error {
	var err error
	if l.file != nil {
		err = l.file.Close()
		l.file = nil
	}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
