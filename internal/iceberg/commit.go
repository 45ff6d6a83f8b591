package iceberg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// The writes of a commit, in order, and what a crash behind each means:
//
//	data and delete files     nobody names them; the next run writes its own
//	iceberg.commit.before
//	manifests, manifest list  the same
//	iceberg.commit.staged
//	the swap (folder.go, pointers.go) the commit is whole: rows and watermark are there
//	iceberg.commit.swapped
//	the version hint          only a hint
//	iceberg.commit.after
//
// These names, iceberg.folder.hint and iceberg.pointer.swap are failpoints.

const (
	// maxSends bounds how often one version is sent to a head that does not move: the store is ill.
	maxSends = 5

	// maxHeads bounds how often a commit makes way for others: somebody commits without a pause.
	maxHeads = 100

	// judgeTimeout bounds how long the outcome of a swap is looked for, also when the run was cancelled meanwhile.
	judgeTimeout = 30 * time.Second
)

// Commit publishes c. It never believes an error about the outcome: after each it loads the table and looks for the
// run that it committed. See tidemark.Target for the errors.
func (t *Target) Commit(ctx context.Context, c tidemark.Commit) error {
	files, err := ownFiles(c.Files)
	if err != nil {
		return err
	}
	if err := failpoint.Hit("iceberg.commit.before"); err != nil {
		return err
	}
	p := publication{t: t, c: c, files: files}
	// Not the table that Prepare saw: if it was dropped and made again, its versions have the same numbers again.
	base, err := t.lake.load(ctx, t.p.Target)
	if err != nil {
		return err // nothing was sent yet
	}
	if err := p.run(ctx, base); err != nil {
		return err
	}
	if err := failpoint.Hit("iceberg.commit.after"); err != nil {
		return fmt.Errorf("%w: %w", tidemark.ErrFatal, err)
	}
	return nil
}

// A publication is one call of Commit.
type publication struct {
	t     *Target
	c     tidemark.Commit
	files []*dataFile

	open bool // a swap was sent whose outcome is not known: it may still take effect
}

// mode is what the commit does with the rows that are there.
func (p *publication) mode() tidemark.Mode {
	if p.c.KeepRows {
		return tidemark.ModeAppend // of nothing
	}
	return p.t.p.Mode
}

// run sends the commit until it is there, or certain never to be.
func (p *publication) run(ctx context.Context, base *table.Table) error {
	for i := range maxHeads {
		switch v, err := p.judge(base); {
		case err != nil:
			return p.unknown(err)
		case v == published:
			return nil
		case v == overtaken:
			p.t.Discard(context.WithoutCancel(ctx), p.c.Files)
			return fmt.Errorf("the watermark of pipeline %s was moved from commit %d by another run: %w", p.t.p.ID, p.c.Base.Seq, tidemark.ErrConflict)
		}
		if i > 0 { // somebody was faster: the same files go on top of what he has made
			if err := pause(ctx); err != nil {
				return err
			}
		}
		moved, err := p.send(ctx, base)
		if err != nil || moved == nil {
			return err
		}
		base = moved
	}
	return fmt.Errorf("commit to table %s: others have committed %d times meanwhile: %w", p.t.p.Target, maxHeads, tidemark.ErrTransient)
}

// send stages the commit on base and swaps. It returns nil when the commit is published, and the table when somebody
// else has changed it.
func (p *publication) send(ctx context.Context, base *table.Table) (moved *table.Table, err error) {
	if err := p.checkBlind(ctx, base); err != nil {
		return nil, err
	}
	if moved, err := p.pin(ctx, base); moved != nil || err != nil {
		return moved, err
	}
	staged, err := p.stage(ctx, base)
	if err != nil {
		if errors.Is(err, tidemark.ErrConflict) { // what it replaces is gone
			p.t.Discard(context.WithoutCancel(ctx), p.c.Files)
		}
		return nil, fmt.Errorf("stage commit %d: %w", p.c.Watermark.Seq, kindOf(err))
	}
	if pinned(base) != 0 {
		staged.Updates = append(staged.Updates, table.NewRemoveSnapshotRefUpdate(pinTag))
	}
	v, err := p.t.lake.tables.next(base, staged.Requirements, staged.Updates)
	if err != nil {
		return nil, err
	}
	if err := failpoint.Hit("iceberg.commit.staged"); err != nil {
		return nil, err
	}
	for range maxSends {
		// From here on a crash leaves either nothing or all of the commit.
		if err = p.swap(ctx, v); err == nil {
			return nil, nil
		}
		p.t.log.Debug("a swap was answered with an error", "commit", p.c.Watermark.Seq, "err", err)
		p.open = p.open || !forGood(err)
		now, lerr := p.reload(ctx)
		if lerr != nil {
			return nil, p.unknown(errors.Join(err, lerr))
		}
		if now.MetadataLocation() != v.old {
			p.open = p.open && !p.t.lake.tables.overtaken(v, now) // by us or by another
			return now, nil
		}
		if forGood(err) {
			return nil, p.unknown(err)
		}
		// Nobody has moved the table. The same version is sent again: at most one of the two can win.
		if perr := pause(ctx); perr != nil {
			return nil, p.unknown(errors.Join(err, perr))
		}
	}
	return nil, p.unknown(err)
}

