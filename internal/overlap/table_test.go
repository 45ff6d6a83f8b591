package overlap

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTable compares the table with a map from digest to count.
func TestTable(t *testing.T) {
	for _, rows := range []int{1, 2, 127, 128, 129, 1000, 20_000} {
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
				if size == tiny && rows == 20_000 && values > 5 && tab.file == nil {
					t.Error("all blocks are in memory: the test shows nothing")
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
	b, err := newTable(t.TempDir(), int64(len(all)), size)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if err := b.add(d); err != nil {
			t.Fatal(err)
		}
	}
	tab, err := b.done()
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
	if diff := cmp.Diff(want, got); diff != "" || int(n) != len(want) {
		t.Errorf("%d rows: took %d, want %d: %s", len(all), n, len(want), diff)
	}
}

func TestEmptyTable(t *testing.T) {
	if tab := buildTable(t, nil, defaultSizes); tab != nil {
		t.Errorf("table = %v, want nil", tab)
	}
}
