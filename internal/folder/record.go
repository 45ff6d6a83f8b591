package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A record is a commit as it lies in the log.
type record struct {
	Version   int              `json:"v"`
	Table     tidemark.TableID `json:"table"`
	Watermark json.RawMessage  `json:"watermark"`
	Files     []fileRecord     `json:"files,omitempty"`

	// Replaces are the keys of the files that this commit takes away, in ModeReplace, going back or rewriting.
	Replaces []string `json:"replaces,omitempty"`

	// Rewrites says that Files take the place of just the files in Replaces, and that those are deleted last: some of
	// their rows are nowhere else until all of Files are completed.
	Rewrites bool `json:"rewrites,omitempty"`

	// Void is the number of an earlier commit, the one before, whose files were lost before they could be completed;
	// 0 in ordinary commits. The watermark is then the one before that, and the window is read again.
	Void int64 `json:"void,omitempty"`

	// Rewind says that this commit goes back to an earlier one, whose files are the table's again. It has no files.
	Rewind *rewound `json:"rewind,omitempty"`

	mark tidemark.Watermark // Watermark, decoded
}

type rewound struct {
	To int64 `json:"to"` // 0: before the first
}

// fileRecord is what it takes to complete a data file, by any process.
type fileRecord struct {
	Staged blob.Staged `json:"staged"`
	Rows   int64       `json:"rows"`
}

// Ordinary records are of version 1. One that goes back is of version 2, since who does not know it would take the
// files of the commits before it for the table's. One that rewrites is of version 3: who does not know it would delete
// the old files before the new ones are there, and list them later.
const (
	recordVersion  = 1
	rewindVersion  = 2
	rewriteVersion = 3
)

func (r *record) seq() int64 { return r.mark.Seq }

func (r *record) encode() ([]byte, error) {
	var err error
	switch {
	case r.Rewrites:
		r.Version = rewriteVersion
	case r.Rewind != nil:
		r.Version = rewindVersion
	default:
		r.Version = recordVersion
	}
	if r.Watermark, err = r.mark.Encode(); err != nil {
		return nil, fmt.Errorf("encode commit %d: %w", r.seq(), err)
	}
	return json.Marshal(r)
}

func decodeRecord(data []byte) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	if r.Version < recordVersion || r.Version > rewriteVersion {
		return nil, tidemark.WithHint(fmt.Errorf("version %d is not known: %w", r.Version, tidemark.ErrInvalid),
			"a newer tidemark wrote it: update this one")
	}
	var err error
	r.mark, err = tidemark.DecodeWatermark(r.Watermark)
	return r, err
}

// A commitLog reads the log of one pipeline.
type commitLog struct {
	store    blob.Store
	pipeline tidemark.PipelineID
}

// get returns a commit, or nil when it is not there.
func (l commitLog) get(ctx context.Context, seq int64) (*record, error) {
	key := recordKey(l.pipeline, seq)
	data, err := read(ctx, l.store, key)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(data)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", key, err)
	}
	if r.seq() != seq || r.mark.Pipeline != l.pipeline {
		return nil, fmt.Errorf("read commit %s: it says commit %d of %q: %w", key, r.seq(), r.mark.Pipeline, tidemark.ErrInvalid)
	}
	return r, nil
}

// newest returns the newest commit, or nil without one, and the newest of which all files are known to be there. The
// hint only says where to look first: it may be missing, damaged or old.
func (l commitLog) newest(ctx context.Context) (last *record, complete int64, err error) {
	hint, err := l.hint(ctx)
	if err != nil {
		return nil, 0, err
	}
	if hint > 0 {
		if last, err = l.get(ctx, hint); err != nil {
			return nil, 0, err
		}
		complete = hint
	}
	if last == nil { // no hint, or one without its commit
		complete = 0
		if last, err = l.search(ctx); err != nil || last == nil {
			return nil, 0, err
		}
	}
	for {
		next, err := l.get(ctx, last.seq()+1)
		if err != nil || next == nil {
			return last, complete, err
		}
		last = next
	}
}

// before returns the number of the commit that a commit stands on: the table has the files of that one and its own.
func (r *record) before() int64 {
	switch {
	case r.Rewind != nil:
		return r.Rewind.To
	case r.Void > 0:
		return r.Void - 1
	default:
		return r.seq() - 1
	}
}

