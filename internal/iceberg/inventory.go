package iceberg

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// A liveFile is a file of a table's current snapshot.
type liveFile struct {
	iceberg.DataFile
	seq int64 // its data sequence number: a delete applies to the data files with a smaller one

	// applied is seq, or a later one up to which no delete was found to take a row away.
	applied int64
}

func (f liveFile) size() int64 { return f.FileSizeBytes() }

// An inventory is what a table holds at one moment, as a compaction sees it.
type inventory struct {
	table   *table.Table
	head    int64 // the sequence number of the snapshot
	data    []liveFile
	deletes []liveFile
}

// takeInventory reads the manifests of the current snapshot. What our readers refuse, such as another engine's position
// deletes, is refused here too. clean says of files, by path, up to which sequence number no delete applies.
func (l *Lake) takeInventory(ctx context.Context, tbl *table.Table, clean map[string]int64) (*inventory, error) {
	inv := &inventory{table: tbl}
	if head := tbl.CurrentSnapshot(); head != nil {
		inv.head = head.SequenceNumber
	}
	err := eachFile(ctx, tbl, func(e iceberg.ManifestEntry) error {
		if _, err := l.lakeFile(tbl, tbl.Schema(), e); err != nil {
			return err
		}
		f := liveFile{DataFile: e.DataFile(), seq: e.SequenceNum()}
		f.applied = max(f.seq, clean[f.FilePath()])
		if f.ContentType() == iceberg.EntryContentData {
			inv.data = append(inv.data, f)
		} else {
			inv.deletes = append(inv.deletes, f)
		}
		return nil
	})
	return inv, err
}

// A job is what one commit of a compaction does.
type job struct {
	data  []liveFile // are written anew, without the rows that are deleted
	merge []liveFile // deletes that become one file
	drop  []liveFile // deletes that apply to nothing any more
}

func (j job) empty() bool { return len(j.data)+len(j.merge)+len(j.drop) == 0 }

const (
	// smallTable is the size of a table, in bytes, up to which it is simply written anew: it takes a second.
	smallTable = 32 << 20

	// smallFiles is the size up to which files are put together whatever their number, in bytes. Larger ones are
	// only where those that are smaller together make up half of their size, so that a row is written a few times
	// in its life and not each time.
	smallFiles = 8 << 20

	// jobBytes bounds what is written before it is committed, in bytes of the files that are read.
	jobBytes = 1 << 30

	// manyDeletes: data is written anew once there is a delete for one in so many rows.
	manyDeletes = 10
)

// newest plans the compaction of what came last. Rows and deletes of the newest commits, from a sequence number on,
// become a data file per partition and one file of deletes, both with the sequence number of the head. That is right
// for every older row, since all deletes apply to it before and after, and for every newer delete. No file in
// between may be left out, or the deletes that are put together would reach it; so it goes by sequence number.
func (inv *inventory) newest() job {
	if len(inv.deletes) == 0 {
		return job{}
	}
	cut, runs := inv.cut()
	from := func(files []liveFile) (list []liveFile) {
		for _, f := range files {
			if f.seq >= cut {
				list = append(list, f)
			}
		}
		return list
	}
	if runs < 2 {
		return job{}
	}
	j := job{data: from(inv.data), merge: from(inv.deletes)}
	if len(j.data) == len(inv.data) { // nothing is left that the deletes could apply to
		j.data, j.merge, j.drop = inv.everything(), nil, inv.deletes
	}
	return j
}

// cut returns the sequence number from which on files are put together, and how many commits they are of.
func (inv *inventory) cut() (cut int64, commits int) {
	sizes := map[int64]int64{}
	var all int64
	for _, f := range slices.Concat(inv.data, inv.deletes) {
		sizes[f.seq] += f.size()
		all += f.size()
	}
	var sum int64
	for _, seq := range slices.Backward(slices.Sorted(maps.Keys(sizes))) {
		if all > smallTable && commits > 0 && sizes[seq] > max(2*sum, smallFiles) {
			break
		}
		cut, sum = seq, sum+sizes[seq]
		commits++
	}
	return cut, commits
}

