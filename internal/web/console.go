package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The files of the console as they were built from the folder web of the repository, which has the sources.
//
//go:embed all:console
var consoleFiles embed.FS

// consolePolicy lets a page of the console load what this server has, and nothing else. Styles may stand in the page, since
// the editor makes its own.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// A page is a file of the console, ready to be sent.
type page struct {
	kind   string // its media type
	etag   string
	plain  []byte
	zipped []byte // by gzip; nil where that is no shorter
}

// console answers with the files of the console. Whoever asks gets them: what they show is asked for by the API, and that
// asks who comes. A path that is no file is a page of the console, which finds out by itself what it is to show.
func console() (http.Handler, error) {
	pages, err := loadConsole()
	if err != nil {
		return nil, err
	}
	index, found := pages["index.html"]
	if !found {
		return nil, fmt.Errorf("the console has no index.html")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			say(w, http.StatusMethodNotAllowed, "only GET\n")
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		p, found := pages[name]
		switch {
		case found:
		case strings.HasPrefix(name, "assets/"):
			say(w, http.StatusNotFound, "there is no such file\n")
			return
		default:
			p = index
		}
		p.send(w, r)
	}), nil
}

func loadConsole() (map[string]*page, error) {
	pages := map[string]*page{}
	err := fs.WalkDir(consoleFiles, "console", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := consoleFiles.ReadFile(name)
		if err != nil {
			return err
		}
		p, err := newPage(name, text)
		pages[strings.TrimPrefix(name, "console/")] = p
		return err
	})
	return pages, err
}

func newPage(name string, text []byte) (*page, error) {
	hash := sha256.Sum256(text)
	p := &page{kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(hash[:12]) + `"`, plain: text}
	if p.kind == "" {
		p.kind = "application/octet-stream"
	}
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if zipped.Len() < len(text) {
		p.zipped = zipped.Bytes()
	}
	return p, nil
}

// send answers with the file. A browser asks each time whether it has changed: a new server has a new console at once.
func (p *page) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("ETag", p.etag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == p.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", p.kind)
	text := p.plain
	if p.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		text = p.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(text)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(text) // who does not listen any more misses nothing
	}
}
