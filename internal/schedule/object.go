package schedule

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// maxObjects bounds what a trigger remembers: eight bytes of each object.
const maxObjects = 200_000

// lookAtObjects fires for objects that were not there at the last look, or were others. What is there at the first look
// counts as seen.
//
// All that is there is remembered, and not the newest time or key: keys come in any order, and the time of an object that
// was uploaded in parts is that of its first one, which may be older than a look that did not see it.
func (s *Scheduler) lookAtObjects(ctx context.Context, w *watched, setup Setup) error {
	objects, err := setup.Executor.Objects(ctx, w.Connection, w.Prefix)
	if err != nil {
		return err
	}
	if len(objects) > maxObjects {
		return tidemark.WithHint(fmt.Errorf("%d objects below %q are more than the %d that a trigger can tell apart: %w", len(objects), w.Prefix, maxObjects, tidemark.ErrInvalid),
			"move objects away once they were used, or take a queue")
	}
	state, _ := s.snapshot(w)
	seen, err := readSeen(state.Mark)
	if err != nil {
		return fmt.Errorf("mark of trigger %s: %w", w.ID, err)
	}
	slices.SortFunc(objects, func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
	var marks []uint64
	var fresh []Object
	for _, o := range objects {
		h := o.hash()
		marks = append(marks, h)
		if _, known := slices.BinarySearch(seen, h); !known {
			fresh = append(fresh, o)
		}
	}
	slices.Sort(marks)
	mark := writeSeen(marks)
	if len(fresh) == 0 || state.Mark == "" {
		return s.move(ctx, w, mark)
	}
	cause := w.cause(name(fresh), s.now())
	if cause.Detail = "new object " + fresh[0].Key; len(fresh) > 1 {
		cause.Detail += fmt.Sprintf(" and %d more", len(fresh)-1)
	}
	return s.fire(ctx, w, cause, mark)
}

// hash tells objects apart.
func (o Object) hash() uint64 {
	sum := sha256.Sum256([]byte(o.Key + "\x00" + o.Version))
	return binary.BigEndian.Uint64(sum[:])
}

// name names a set of objects.
func name(objects []Object) string {
	h := sha256.New()
	for _, o := range objects {
		fmt.Fprintf(h, "%s\x00%s\x00", o.Key, o.Version)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writeSeen writes sorted hashes as text, which is not empty.
func writeSeen(hashes []uint64) string {
	var raw []byte
	for _, h := range hashes {
		raw = binary.BigEndian.AppendUint64(raw, h)
	}
	return objectsMark + base64.StdEncoding.EncodeToString(raw)
}

func readSeen(mark string) ([]uint64, error) {
	if mark == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(mark, objectsMark))
	if err != nil || len(raw)%8 != 0 {
		return nil, fmt.Errorf("%d bytes that are no hashes: %w", len(mark), tidemark.ErrInvalid)
	}
	var hashes []uint64
	for ; len(raw) > 0; raw = raw[8:] {
		hashes = append(hashes, binary.BigEndian.Uint64(raw))
	}
	return hashes, nil
}