// everything returns the data files that must be written anew so that no delete is needed any more, and the small ones.
func (inv *inventory) everything() (list []liveFile) {
	var last int64
	for _, d := range inv.deletes {
		last = max(last, d.seq)
	}
	for _, f := range inv.data {
		if f.applied < last || f.size() < smallFiles {
			list = append(list, f)
		}
	}
	return list
}

// worn plans the next part of writing old files anew where so many rows are deleted that readers feel it. One commit
// after the other takes a part of the table, and the last lets the deletes go.
func (inv *inventory) worn() job {
	var rows int64
	for _, f := range inv.data {
		rows += f.Count()
	}
	var list []liveFile
	for _, f := range inv.data {
		var deletes int64
		for _, d := range inv.deletes {
			if d.seq > f.applied {
				deletes += d.Count()
			}
		}
		if deletes > 0 && deletes*manyDeletes >= rows {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b liveFile) int {
		return cmp.Or(cmp.Compare(a.applied, b.applied), cmp.Compare(partitionKey(a), partitionKey(b)))
	})
	j := job{data: limit(list)}
	j.drop = inv.idle(j.data)
	return j
}

// limit returns as many files, from the first on, as one commit takes.
func limit(files []liveFile) []liveFile {
	var sum int64
	for i, f := range files {
		if sum += f.size(); sum >= jobBytes {
			return files[:i+1]
		}
	}
	return files
}

// idle returns the deletes that apply to nothing once the given files are written anew.
func (inv *inventory) idle(written []liveFile) (list []liveFile) {
	gone := pathsOf(written)
	oldest := inv.head
	for _, f := range inv.data {
		if !gone[f.FilePath()] {
			oldest = min(oldest, f.applied)
		}
	}
	for _, d := range inv.deletes {
		if d.seq <= oldest {
			list = append(list, d)
		}
	}
	return list
}

// small plans the compaction of small data files, partition by partition. Each job is a commit.
func (inv *inventory) small(target int64) (jobs []job) {
	groups := map[string][]liveFile{}
	for _, f := range inv.data {
		if f.size() < target/2 {
			groups[partitionKey(f)] = append(groups[partitionKey(f)], f)
		}
	}
	var j job
	var sum int64
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		files := groups[key]
		for _, f := range similar(files) {
			j.data, sum = append(j.data, f), sum+f.size()
		}
		if sum >= jobBytes {
			jobs, j, sum = append(jobs, j), job{}, 0
		}
	}
	if len(j.data) > 0 {
		jobs = append(jobs, j)
	}
	return jobs
}

// similar returns the files that are worth putting together, smallest first: runs of two or more of which none is much
// larger than the smaller ones together.
func similar(files []liveFile) (list []liveFile) {
	slices.SortStableFunc(files, func(a, b liveFile) int { return cmp.Compare(a.size(), b.size()) })
	first, sum := 0, int64(0)
	for i, f := range files {
		if i > first && f.size() > max(2*sum, smallFiles) {
			if i-first > 1 {
				list = append(list, files[first:i]...)
			}
			first, sum = i, 0
		}
		sum += f.size()
	}
	if len(files)-first > 1 {
		list = append(list, files[first:]...)
	}
	return list
}

// bins divides files into groups of one partition each that make a file of about the wanted size.
func bins(files []liveFile, target int64) (list [][]liveFile) {
	groups := map[string][]liveFile{}
	for _, f := range files {
		groups[partitionKey(f)] = append(groups[partitionKey(f)], f)
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		var bin []liveFile
		var sum int64
		for _, f := range groups[key] {
			if len(bin) > 0 && sum+f.size() > target {
				list, bin, sum = append(list, bin), nil, 0
			}
			bin, sum = append(bin, f), sum+f.size()
		}
		list = append(list, bin)
	}
	return list
}

// partitionKey is the same for files of one partition and for no others.
func partitionKey(f liveFile) string {
	values := f.Partition()
	key := fmt.Sprint(f.SpecID())
	for _, id := range slices.Sorted(maps.Keys(values)) {
		key += fmt.Sprintf("\x00%d=%T:%v", id, values[id], values[id])
	}
	return key
}

func pathsOf(files []liveFile) map[string]bool {
	paths := make(map[string]bool, len(files))
	for _, f := range files {
		paths[f.FilePath()] = true
	}
	return paths
}
