package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Adopt makes the watermark that the table holds under the name old the pipeline's own, so that its next run goes on
// from there: after the pipeline was renamed, or, when old is its own name, after its server, table, cursor, mode or
// key has changed although the rows are the same. No row is loaded or changed. An old of "" lets a pipeline begin from
// nothing in a table that others fill.
//
// It is a commit like any other, fenced by the same compare-and-swap: ErrConflict when a run commits meanwhile. Who did
// it is kept in the audit trail.
func Adopt(ctx context.Context, p tidemark.Pipeline, parts Parts, old tidemark.PipelineID, oldSide tidemark.SideFiles, by By) (tidemark.Watermark, error) {
	if err := parts.Target.Recover(ctx); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	schema, err := parts.Source.Schema(ctx)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	lands, err := parts.land(ctx, p, schema, tidemark.Window{})
	if err != nil {
		return tidemark.Watermark{}, err
	}
	defer lands.close(parts, p)
	base, w, err := adoptable(ctx, p, parts.Target, old)
	if err != nil {
		return tidemark.Watermark{}, err
	}
	if err := adoptableAs(w, p, old); err != nil {
		return tidemark.Watermark{}, err
	}
	if err := identify(&w, lands.Schema(), p); err != nil {
		return tidemark.Watermark{}, err
	}
	if err := adoptRejected(ctx, p, parts, old, &w); err != nil {
		return tidemark.Watermark{}, err
	}
	e := tidemark.Event{Action: tidemark.ActionAdopt, From: tidemark.PositionOf(base), To: tidemark.PositionOf(w)}
	w = stamp(w, p.ID, base.Seq+1)
	if err := parts.Target.Prepare(ctx, lands.Schema()); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("prepare table %s: %w", p.Target, err)
	}
	if old != "" && old != p.ID && w.Overlap.Name != "" {
		if err := copySide(ctx, w.Overlap, oldSide, parts.Side); err != nil {
			return tidemark.Watermark{}, err
		}
	}
	if err := act(ctx, parts, e, tidemark.Commit{Base: base, Watermark: w, KeepRows: true}, by); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("adopt: %w", err)
	}
	return w, nil
}

// adoptable returns the pipeline's own watermark in the table, if it has one, and the one that it shall go on from.
func adoptable(ctx context.Context, p tidemark.Pipeline, target tidemark.Target, old tidemark.PipelineID) (base, from tidemark.Watermark, err error) {
	shared, ok := target.(tidemark.SharedTarget)
	if !ok {
		return base, from, fmt.Errorf("table %s cannot tell who fills it: %w", p.Target, tidemark.ErrInvalid)
	}
	all, err := shared.Watermarks(ctx)
	if err != nil {
		return base, from, err
	}
	var names []string
	found := old == ""
	for _, w := range all {
		names = append(names, string(w.Pipeline))
		if w.Pipeline == p.ID {
			base = w
		}
		if w.Pipeline == old {
			from, found = w, true
		}
	}
	switch {
	case base.Seq > 0 && old != p.ID:
		return base, from, tidemark.WithHint(
			fmt.Errorf("pipeline %s has a watermark in table %s already, of commit %d: %w", p.ID, p.Target, base.Seq, tidemark.ErrInvalid),
			fmt.Sprintf("to go on from it, adopt %s itself", p.ID))
	case !found:
		return base, from, tidemark.WithHint(
			fmt.Errorf("pipeline %q has no watermark in table %s: %w", old, p.Target, tidemark.ErrNotFound),
			fmt.Sprintf("the table holds those of: %v", names))
	}
	return base, from, nil
}

// adoptableAs refuses what would lose or double rows in the next run: a replacing pipeline takes away what others have
// loaded, and one that replaced its table does not know which cursor values it has loaded.
func adoptableAs(from tidemark.Watermark, p tidemark.Pipeline, old tidemark.PipelineID) error {
	replaces, replaced := p.Mode == tidemark.ModeReplace, from.Mode == tidemark.ModeReplace
	if (old == "" && replaces) || (old != "" && replaced && !replaces) {
		return tidemark.WithHint(
			fmt.Errorf("pipeline %s, mode %s, cannot go on in table %s: %w", p.ID, p.Mode, p.Target, tidemark.ErrInvalid),
			"choose another target table")
	}
	return nil
}