// stage builds the snapshot of the commit on base.
func (p *publication) stage(ctx context.Context, base *table.Table) (table.TableCommit, error) {
	if back := p.c.Rewind; back != nil {
		return stageRewind(ctx, base, p.c.Watermark, back.To)
	}
	if len(p.c.Replaces) > 0 {
		return p.t.lake.stageReplace(ctx, base, p.c, p.files)
	}
	return stage(ctx, base, p.mode(), p.c.Watermark, p.files)
}

func (p *publication) swap(ctx context.Context, v version) error {
	if _, err := p.t.lake.tables.publish(ctx, v); err != nil {
		return err
	}
	return failpoint.Hit("iceberg.commit.swapped")
}

// forGood reports whether a write was certainly not done and will be refused again, such as one without permission.
func forGood(err error) bool {
	refused := errors.Is(err, tidemark.ErrDenied) || errors.Is(err, tidemark.ErrInvalid) || errors.Is(err, tidemark.ErrNotFound)
	return refused && !errors.Is(err, blob.ErrUnknown)
}

// reload loads the table to find out about a swap, even if the run is being cancelled.
func (p *publication) reload(ctx context.Context) (*table.Table, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), judgeTimeout)
	defer cancel()
	return p.t.lake.load(ctx, p.t.p.Target)
}

// unknown is the error of a commit that may or may not be published.
func (p *publication) unknown(err error) error {
	if !p.open {
		return err
	}
	return fmt.Errorf("commit %d of pipeline %s: the outcome is not known: %w: %w", p.c.Watermark.Seq, p.t.p.ID, tidemark.ErrFatal, err)
}

// checkBlind finds out whether rows have come into a table for which a merge wrote no deletes because it was empty. A
// new attempt writes them.
func (p *publication) checkBlind(ctx context.Context, base *table.Table) error {
	blind := false
	for _, f := range p.files {
		blind = blind || f.blind
	}
	if !blind {
		return nil
	}
	filled, err := holdsFiles(ctx, base)
	if err != nil || !filled {
		return err
	}
	return fmt.Errorf("table %s has got its first rows from elsewhere: %w", p.t.p.Target, tidemark.ErrRestart)
}

type verdict uint8

const (
	pending   verdict = iota // the watermark is where the run found it
	published                // our commit is there
	overtaken                // another run's commit took its place: ours is not there and never will be
)

// judge says what became of the commit, by the table alone.
func (p *publication) judge(tbl *table.Table) (verdict, error) {
	if want := p.t.uuid(); want != uuid.Nil && tbl.Metadata().TableUUID() != want {
		return overtaken, nil // the table was dropped and made again; no property of it is ours
	}
	now, _, err := watermarkOf(tbl, p.t.p.ID)
	if err != nil {
		return pending, err
	}
	ours, at := markOfWatermark(p.c.Watermark), markOfWatermark(now)
	if at == ours {
		return published, nil
	}
	h := historyOf(tbl, p.t.p.ID)
	taken := at.seq == ours.seq
	for _, m := range h.main {
		if m == ours {
			return published, nil // and later ones on top of it
		}
		taken = taken || m.seq == ours.seq
	}
	switch {
	case slices.Contains(h.aside, ours): // somebody has gone back behind it since; it was made all the same
		return published, nil
	case taken:
		return overtaken, nil
	case at == markOfWatermark(p.c.Base):
		return pending, nil
	case h.complete:
		return overtaken, nil
	}
	p.open = true // or later commits are there, and the snapshot that would tell has expired
	return pending, fmt.Errorf("table %s is at commit %d of the pipeline and does not tell whose commit %d was", p.t.p.Target, at.seq, ours.seq)
}

// uuid returns the UUID of the table that Prepare found, or uuid.Nil.
func (t *Target) uuid() uuid.UUID {
	l := t.prepared()
	if l == nil {
		return uuid.Nil
	}
	return l.table.Metadata().TableUUID()
}

func ownFiles(files []tidemark.DataFile) ([]*dataFile, error) {
	own := make([]*dataFile, len(files))
	for i, f := range files {
		d, ok := f.(*dataFile)
		if !ok {
			return nil, fmt.Errorf("file %s was not written by this target: %w", f.Path(), tidemark.ErrInvalid)
		}
		own[i] = d
	}
	return own, nil
}

// pause waits a little, each time another while, so that those who collide do not collide again.
func pause(ctx context.Context) error {
	timer := time.NewTimer(5*time.Millisecond + rand.N(50*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
