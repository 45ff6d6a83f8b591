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

// hashesInMemory is how many keys are held before they go to disk, sorted: 24 MiB.
const hashesInMemory = 1 << 20

// maxNamed is how many of the values that are there more than once a message names.
const maxNamed = 3

// unique looks for rows of the run that share the values of some columns. A row that has NULL in one of them shares none, as
// in SQL. Keys are compared by hashes of 128 bits: that two others have the same is as likely as that the disk lies.
func unique(names []string, s *tidemark.Schema, dir string) (examiner, error) {
	columns, types, err := comparableAt(names, s)
	if err != nil {
		return examiner{}, err
	}
	k := &keys{dir: dir, limit: hashesInMemory, values: valueLog{dir: dir, limit: valuesInMemory}}
	return examiner{
		look: func(b arrow.RecordBatch) (finding, error) { return finding{}, k.add(hashesOf(b, columns)) },
		finish: func(int64, tidemark.Observed) (finding, error) {
			d, err := k.doubles()
			if err != nil || d.rows == 0 {
				return finding{}, err
			}
			named := make([]string, len(d.first))
			for i, double := range d.first {
				value, err := k.values.read(double.at, types)
				if err != nil {
					return finding{}, err
				}
				named[i] = fmt.Sprintf("%s %d times", value, double.rows)
			}
			return finding{d.rows, "the run has " + namedValues(names, named, d.values)}, nil
		},
		close: func() error { return errors.Join(k.close(), k.values.close()) },
	}, nil
}

// comparableAt returns where columns are and what their types are. Types whose values cannot be written down are ErrInvalid.
func comparableAt(names []string, s *tidemark.Schema) (columns []int, types []arrow.DataType, err error) {
	if columns, err = allAt(names, s); err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		t, err := typeAt(name, s)
		if err != nil {
			return nil, nil, err
		}
		types = append(types, t)
	}
	return columns, types, nil
}

// namedValues returns `id = 1 2 times, 5 3 times, and 7 other values`.
func namedValues(columns, values []string, all int64) string {
	of := columns[0]
	if len(columns) > 1 {
		of = "(" + strings.Join(columns, ", ") + ")"
	}
	text := of + " = " + strings.Join(values, ", ")
	switch others := all - int64(len(values)); {
	case others == 1:
		text += ", and another value"
	case others > 1:
		text += fmt.Sprintf(", and %d other values", others)
	}
	return text
}

// looked are the keys of a batch's rows.
type looked struct {
	keys   []key // at: in values
	values []byte
}

// A key is the hash of a row's values, and where those are noted.
type key struct {
	hash xxh3.Uint128
	at   int64
}

// hashesOf returns a key for each row that has no NULL in the columns.
func hashesOf(b arrow.RecordBatch, columns []int) looked {
	texts := make([]func(int) string, len(columns))
	for i, at := range columns {
		texts[i] = textOf(b.Column(at))
	}
	l := looked{keys: make([]key, 0, b.NumRows())}
	var text []byte
rows:
	for row := range int(b.NumRows()) {
		text = text[:0]
		before := len(l.values)
		for i, at := range columns {
			if b.Column(at).IsNull(row) {
				l.values = l.values[:before]
				continue rows
			}
			t := texts[i](row)
			text = append(binary.AppendUvarint(text, uint64(len(t))), t...)
			l.values = note(l.values, t)
		}
		l.keys = append(l.keys, key{xxh3.Hash128(text), int64(before)})
	}
	return l
}

// keys counts values that are there more than once, in bounded memory: what is too much is sorted and put on disk.
type keys struct {
	dir   string
	limit int

	mu     sync.Mutex
	held   []key
	parts  []*os.File // each sorted
	values valueLog
}

func (k *keys) add(l looked) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, err := k.values.add(l.values)
	if err != nil {
		return err
	}
	for _, one := range l.keys {
		k.held = append(k.held, key{one.hash, at + one.at})
	}
	if len(k.held) < k.limit {
		return nil
	}
	return k.spill()
}

func compareKeys(a, b key) int {
	if a.hash.Hi != b.hash.Hi { // nearly always; sorting is most of what the check costs
		if a.hash.Hi < b.hash.Hi {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.hash.Lo, b.hash.Lo), cmp.Compare(a.at, b.at))
}

// keySize is how many bytes a key has on disk.
const keySize = 24

func (k *keys) spill() error {
	file, err := os.CreateTemp(k.dir, "unique-")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	_ = os.Remove(file.Name()) // it needs no name, and a killed process leaves nothing
	k.parts = append(k.parts, file)
	slices.SortFunc(k.held, compareKeys)
	w := bufio.NewWriterSize(file, 1<<16)
	var b [keySize]byte
	for _, one := range k.held {
		binary.BigEndian.PutUint64(b[:], one.hash.Hi)
		binary.BigEndian.PutUint64(b[8:], one.hash.Lo)
		binary.BigEndian.PutUint64(b[16:], uint64(one.at))
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

// doubles finds the hashes that equal an earlier one.
func (k *keys) doubles() (doubles, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.SortFunc(k.held, compareKeys)
	held := k.held
	sources := []func() (key, error){func() (one key, err error) {
		if len(held) == 0 {
			return one, io.EOF
		}
		one, held = held[0], held[1:]
		return one, nil
	}}
	for _, file := range k.parts {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return doubles{}, fmt.Errorf("temporary file: %w", err)
		}
		r := bufio.NewReaderSize(file, 1<<16)
		sources = append(sources, func() (key, error) {
			var b [keySize]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return key{}, err
			}
			hash := xxh3.Uint128{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
			return key{hash, int64(binary.BigEndian.Uint64(b[16:]))}, nil
		})
	}
	return countDoubles(sources)
}

// doubles are values that are there more than once.
type doubles struct {
	rows   int64    // without the first of each
	values int64    // different ones
	first  []double // in the order in which they came, at most maxNamed
}

// A double is a value that is there more than once.
type double struct {
	at   int64 // where it is noted
	rows int64
}

// close ends the rows of a value.
func (d *doubles) close(one double) {
	if one.rows < 2 {
		return
	}
	d.rows, d.values = d.rows+one.rows-1, d.values+1
	i, _ := slices.BinarySearchFunc(d.first, one, func(a, b double) int { return cmp.Compare(a.at, b.at) })
	if d.first = slices.Insert(d.first, i, one); len(d.first) > maxNamed {
		d.first = d.first[:maxNamed]
	}
}

// countDoubles merges sorted sources.
func countDoubles(sources []func() (key, error)) (d doubles, err error) {
	var heads queue
	push := func(next func() (key, error)) error {
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
			return d, err
		}
	}
	var last xxh3.Uint128
	var now double
	for len(heads) > 0 {
		h := heap.Pop(&heads).(head)
		if now.rows == 0 || h.hash != last {
			d.close(now)
			last, now = h.hash, double{at: h.at}
		}
		now.rows++
		if err := push(h.next); err != nil {
			return d, err
		}
	}
	d.close(now)
	return d, nil
}

// A head is the next key of a source.
type head struct {
	key
	next func() (key, error)
}

// queue is a heap of heads, the smallest first.
type queue []head

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return compareKeys(q[i].key, q[j].key) < 0 }
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