// identify writes into a watermark what it is taken from now. What it says about the cursor stays, and so does the rule
// that values of two kinds cannot be compared.
func identify(w *tidemark.Watermark, s *tidemark.Schema, p tidemark.Pipeline) error {
	if w.Origin.Server != s.Origin.Server {
		w.Settlements = nil // another server's connections and transactions
		w.T0 = time.Time{}
	}
	w.Origin, w.Mode, w.Key, w.Cursor = s.Origin, p.Mode, mergeKey(p, s), ""
	if s.Cursor == nil || p.Mode == tidemark.ModeReplace {
		return nil
	}
	w.Cursor = s.Cursor.Column
	if !w.High.IsZero() && w.High.Kind() != s.Cursor.Kind {
		return fmt.Errorf("the watermark's cursor is of kind %s, and %s of kind %s: %w",
			w.High.Kind(), s.Cursor.Column, s.Cursor.Kind, tidemark.ErrInvalid)
	}
	return nil
}

// copySide copies a side file to another pipeline's. One that is there already is the same: its name has the run in it.
func copySide(ctx context.Context, o tidemark.Overlap, from, to tidemark.SideFiles) error {
	if there, err := to.Get(ctx, o.Name); err == nil {
		return there.Close()
	} else if !errors.Is(err, tidemark.ErrNotFound) {
		return err
	}
	r, err := from.Get(ctx, o.Name)
	if err != nil {
		return fmt.Errorf("copy side file %s: %w", o.Name, err)
	}
	defer r.Close()
	if err := to.Put(ctx, o.Name, io.LimitReader(r, o.Bytes), o.Bytes); err != nil {
		return fmt.Errorf("copy side file %s: %w", o.Name, err)
	}
	return nil
}

// loadedBefore stops the first run of a pipeline that would load again what another one has loaded into the table from
// the same source: most likely it is that one, renamed.
func loadedBefore(ctx context.Context, p tidemark.Pipeline, target tidemark.Target, s *tidemark.Schema) error {
	shared, ok := target.(tidemark.SharedTarget)
	if !ok {
		return nil
	}
	all, err := shared.Watermarks(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Pipeline != p.ID && w.Origin == s.Origin && w.Total > 0 {
			return tidemark.WithHint(
				fmt.Errorf("pipeline %s has loaded %s into table %s already, up to commit %d: %w", w.Pipeline, s.Origin.Table, p.Target, w.Seq, tidemark.ErrInvalid),
				fmt.Sprintf("if %[1]s is its new name: `tidemark watermark adopt %[1]s %[2]s`; if both shall fill the table: `tidemark watermark adopt --none %[1]s`", p.ID, w.Pipeline))
		}
	}
	return nil
}

// adoptRejected leaves what is to be done about rejected rows to the old name, in which they are kept: it must be done.
func adoptRejected(ctx context.Context, p tidemark.Pipeline, parts Parts, old tidemark.PipelineID, w *tidemark.Watermark) error {
	todo := w.Rejected
	if old == "" || old == p.ID || todo.Run == "" {
		return nil
	}
	w.Rejected = tidemark.Rejected{}
	shared, ok := parts.Rejected.(tidemark.SharedTarget)
	if !ok {
		return nil
	}
	all, err := shared.Watermarks(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Pipeline == old+tidemark.RejectedSuffix && r.Rejected.Run == todo.Run {
			return nil
		}
	}
	return tidemark.WithHint(fmt.Errorf("rejected rows of pipeline %s are not in table %s yet: %w", old, p.Rejects().Target, tidemark.ErrInvalid),
		fmt.Sprintf("run it once more under its old name, %s", old))
}
