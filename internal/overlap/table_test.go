package overlap

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTable compares the table with a map from digest to count.
func TestTable(t *testing.T) {
	for _, rows := range []int{1, 2, 127, 128, 129, 1000, 40_000} {
		for _, values := range []uint64{1, 5, 1 << 40} {
			for _, size := range []sizes{defaultSizes, tiny} {
				r := rand.New(rand.NewPCG(uint64(rows), values))
				var all []digest
				counts := map[digest]int{}
				for range rows {
					d := randomDigest(r, values)
					all = append(all, d)
					counts[d]++
				}
				slices.SortFunc(all, digest.compare)
				tab := buildTable(t, all, size)
				if size == tiny && rows == 40_000 && (tab.records.resident() || tab.taken.to == nil) {
					t.Error("all pages are in memory: the test shows nothing")
				}
				checkTable(t, r, tab, all, counts, values)
				if err := tab.close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func buildTable(t testing.TB, all []digest, size sizes) *table {
	t.Helper()
	var records []byte
	for _, d := range all {
		records = appendRecord(records, d, []uint64{1, 2})
	}
	r := inMemory{bytes.NewReader(records)}
	tab, err := newTable(r, r, int64(len(all)), 2, t.TempDir(), size)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func checkTable(t *testing.T, r *rand.Rand, tab *table, all []digest, counts map[digest]int, values uint64) {
	t.Helper()
	var ask []digest
	for range 2 * len(all) {
		if r.IntN(3) == 0 {
			ask = append(ask, randomDigest(r, values))
		} else {
			ask = append(ask, all[r.IntN(len(all))])
		}
	}
	var want, got []int
	for i, d := range ask {
		if counts[d] > 0 {
			counts[d]--
			want = append(want, i)
		}
	}
	n, err := tab.take(ask, func(i int) { got = append(got, i) })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || int(n) != len(want) {
		t.Errorf("%d rows: took %d, want %d: %s", len(all), n, len(want), diff)
	}
}

// TestTableOfEqualRows: the copies are counted, also when their number is large.
func TestTableOfEqualRows(t *testing.T) {
	d := digest{ordinal: ordinal{classPlain, 7}}
	for _, rows := range []int{1, 2, 3, 1000, 40_000} {
		tab := buildTable(t, slices.Repeat([]digest{d}, rows), tiny)
		n, err := tab.take(slices.Repeat([]digest{d}, rows+5), func(int) {})
		if err != nil || n != int64(rows) {
			t.Errorf("took %d of %d equal rows: %v", n, rows, err)
		}
		for _, other := range []uint64{6, 8} {
			if n, err := tab.take([]digest{{ordinal: ordinal{classPlain, other}}}, func(int) {}); n != 0 || err != nil {
				t.Errorf("took a row that is not there: %v", err)
			}
		}
	}
}
