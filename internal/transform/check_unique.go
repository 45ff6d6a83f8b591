package transform

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// hashesInMemory is how many keys are held before they go to disk, sorted: 16 MiB.
const hashesInMemory = 1 << 20

// unique looks for rows of the run that share the values of some columns. A row that has NULL in one of them shares none, as
// in SQL. Keys are compared by hashes of 128 bits: that two others have the same is as likely as that the disk lies.
func unique(names []string, s *tidemark.Schema, dir string) (examiner, error) {
	columns, err := allAt(names, s)
	if err != nil {
		return examiner{}, err
	}
	for _, name := range names {
		if _, err := typeAt(name, s); err != nil {
			return examiner{}, err
		}
	}
	k := &keys{dir: dir, limit: hashesInMemory}
	return examiner{
		look: func(b arrow.RecordBatch) (finding, error) { return finding{}, k.add(hashesOf(b, columns)) },
		finish: func(int64, tidemark.Observed) (f finding, err error) {
			if f.failed, err = k.doubles(); err == nil && f.failed > 0 {
				f.detail = fmt.Sprintf("as many rows of the run share (%s) with an earlier one", strings.Join(names, ", "))
			}
			return f, err
		},
		close: k.close,
	}, nil
}

// hashesOf returns a hash for each row that has no NULL in the columns.
func hashesOf(b arrow.RecordBatch, columns []int) []xxh3.Uint128 {
	texts := make([]func(int) string, len(columns))
	for i, at := range columns {
		texts[i] = textOf(b.Column(at))
	}
	hashes := make([]xxh3.Uint128, 0, b.NumRows())
	var key []byte
rows:
	for row := range int(b.NumRows()) {
		key = key[:0]
		for i, at := range columns {
			if b.Column(at).IsNull(row) {
				continue rows
			}
			text := texts[i](row)
			key = append(binary.AppendUvarint(key, uint64(len(text))), text...)
		}
		hashes = append(hashes, xxh3.Hash128(key))
	}
	return hashes
}

// keys counts values that are there more than once, in bounded memory: what is too much is sorted and put on disk.
type keys struct {
	dir   string
	limit int

	mu    sync.Mutex
	held  []xxh3.Uint128
	parts []*os.File // each sorted
}

func (k *keys) add(hashes []xxh3.Uint128) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = append(k.held, hashes...)
	if len(k.held) < k.limit {
		return nil
	}
	return k.spill()
}

func compareHashes(a, b xxh3.Uint128) int {
	return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo))
}

func (k *keys) spill() error {
	file, err := os.CreateTemp(k.dir, "unique-")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	_ = os.Remove(file.Name()) // it needs no name, and a killed process leaves nothing
	k.parts = append(k.parts, file)
	slices.SortFunc(k.held, compareHashes)
	w := bufio.NewWriterSize(file, 1<<16)
	for _, h := range k.held {
		b := h.Bytes()
		if _, err := w.Write(b[:]); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	k.held = k.held[:0]
	if err := w.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// doubles returns how many hashes equal an earlier one.
func (k *keys) doubles() (n int64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.SortFunc(k.held, compareHashes)
	held := k.held
	sources := []func() (xxh3.Uint128, error){func() (h xxh3.Uint128, err error) {
		if len(held) == 0 {
			return h, io.EOF
		}
		h, held = held[0], held[1:]
		return h, nil
	}}
	for _, file := range k.parts {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return 0, fmt.Errorf("temporary file: %w", err)
		}
		r := bufio.NewReaderSize(file, 1<<16)
		sources = append(sources, func() (h xxh3.Uint128, err error) {
			var b [16]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return h, err
			}
			return xxh3.Uint128{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}, nil
		})
	}
	return countDoubles(sources)
}

// countDoubles merges sorted sources.
func countDoubles(sources []func() (xxh3.Uint128, error)) (n int64, err error) {
	var heads queue
	push := func(next func() (xxh3.Uint128, error)) error {
		h, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		heap.Push(&heads, head{h, next})
		return nil
	}
	for _, s := range sources {
		if err := push(s); err != nil {
			return 0, err
		}
	}
	var last xxh3.Uint128
	for first := true; len(heads) > 0; first = false {
		h := heap.Pop(&heads).(head)
		if !first && h.hash == last {
			n++
		}
		last = h.hash
		if err := push(h.next); err != nil {
			return n, err
		}
	}
	return n, nil
}

// A head is the next hash of a source.
type head struct {
	hash xxh3.Uint128
	next func() (xxh3.Uint128, error)
}

// queue is a heap of heads, the smallest first.
type queue []head

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return compareHashes(q[i].hash, q[j].hash) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(head)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (k *keys) close() error {
	var errs []error
	for _, file := range k.parts {
		errs = append(errs, file.Close())
	}
	k.parts = nil
	return errors.Join(errs...)
}
