package tidemark

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Watermark says what a pipeline has durably loaded. It lives in the target, inside the commit that made it true,
// and only a commit moves it. Everything below Settled is loaded and can never appear again; what is loaded at or
// above Settled is the overlap, which the next run reads again and suppresses.
type Watermark struct {
	Version  int        `json:"v"` // of this record: WatermarkVersion
	Pipeline PipelineID `json:"pipeline"`
	Seq      int64      `json:"seq"` // number of the commit, from 1; 0 means that there was none yet
	Run      RunID      `json:"run"`

	High    CursorValue `json:"high,omitzero"`    // the largest cursor value loaded
	Settled CursorValue `json:"settled,omitzero"` // never below the previous one; above High only where an overlap would be too large
	Overlap Overlap     `json:"overlap,omitzero"`

	// Rejected is what is to be done about rejected rows, or was: it stays until another commit has something new. In the
	// table of rejected rows it is the last that was done.
	Rejected Rejected `json:"rejected,omitzero"`

	Origin Origin   `json:"origin"`
	Cursor string   `json:"cursor,omitempty"`
	Mode   Mode     `json:"mode"`
	Key    []string `json:"key,omitempty"`

	// Selection is what of the table was loaded; nil where an older tidemark committed, which did not write it down.
	Selection *Selection `json:"selection,omitempty"`

	// Settlements are what earlier runs saw when they settled, oldest first and this commit's own last; at most
	// MaxSettlements. Settle looks back into them.
	Settlements []Settlement `json:"settlements,omitempty"`
	SettledBy   SettledBy    `json:"settled_by,omitempty"`
	HeldBy      string       `json:"held_by,omitempty"` // who holds Settled back, in words; "" when nobody does

	// Swept is when a run last looked for rows that the source has deleted; zero where none has.
	Swept time.Time `json:"swept,omitzero"`

	T0        time.Time `json:"t0,omitzero"` // the server's clock when the run settled: lag counts from here
	Committed time.Time `json:"committed,omitzero"`
	Rows      int64     `json:"rows"`  // loaded by this commit
	Total     int64     `json:"total"` // loaded by all commits of the pipeline up to this one
}

// SideFiles returns the names of the side files that the watermark needs.
func (w Watermark) SideFiles() []string {
	var names []string
	for _, name := range []string{w.Overlap.Name, w.Rejected.Name} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// WatermarkVersion is the highest version of the record that this code writes. It reads this one and older ones and refuses
// newer ones. Version 2 has Rejected, which who does not know it would not hand on; without, version 1 is written.
const WatermarkVersion = 2

// Encode returns the watermark as one line of JSON.
func (w Watermark) Encode() ([]byte, error) {
	if w.Version = 1; w.Rejected.Run != "" {
		w.Version = 2
	}
	return json.Marshal(w)
}

// DecodeWatermark reads what Encode wrote. An unknown version is ErrInvalid.
func DecodeWatermark(data []byte) (Watermark, error) {
	var w Watermark
	if err := json.Unmarshal(data, &w); err != nil {
		return Watermark{}, fmt.Errorf("decode watermark: %w: %w", ErrInvalid, err)
	}
	if w.Version < 1 || w.Version > WatermarkVersion {
		return Watermark{}, WithHint(
			fmt.Errorf("decode watermark of %q: version %d is not known: %w", w.Pipeline, w.Version, ErrInvalid),
			"a newer tidemark wrote it: update this one")
	}
	return w, nil
}

// A Selection is the part of its table that a pipeline reads, and what becomes of it. A change of it loads nothing by itself: rows that do not
// change are not read again.
type Selection struct {
	Where   string   `json:"where,omitempty"`
	Columns []string `json:"columns,omitempty"` // none: all

	Transforms string `json:"transforms,omitempty"` // that rows went through, in short
}

// An Overlap names the side file that holds the loaded rows at or above Settled, and those without a cursor.
type Overlap struct {
	Name     string `json:"name,omitempty"` // of the side file, relative to the pipeline's own; "" when there is none
	Rows     int64  `json:"rows,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	Checksum string `json:"checksum,omitempty"` // of the whole file; the file is not believed without it
}

// SettledBy is how a bound was found, from the best way to the last resort.
type SettledBy string

const (
	SettledQuiet    SettledBy = "quiet"              // a: nobody had written and not yet committed
	SettledObserved SettledBy = "performance_schema" // b: the server told when the oldest writer began
	SettledEarlier  SettledBy = "earlier"            // c: the suspects of an earlier run are gone
	SettledLateness SettledBy = "lateness"           // d: the configured guess
)

// MaxSettlements bounds Watermark.Settlements.
const MaxSettlements = 32

// A Settlement is what one run saw before it read: at T0 on the server's clock, with Max the largest integer cursor
// just before, only the Suspects could still bring rows that are older than that.
type Settlement struct {
	T0       time.Time   `json:"t0"`
	Max      CursorValue `json:"max,omitzero"`
	Suspects []Suspect   `json:"suspects,omitempty"`
	Unknown  bool        `json:"unknown,omitempty"` // the list could not be had or was too long: never looked back to
}

// A Suspect is a running statement or an open transaction that may still commit rows. It is gone when neither its
// transaction nor its statement is there any more.
type Suspect struct {
	Thread      uint64    `json:"thread"`                // connection id; 0 for a prepared XA transaction without one
	Transaction string    `json:"transaction,omitempty"` // the engine's transaction id, where there is one
	Started     time.Time `json:"started,omitzero"`      // the server's clock, UTC
	Statement   bool      `json:"statement,omitempty"`   // it was seen as a running statement
	Who         string    `json:"who,omitempty"`         // user@host, for people
}

// Settled is the answer of Source.Settle.
type Settled struct {
	// Bound: no row with a cursor below it can appear any more. The zero value promises nothing. It is not yet
	// capped by the watermark's High; the engine does that once it knows which rows it read.
	Bound CursorValue

	T0      time.Time    // the server's clock at the start
	Clock   CursorValue  // the same on the cursor's own clock; none for an integer
	History []Settlement // to be kept as Watermark.Settlements: the useful earlier ones, this run's own last
	By      SettledBy
	HeldBy  string // who holds the bound back, in words; ""
	Notice  string // what the owner should know, such as a missing privilege; ""
}

// A Window is a part of the source's table by cursor: what a run reads, [From, ∞) and the rows without a cursor, or the
// whole table; or, with Until, the range [From, Until), to which no row without a cursor belongs.
type Window struct {
	From  CursorValue // none: from the beginning
	Until CursorValue // only rows below, and with a cursor, whatever Nulls says; none: open
	Has   string      // only rows in which this column, in the source's spelling, is not NULL; "": all
	Nulls NullPolicy
}
