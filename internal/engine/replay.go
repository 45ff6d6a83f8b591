package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// A Choice says which rejected rows of a pipeline are replayed; the zero value is all.
type Choice struct {
	Check string         // only those that this check has set aside
	Run   tidemark.RunID // only those of this run
}

// A Replay sends rejected rows once more through the transforms and checks of their pipeline. Those that pass now go into its
// table, in one commit that leaves high, settled and the overlap where they are, and leave the table of rejected rows behind
// it; the others stay. The caller closes it.
//
// It is right because a rejected row counts as handled: the overlap knows it, or it lies below settled, so that no run reads
// it again. Where rows are appended, what was set aside is loaded. In a merge an older version must not take the place of a
// newer one: there the row is read from the source again, by its key, and what was set aside only says which.
type Replay struct {
	Now tidemark.Watermark // what the pipeline has loaded

	Rows   int64            // rejected rows that were looked at
	Passed int64            // of these: those that pass now
	Gone   int64            // of a merge: those that the source does not have any more; they leave as well
	Failed map[string]int64 // those that stay, by the check that they fail first

	p      tidemark.Pipeline
	parts  Parts
	choice Choice
	key    []string // of a merge, by the source's names
	m      *Mending
	trial  *landing
	taken  taken
	loaded map[string]bool // keys, of a merge
}

// PlanReplay finds out which rows pass. Key is the pipeline's by the names of its source. It changes nothing, but completes
// what the newest commit has left.
func PlanReplay(ctx context.Context, p tidemark.Pipeline, parts Parts, key []string, choice Choice) (*Replay, error) {
	m, err := BeginMending(ctx, p, parts)
	if err != nil {
		return nil, err
	}
	r := &Replay{Now: m.Base, p: p, parts: parts, choice: choice, m: m}
	if p.Mode == tidemark.ModeMerge {
		if r.key = key; len(key) == 0 {
			r.key = m.Schema.Key
		}
	}
	if err = parts.complete(ctx, p, m.Base); err == nil {
		r.trial, err = parts.land(ctx, p, m.Schema, tidemark.Window{})
	}
	if err == nil {
		err = r.pass(ctx, false)
	}
	if err != nil {
		r.Close(ctx)
		return nil, err
	}
	return r, nil
}

// Nothing reports whether no row would move.
func (r *Replay) Nothing() bool { return r.Passed+r.Gone == 0 }

// Close ends what is under way and removes files that were not committed.
func (r *Replay) Close(ctx context.Context) {
	r.m.Close(ctx)
	if r.trial != nil {
		r.trial.close(r.parts, r.p)
	}
}

// Commit loads the rows: ErrConflict when a run has committed since the plan was made; then nothing has changed. It is called
// once.
func (r *Replay) Commit(ctx context.Context, by By) (tidemark.Watermark, error) {
	if r.Nothing() {
		return r.Now, nil
	}
	if err := r.pass(ctx, true); err != nil {
		return r.Now, err
	}
	if err := r.m.Finish(ctx, nil, false); err != nil {
		return r.Now, err
	}
	w := r.m.watermark()
	var err error
	if w.Rejected, err = r.taken.store(ctx, r.parts.Side, fmt.Sprintf("%020d-%s-1.rejected", w.Seq, w.Run), w.Run); err != nil {
		return r.Now, err
	}
	if err := failpoint.Hit("engine.replay.side"); err != nil {
		return r.Now, err
	}
	e := tidemark.Event{
		Action: tidemark.ActionReplay, From: tidemark.PositionOf(r.Now), To: tidemark.PositionOf(w),
		What: fmt.Sprintf("%d rejected rows loaded, %d that the source does not have any more", r.Passed, r.Gone),
	}
	err = act(ctx, r.parts, e, r.m.commit(w), by)
	r.m.settleFiles(err)
	if err != nil {
		return r.Now, fmt.Errorf("replay pipeline %s: %w", r.p.ID, err)
	}
	r.parts.Log.Info("replayed", "pipeline", r.p.ID, "run", w.Run, "commit", w.Seq, "rows", r.Passed)
	return w, r.parts.complete(ctx, r.p, w)
}

// pass looks at all rejected rows, and loads those that pass where load is set.
func (r *Replay) pass(ctx context.Context, load bool) error {
	r.Rows, r.Passed, r.Gone, r.Failed, r.taken, r.loaded = 0, 0, 0, map[string]int64{}, taken{}, map[string]bool{}
	table, err := r.parts.RejectedRows(ctx)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer table.Close()
	var columns []string
	for _, f := range table.Schema().Fields() {
		columns = append(columns, f.Name)
	}
	for b, err := range table.Rows(ctx, columns) {
		if err != nil {
			return err
		}
		err := r.look(ctx, b.RecordBatch, load)
		b.Release()
		if err != nil {
			return fmt.Errorf("replay rows of table %s: %w", r.p.Rejects().Target, err)
		}
	}
	return nil
}