// ordinary reports whether a commit brings files, rather than taking back others.
func (r *record) ordinary() bool { return r.Void == 0 && r.Rewind == nil }

// effective returns the commit whose files a table that is replaced has: that one, or where it takes others back the one
// that it goes back to; nil when there is none.
func (l commitLog) effective(ctx context.Context, r *record) (*record, error) {
	for r != nil && !r.ordinary() {
		seq := r.before()
		if seq == 0 {
			return nil, nil
		}
		before, err := l.get(ctx, seq)
		if err == nil && before == nil {
			err = fmt.Errorf("commit %d of %q is missing in the log: %w", seq, l.pipeline, tidemark.ErrInvalid)
		}
		if err != nil {
			return nil, err
		}
		r = before
	}
	return r, nil
}

// chain returns, of the commits 1, 2, …, those on which the given one stands, newest first and itself included. The
// others were taken back.
func chain(records []*record, seq int64) (stands []*record) {
	for seq > 0 {
		r := records[seq-1]
		stands = append(stands, r)
		seq = r.before()
	}
	return stands
}

// A heldFile is a file that a table has.
type heldFile struct {
	fileRecord
	seq int64 // of the commit that brought it
}

// heldBy returns the files of a table whose newest commit stands on these, newest first and itself included: what they
// brought, without what those among them that rewrite have replaced. It is for tables that are not replaced as a whole.
func heldBy(stands []*record) (files []heldFile) {
	gone := map[string]bool{}
	for _, r := range stands {
		for _, f := range r.Files {
			if !gone[f.Staged.Key] {
				files = append(files, heldFile{f, r.seq()})
			}
		}
		if r.Rewrites {
			for _, key := range r.Replaces {
				gone[key] = true
			}
		}
	}
	return files
}

// held returns the files that a table has of this pipeline as of a commit, 0 being the time before the first.
func (l commitLog) held(ctx context.Context, seq int64, mode tidemark.Mode) (files []heldFile, err error) {
	if mode != tidemark.ModeReplace {
		records, err := l.all(ctx, seq)
		if err != nil {
			return nil, err
		}
		return heldBy(chain(records, seq)), nil
	}
	if seq == 0 {
		return nil, nil
	}
	r, err := l.get(ctx, seq)
	if err == nil {
		r, err = l.effective(ctx, r)
	}
	if err != nil || r == nil {
		return nil, err
	}
	for _, f := range r.Files {
		files = append(files, heldFile{f, r.seq()})
	}
	return files, nil
}

// search finds the newest commit by listing.
func (l commitLog) search(ctx context.Context) (*record, error) {
	var newest int64
	for o, err := range l.store.List(ctx, logPrefix(l.pipeline)) {
		if err != nil {
			return nil, fmt.Errorf("list the log of %q: %w", l.pipeline, err)
		}
		if seq, ok := recordSeq(o.Key); ok {
			newest = max(newest, seq)
		}
	}
	if newest == 0 {
		return nil, nil
	}
	return l.get(ctx, newest)
}

// hint returns what the hint says, 0 when it says nothing that can be read.
func (l commitLog) hint(ctx context.Context) (int64, error) {
	data, err := read(ctx, l.store, newestKey(l.pipeline))
	if errors.Is(err, tidemark.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var hint struct {
		Seq int64 `json:"seq"`
	}
	if json.Unmarshal(data, &hint) != nil || hint.Seq < 0 {
		return 0, nil
	}
	return hint.Seq, nil
}

func encodeHint(seq int64) []byte { return fmt.Appendf(nil, "{\"seq\":%d}\n", seq) }

// maxObject bounds what is read into memory of objects that others could have replaced.
const maxObject = 64 << 20

// read returns a small object whole.
func read(ctx context.Context, store blob.Store, key string) ([]byte, error) {
	r, err := store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", key, tidemark.ErrTransient, err)
	}
	if len(data) > maxObject {
		return nil, fmt.Errorf("read %s: larger than %d bytes: %w", key, maxObject, tidemark.ErrInvalid)
	}
	return data, nil
}
