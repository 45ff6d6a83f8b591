package overlap

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"
)

func randomDigest(r *rand.Rand, values uint64) digest {
	d := digest{ordinal{uint8(r.IntN(4)), r.Uint64N(values)}, xxh3.Uint128{Hi: r.Uint64N(3), Lo: r.Uint64N(values)}}
	if d.class == classNull {
		d.n = 0
	}
	return d
}

// TestSorter compares the sorter with a sort in memory, for all ways in which entries can reach the result.
func TestSorter(t *testing.T) {
	const width = 2
	for _, rows := range []int{0, 1, 10, 11, 500, 5000} {
		for _, size := range []sizes{defaultSizes, tiny} {
			r := rand.New(rand.NewPCG(uint64(rows), 1))
			s := newSorter(t.TempDir(), width, size)
			var floor ordinal
			var all []record
			for i := range rows {
				if i == rows/2 {
					floor = ordinal{classPlain, 200}
				}
				d := randomDigest(r, 1000)
				e := record{d, [width]uint64{d.n + 1, d.hash.Lo + 2}}
				all = append(all, e)
				if err := s.add(d, e.Columns[:], floor); err != nil {
					t.Fatal(err)
				}
			}
			for _, settled := range []ordinal{floor, {classPlain, 500}, {classWide, 999}} { // only upwards
				checkSorted(t, s, all, settled)
			}
			if size == tiny && rows == 5000 && s.file == nil {
				t.Error("nothing was spilled: the test shows nothing")
			}
			if len(s.runs) > tiny.runs+1 {
				t.Errorf("%d runs, want at most %d", len(s.runs), tiny.runs)
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		}
	}
}

type record struct {
	digest
	Columns [2]uint64
}

func checkSorted(t *testing.T, s *sorter, all []record, floor ordinal) {
	t.Helper()
	var want, got [][]byte
	var nulls int64
	for _, e := range all {
		if e.class == classNull {
			nulls++
		}
		if e.class == classNull || !e.less(floor) {
			want = append(want, appendRecord(nil, e.digest, e.Columns[:]))
		}
	}
	slices.SortFunc(want, func(a, b []byte) int { return cmp.Compare(string(a), string(b)) })
	rows, gotNulls, err := s.count(floor)
	if err != nil {
		t.Fatal(err)
	}
	if gotNulls != nulls || rows+nulls != int64(len(want)) {
		t.Errorf("count = %d, %d, want %d, %d", rows, gotNulls, int64(len(want))-nulls, nulls)
	}
	err = s.merge(floor, func(r []byte) error {
		got = append(got, slices.Clone(r))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%d entries from %v on: %s", len(all), floor, diff)
	}
}

// TestSorterGivesColumnsUp: far above the limit the column hashes are not worth their place on disk.
func TestSorterGivesColumnsUp(t *testing.T) {
	size := tiny
	size.columns = 100
	s := newSorter(t.TempDir(), 2, size)
	defer s.close()
	r := rand.New(rand.NewPCG(1, 1))
	var want [][]byte
	for range 1000 {
		d := randomDigest(r, 1000)
		if err := s.add(d, []uint64{1, 2}, ordinal{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, appendRecord(nil, d, nil))
	}
	if s.width != 0 || s.outWidth(10) != 0 {
		t.Errorf("width = %d, want none", s.width)
	}
	slices.SortFunc(want, func(a, b []byte) int { return cmp.Compare(string(a), string(b)) })
	var got [][]byte
	if err := s.merge(ordinal{}, func(r []byte) error { got = append(got, slices.Clone(r[:keyBytes])); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSorterPrunesFirst: while the threshold rises, however random the order, nothing touches the disk.
func TestSorterPrunesFirst(t *testing.T) {
	s := newSorter(t.TempDir(), 0, tiny)
	r := rand.New(rand.NewPCG(1, 1))
	var top uint64
	for range 100_000 {
		n := r.Uint64N(1 << 40)
		top = max(top, n)
		if err := s.add(digest{ordinal: ordinal{classPlain, n}}, nil, ordinal{classPlain, top}); err != nil {
			t.Fatal(err)
		}
	}
	if s.file != nil {
		t.Error("a temporary file was made")
	}
}

// TestTempFilesHaveNoName: a killed process leaves nothing in the folder.
func TestTempFilesHaveNoName(t *testing.T) {
	dir := t.TempDir()
	f, err := tempFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("ReadDir = %v, %v, want nothing", entries, err)
	}
	if _, err := tempFile(dir + "/missing"); err == nil {
		t.Error("a file was made in a folder that is not there")
	}
}