// look looks at some rejected rows.
func (r *Replay) look(ctx context.Context, b arrow.RecordBatch, load bool) error {
	chosen, err := r.chosen(ctx, b)
	if err != nil {
		return err
	}
	defer chosen.Release()
	if chosen.NumRows() == 0 {
		return nil
	}
	ids, _ := textColumn(chosen, rejectedPrefix+"id")
	r.Rows += chosen.NumRows()
	rows, err := asSource(ctx, chosen, r.m.Schema)
	if err != nil {
		return err
	}
	defer rows.Release()
	if r.p.Mode == tidemark.ModeMerge {
		return r.again(ctx, rows, ids, load)
	}
	good, err := r.judge(ctx, rows, func(row int, check string) {
		if check != "" {
			r.Failed[check]++
		}
	})
	if err != nil {
		return err
	}
	for row, passes := range good {
		if passes {
			r.Passed++
			if err := r.taken.add(ids.Value(row)); err != nil {
				return err
			}
		}
	}
	return r.load(ctx, rows, good, load)
}

// load hands on the good ones of some rows of the source.
func (r *Replay) load(ctx context.Context, rows arrow.RecordBatch, good []bool, load bool) error {
	if !load {
		return nil
	}
	picked, err := pick(ctx, rows, good)
	if err != nil {
		return err
	}
	if picked.NumRows() == 0 {
		picked.Release()
		return nil
	}
	return r.m.Load(ctx, picked)
}

// chosen returns the rows that are replayed.
func (r *Replay) chosen(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	wanted := make([]bool, b.NumRows())
	for i := range wanted {
		wanted[i] = true
	}
	for name, value := range map[string]string{"pipeline": string(r.p.ID), "check": r.choice.Check, "run": string(r.choice.Run)} {
		texts, err := textColumn(b, rejectedPrefix+name)
		if err != nil {
			return nil, err
		}
		for i := range wanted {
			wanted[i] = wanted[i] && (value == "" || texts.Value(i) == value)
		}
	}
	return pick(ctx, b, wanted)
}

func textColumn(b arrow.RecordBatch, name string) (*array.String, error) {
	if at := b.Schema().FieldIndices(name); len(at) == 1 {
		if texts, ok := b.Column(at[0]).(*array.String); ok {
			return texts, nil
		}
	}
	return nil, fmt.Errorf("there is no column %s of texts: %w", name, tidemark.ErrInvalid)
}

// judge says which rows of the source pass, and of each which check it fails first; "" for none.
func (r *Replay) judge(ctx context.Context, rows arrow.RecordBatch, each func(row int, check string)) (good []bool, err error) {
	failed := make([]string, rows.NumRows())
	good = make([]bool, rows.NumRows())
	first := 0
	var marked marks
	for b, err := range r.trial.changed(ctx, one(rows), &marked) {
		if err != nil {
			return nil, err
		}
		var rejects []tidemark.Reject
		if r.trial.checks != nil {
			rejects, err = r.trial.checks.Sift(b)
		}
		n := int(b.NumRows())
		rejects = append(rejects, marked.next(b.NumRows())...)
		b.Release()
		if err != nil {
			return nil, err
		}
		if first+n > len(failed) {
			return nil, errMisaligned
		}
		for _, reject := range rejects {
			failed[first+reject.Row] = reject.Check
		}
		first += n
	}
	if first != len(failed) {
		return nil, errMisaligned
	}
	for row, check := range failed {
		good[row] = check == ""
		each(row, check)
	}
	return good, nil
}

// one yields a batch.
func one(b arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		b.Retain()
		yield(b, nil)
	}
}

// again reads the rows with the keys of rejected ones from the source, and looks at those.
func (r *Replay) again(ctx context.Context, rejected arrow.RecordBatch, ids *array.String, load bool) error {
	source, ok := r.parts.Source.(tidemark.Comparer)
	if !ok {
		return fmt.Errorf("the source of pipeline %s cannot be asked by key: %w", r.p.ID, tidemark.ErrInvalid)
	}
	keys, err := inOrder(rejected, r.key)
	if err != nil {
		return err
	}
	defer keys.Release()
	now := map[string]string{} // by key: the check that the row fails now, "" for none
	for rows, err := range source.Fetch(ctx, tidemark.Comparison{Key: r.key}, keys) {
		if err != nil {
			return err
		}
		err := r.fetched(ctx, rows, now, load)
		rows.Release()
		if err != nil {
			return err
		}
	}
	for row := range ids.Len() {
		check, there := now[keyText(keys, row)]
		switch {
		case !there:
			r.Gone++
		case check == "":
			r.Passed++
		default:
			r.Failed[check]++
			continue
		}
		if err := r.taken.add(ids.Value(row)); err != nil {
			return err
		}
	}
	return nil
}

// fetched judges rows as the source has them now. A key is loaded once.
func (r *Replay) fetched(ctx context.Context, rows arrow.RecordBatch, now map[string]string, load bool) error {
	keys, err := inOrder(rows, r.key)
	if err != nil {
		return err
	}
	defer keys.Release()
	good, err := r.judge(ctx, rows, func(row int, check string) { now[keyText(keys, row)] = check })
	if err != nil {
		return err
	}
	for row, passes := range good {
		key := keyText(keys, row)
		good[row] = passes && !r.loaded[key]
		r.loaded[key] = r.loaded[key] || passes
	}
	return r.load(ctx, rows, good, load)
}

func keyText(keys arrow.RecordBatch, row int) string {
	var b strings.Builder
	for _, c := range keys.Columns() {
		text := c.ValueStr(row)
		fmt.Fprintf(&b, "%d:%s", len(text), text)
	}
	return b.String()
}
