package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// An Editor is an Input on a terminal: a person edits each line, brings back earlier ones and lets words be completed.
// Between Line and Pause the terminal is raw; then it is as it was before.
type Editor struct {
	History  *History
	Complete func(ctx context.Context, before, after string) Completion // nil: nothing is completed

	in, out *os.File
	keys    *keys
	term    *term.Terminal
	was     *term.State // before it was raw; nil while it is not
	found   search
}

// A search is for the entry of the history that Ctrl-R has brought last.
type search struct {
	text, entry string
	at          int
}

// NewEditor returns an Editor on a terminal, which keeps what it is told to in a history.
func NewEditor(in, out *os.File, h *History) *Editor {
	return &Editor{History: h, in: in, out: out, keys: &keys{in: in}}
}

// Line implements Input.
func (e *Editor) Line(ctx context.Context, prompt string) (string, error) {
	if err := e.begin(); err != nil {
		return "", err
	}
	e.keys.done = ctx.Done()
	e.term.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) { return e.key(ctx, line, at, key) }
	e.term.SetPrompt(prompt)
	line, err := e.term.ReadLine()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, term.ErrPasteIndicator):
		return line, nil
	case errors.Is(err, ErrDropped):
		e.term = nil // it still holds the line
		fmt.Fprint(e.out, "^C\r\n")
	case errors.Is(err, io.EOF):
		e.term = nil
		fmt.Fprint(e.out, "\r\n")
	}
	return line, err
}

// begin makes the terminal raw.
func (e *Editor) begin() error {
	if e.was == nil {
		was, err := term.MakeRaw(int(e.in.Fd()))
		if err != nil {
			return fmt.Errorf("set the terminal up: %w", err)
		}
		e.was = was
		fmt.Fprint(e.out, pasteOn)
	}
	if e.term == nil {
		e.term = term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{e.keys, e.out}, "")
		e.term.History = e.History
	}
	e.resize()
	e.keys.resize = e.resize
	return nil
}

// With pasteOn the terminal marks what is pasted, so that a tab in it completes nothing.
const (
	pasteOn  = "\x1b[?2004h"
	pasteOff = "\x1b[?2004l"
)

// resize takes the size of the window over, which a person may change at any time.
func (e *Editor) resize() {
	if width, height, err := term.GetSize(int(e.out.Fd())); err == nil && width > 0 {
		_ = e.term.SetSize(width, height)
	}
}

// Pause implements Input.
func (e *Editor) Pause() {
	if e.was != nil {
		fmt.Fprint(e.out, pasteOff)
		_ = term.Restore(int(e.in.Fd()), e.was)
		e.was = nil
	}
}

// Keep implements Input.
func (e *Editor) Keep(line string) { e.History.Put(line) }

const (
	keyTab    = '\t'
	keySearch = 'R' & 0x1f
)

// key is called for the keys that the terminal does not know.
func (e *Editor) key(ctx context.Context, line string, at int, key rune) (string, int, bool) {
	switch {
	case key == keyTab && e.Complete != nil:
		return e.complete(ctx, line, at)
	case key == keySearch:
		return e.search(line, at)
	}
	return line, at, false
}

// search brings the newest entry that holds what is typed; pressed again, the one before it.
func (e *Editor) search(line string, at int) (string, int, bool) {
	from := 0
	if line == e.found.entry && line != "" {
		from = e.found.at + 1
	} else {
		e.found = search{text: line}
	}
	entry, i, ok := e.History.search(e.found.text, from)
	if !ok {
		return line, at, true
	}
	e.found.entry, e.found.at = entry, i
	return entry, len(entry), true
}

// complete types what all completions have in common, and lists them where that is nothing.
func (e *Editor) complete(ctx context.Context, line string, at int) (string, int, bool) {
	before, after := line[:at], line[at:]
	c := e.Complete(ctx, before, after)
	text := common(c.Texts)
	if len(c.Texts) == 1 && !strings.HasPrefix(after, c.End) {
		text += c.End
	}
	if begins(text, c.Word) && len(text) > len(c.Word) || len(c.Texts) == 1 {
		before = strings.TrimSuffix(before, c.Word) + text
		return before + after, len(before), true
	}
	if len(c.Texts) > 0 {
		width, _, err := term.GetSize(int(e.out.Fd()))
		if err != nil || width <= 0 {
			width = 80
		}
		_, _ = io.WriteString(e.term, columned(c.Texts, width))
	}
	return line, at, true
}

// common returns the beginning that all texts share, as the first one has it.
func common(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	same := []rune(texts[0])
	for _, t := range texts[1:] {
		n := 0
		for _, r := range t {
			if n == len(same) || !strings.EqualFold(string(r), string(same[n])) {
				break
			}
			n++
		}
		same = same[:n]
	}
	return string(same)
}

// mostListed is how many completions are listed.
const mostListed = 100

// columned puts texts side by side, in the order of lines.
func columned(texts []string, width int) string {
	more := len(texts) - mostListed
	texts = texts[:min(len(texts), mostListed)]
	widest := 0
	for _, t := range texts {
		widest = max(widest, len([]rune(t)))
	}
	perLine := max(1, width/(widest+2))
	var b strings.Builder
	for i, t := range texts {
		b.WriteString(t)
		if (i+1)%perLine == 0 || i == len(texts)-1 {
			b.WriteByte('\n')
		} else {
			b.WriteString(strings.Repeat(" ", widest+2-len([]rune(t))))
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return b.String()
}

// keys reads a terminal, and says in the words of package term what other keyboards say in theirs.
type keys struct {
	in      *os.File
	done    <-chan struct{} // nobody waits for the Line any longer
	resize  func()
	reading chan typed // a read that is under way
	rest    []byte
}

type typed struct {
	bytes []byte
	err   error
}

// words are the sequences that terminals send for Home, End and for moving by a word.
var words = strings.NewReplacer(
	"\x1b[1~", "\x1b[H", "\x1b[7~", "\x1b[H", "\x1bOH", "\x1b[H",
	"\x1b[4~", "\x1b[F", "\x1b[8~", "\x1b[F", "\x1bOF", "\x1b[F",
	"\x1bOA", "\x1b[A", "\x1bOB", "\x1b[B", "\x1bOC", "\x1b[C", "\x1bOD", "\x1b[D",
	"\x1b[1;5C", "\x1b[1;3C", "\x1b[1;5D", "\x1b[1;3D", "\x1bf", "\x1b[1;3C", "\x1bb", "\x1b[1;3D",
)

const keyInterrupt = 'C' & 0x1f

// Read implements io.Reader. Ctrl-C is ErrDropped, and takes along what was typed before it.
func (k *keys) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		b, err := k.next()
		if err != nil {
			return 0, err
		}
		if bytes.IndexByte(b, keyInterrupt) >= 0 {
			return 0, ErrDropped
		}
		k.rest = []byte(words.Replace(string(b)))
		k.resize()
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

// next waits for the person or the end of the context. A read cannot be called off: one that nobody waits for any more
// is what the next call waits for, and ends with the process.
func (k *keys) next() ([]byte, error) {
	if k.reading == nil {
		k.reading = make(chan typed, 1)
		go func(done chan<- typed) {
			b := make([]byte, 4096)
			n, err := k.in.Read(b)
			done <- typed{b[:n], err}
		}(k.reading)
	}
	select {
	case t := <-k.reading:
		k.reading = nil
		if len(t.bytes) > 0 {
			t.err = nil
		}
		return t.bytes, t.err
	case <-k.done:
		return nil, context.Canceled
	}
}
