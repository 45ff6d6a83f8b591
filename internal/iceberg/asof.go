package iceberg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Historian = (*Lake)(nil)

// SnapshotAsOf implements tidemark.Historian, with the columns that the table had then. Snapshots that main has left
// behind, by a rewind, can be named; of a moment it tells what main was.
func (l *Lake) SnapshotAsOf(ctx context.Context, id tidemark.TableID, v tidemark.Version) (*tidemark.Snapshot, error) {
	tbl, err := l.load(ctx, id)
	if err != nil {
		return nil, err
	}
	var of *table.Snapshot
	if v.Name == "" {
		of, err = at(tbl, v.At)
	} else {
		of, err = versionNamed(tbl, v.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", id, err)
	}
	return l.snapshot(ctx, tbl, of, schemaOf(tbl, of))
}

// schemaOf returns the columns that a table had in a snapshot.
func schemaOf(tbl *table.Table, s *table.Snapshot) *iceberg.Schema {
	if s.SchemaID != nil {
		for _, schema := range tbl.Metadata().Schemas() {
			if schema.ID == *s.SchemaID {
				return schema
			}
		}
	}
	return tbl.Schema()
}

// at returns what main was at a moment, by the log of the table.
func at(tbl *table.Table, moment time.Time) (*table.Snapshot, error) {
	var found *table.Snapshot
	for entry := range tbl.Metadata().SnapshotLogs() {
		if entry.TimestampMs > moment.UnixMilli() {
			break
		}
		found = tbl.SnapshotByID(entry.SnapshotID)
	}
	if found == nil {
		return nil, tidemark.WithHint(fmt.Errorf("there is no snapshot as old as %s: %w", tidemark.Version{At: moment}, tidemark.ErrInvalid), whatThereIs(tbl))
	}
	return found, nil
}

// versionNamed returns the snapshot that a version names. Numbers of commits are small, and ids of snapshots are not, so that
// a number can be either.
func versionNamed(tbl *table.Table, name string) (*table.Snapshot, error) {
	n, err := strconv.ParseInt(name, 10, 64)
	if err == nil {
		if s := tbl.SnapshotByID(n); s != nil {
			return s, nil
		}
	}
	s, pipelines := commitNamed(tbl, name)
	if len(pipelines) > 1 {
		return nil, tidemark.WithHint(fmt.Errorf("pipelines %s have a commit %s each: %w", strings.Join(pipelines, " and "), name, tidemark.ErrInvalid),
			fmt.Sprintf("say whose: FOR VERSION AS OF '%s:%s'", pipelines[0], name))
	}
	if s != nil {
		return s, nil
	}
	for ref, to := range tbl.Metadata().Refs() {
		if ref == name {
			return tbl.SnapshotByID(to.SnapshotID), nil
		}
	}
	return nil, tidemark.WithHint(fmt.Errorf("there is no version %s (any more): %w", name, tidemark.ErrInvalid), whatThereIs(tbl))
}

// commitNamed returns the snapshot of a commit, named by its number or as PIPELINE:NUMBER, and all pipelines that have
// made one of that name. Of two with the same number, as after a rollback by another program, main's is meant.
func commitNamed(tbl *table.Table, name string) (found *table.Snapshot, pipelines []string) {
	line, _ := lineOf(tbl, tbl.CurrentSnapshot())
	all := slices.Concat(tbl.Metadata().Snapshots(), reversed(line))
	for i, s := range all {
		p, seq, ok := commitBehind(s)
		if !ok || name != seq && name != p+":"+seq {
			continue
		}
		found = &all[i]
		if !slices.Contains(pipelines, p) {
			pipelines = append(pipelines, p)
		}
	}
	return found, pipelines
}

func reversed(line []table.Snapshot) []table.Snapshot {
	line = slices.Clone(line)
	slices.Reverse(line)
	return line
}

// commitBehind returns whose commit made a snapshot, and its number.
func commitBehind(s table.Snapshot) (pipeline, seq string, ok bool) {
	if s.Summary == nil {
		return "", "", false
	}
	pipeline, seq = s.Summary.Properties[summaryPipeline], s.Summary.Properties[summarySeq]
	return pipeline, seq, pipeline != "" && seq != ""
}

// whatThereIs lists the versions that a table has, as many as one reads.
func whatThereIs(tbl *table.Table) string {
	const most = 12
	all := slices.Clone(tbl.Metadata().Snapshots())
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	if len(all) == 0 {
		return "the table has no snapshots yet"
	}
	var names []string
	for _, s := range all[max(0, len(all)-most):] {
		name := "snapshot " + strconv.FormatInt(s.SnapshotID, 10)
		if p, seq, ok := commitBehind(s); ok {
			name = "commit " + seq
			if len(pipelinesOf(tbl)) > 1 {
				name = "commit " + p + ":" + seq
			}
		}
		names = append(names, fmt.Sprintf("%s of %s", name, moment(s)))
	}
	text := "there is "
	if more := len(all) - most; more > 0 {
		text = fmt.Sprintf("the oldest of %d is of %s, the newest are ", len(all), moment(all[0]))
	}
	return text + strings.Join(names, ", ")
}

func moment(s table.Snapshot) string {
	return time.UnixMilli(s.TimestampMs).UTC().Format("2006-01-02 15:04:05.000")
}
