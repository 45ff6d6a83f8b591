package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A History is what was typed, the newest last, in a file of one entry per line that only its owner can read. Several
// sessions may use the file at the same time: each adds to it, and sees what was there when it began.
type History struct {
	path string // "" keeps nothing beyond the session

	mu      sync.Mutex
	entries []string
}

const (
	mostKept = 1_000 // entries that are read
	mostFile = 2_000 // entries at which the file is cut down to that
)

// OpenHistory reads the history at path, and makes its folder; "" is a history that ends with the session. With an
// error, which says why the file cannot be used, comes such a one, too.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	if path == "" {
		return h, nil
	}
	if err := h.read(); err != nil {
		return &History{}, fmt.Errorf("history: %w", err)
	}
	return h, nil
}

func (h *History) read() error {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	text, err := os.ReadFile(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(h.path, 0o600); err != nil { // somebody may have made it with other rights
		return err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	h.entries = lines[max(0, len(lines)-mostKept):]
	if len(lines) < mostFile {
		return nil
	}
	return h.rewrite()
}

// rewrite puts the file back with what is kept of it.
func (h *History) rewrite() error {
	file, err := os.CreateTemp(filepath.Dir(h.path), "history-") // it is for its owner alone
	if err != nil {
		return err
	}
	_, err = file.WriteString(strings.Join(h.entries, "\n") + "\n")
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), h.path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// Put adds an entry, unless it is that of before. What cannot be written is kept for the session.
func (h *History) Put(entry string) {
	if entry = strings.TrimSpace(entry); entry == "" || strings.Contains(entry, "\n") {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.entries); n > 0 && h.entries[n-1] == entry {
		return
	}
	h.entries = append(h.entries, entry)
	if h.path == "" {
		return
	}
	file, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = file.WriteString(entry + "\n")
	_ = file.Close()
}

// Add implements term.History. The editor calls it with every line; Put has the statements.
func (h *History) Add(string) {}

// Len implements term.History.
func (h *History) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.entries)
}

// At implements term.History: 0 is the newest entry.
func (h *History) At(i int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[len(h.entries)-1-i]
}

// search returns the newest entry, from the i-th newest on, that holds the text, and its number.
func (h *History) search(text string, i int) (entry string, at int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; i < len(h.entries); i++ {
		if entry = h.entries[len(h.entries)-1-i]; strings.Contains(strings.ToLower(entry), strings.ToLower(text)) {
			return entry, i, true
		}
	}
	return "", 0, false
}
