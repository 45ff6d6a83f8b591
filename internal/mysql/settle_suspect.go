package mysql

import (
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// maxSuspects is how many suspects a settlement keeps in the watermark. With more it is Unknown, and not looked back to.
const maxSuspects = 64

// A suspectKey tells suspects apart. A transaction keeps its id when it leaves its connection by XA PREPARE; a running
// statement has only its connection.
type suspectKey struct {
	thread      uint64
	transaction string
}

func keyOf(s tidemark.Suspect) suspectKey {
	if s.Transaction != "" {
		return suspectKey{transaction: s.Transaction}
	}
	return suspectKey{thread: s.Thread}
}

// suspects returns who may still commit rows: every running statement, and every transaction that has modified rows.
// A connection with both is there twice, because they may end one after the other. An idle transaction that has modified
// nothing is none: what it writes later, it writes in a statement that is yet to start.
func (l *look) suspects() []tidemark.Suspect {
	var out []tidemark.Suspect
	for _, c := range l.connections {
		if c.running() && !l.readsOnly(c.id) {
			out = append(out, tidemark.Suspect{Thread: c.id, Started: c.since, Statement: true, Who: c.who()})
		}
	}
	for _, t := range l.transactions {
		if t.suspect() {
			out = append(out, l.suspectOf(t))
		}
	}
	slices.SortFunc(out, func(a, b tidemark.Suspect) int { return a.Started.Compare(b.Started) })
	return out
}

func (l *look) suspectOf(t transaction) tidemark.Suspect {
	return tidemark.Suspect{Thread: t.thread, Transaction: t.id, Started: t.started, Who: l.connections[t.thread].who()}
}

// suspect reports whether the transaction may bring rows from the past. One that is read-only can modify temporary
// tables alone.
func (t transaction) suspect() bool { return t.modified && !t.readOnly || t.thread == 0 }

// running reports whether the connection may be in a statement that writes. A server's own threads have other commands
// than Query: all count that are not known to be harmless.
func (c connection) running() bool {
	switch {
	case c.command == "Sleep", c.command == "Daemon", strings.HasPrefix(c.command, "Binlog Dump"):
		return false
	case c.user == "unauthenticated user": // its first statement is yet to start
		return false
	}
	return true
}

func (c connection) who() string {
	if c.user == "" {
		return ""
	}
	return c.user + "@" + c.host
}

// readsOnly reports whether the connection is in a transaction that cannot write. The transactions were listed after
// the statements: if a statement that wrote was on the first list, it has ended, and its transaction too.
func (l *look) readsOnly(thread uint64) bool {
	reads := false
	for _, t := range l.transactions {
		if t.thread == thread {
			if !t.readOnly {
				return false
			}
			reads = true
		}
	}
	return reads
}

// survivors returns what is left of a settlement's suspects. A running statement that has ended becomes the transaction
// that its connection now has, or any that has left its connection by XA PREPARE since; only when that is gone too is the
// suspect gone.
func (l *look) survivors(e tidemark.Settlement) []tidemark.Suspect {
	listed := map[string]bool{}
	for _, s := range e.Suspects {
		if s.Transaction != "" {
			listed[s.Transaction] = true
		}
	}
	var out []tidemark.Suspect
	kept := map[suspectKey]bool{}
	keep := func(s tidemark.Suspect) {
		if !kept[keyOf(s)] {
			kept[keyOf(s)] = true
			out = append(out, s)
		}
	}
	for _, s := range e.Suspects {
		if s.Transaction != "" {
			for _, t := range l.transactions {
				if t.id == s.Transaction {
					keep(l.again(s, t))
				}
			}
			continue
		}
		if l.stillRuns(s, e.T0) {
			keep(s)
			continue
		}
		for _, t := range l.transactions {
			if t.suspect() && (t.thread == s.Thread || t.thread == 0 && !listed[t.id]) {
				keep(l.suspectOf(t))
			}
		}
	}
	return out
}

// again returns a suspect as it is now. It may have left its connection, but not its name.
func (l *look) again(s tidemark.Suspect, t transaction) tidemark.Suspect {
	now := l.suspectOf(t)
	if now.Who == "" {
		now.Who = s.Who
	}
	now.Started = s.Started
	return now
}

// stillRuns reports whether the statement that the suspect was may be the one that its connection is in, and may write.
// One that certainly started later is another.
func (l *look) stillRuns(s tidemark.Suspect, t0 time.Time) bool {
	c, there := l.connections[s.Thread]
	if !there || !c.running() || l.readsOnly(s.Thread) {
		return false
	}
	return c.since.IsZero() || !c.since.After(t0)
}

// prune returns the settlements that a later run can look back to, and this run's own last: from the newest whose
// suspects are all gone on, for that one is as good as any before it.
func prune(history []tidemark.Settlement, own tidemark.Settlement, integer bool) []tidemark.Settlement {
	if len(own.Suspects) > maxSuspects {
		own.Suspects, own.Unknown = nil, true
	}
	from := 0
	for i, e := range history {
		if !e.Unknown && len(e.Suspects) == 0 {
			from = i
		}
	}
	kept := slices.Clone(history[from:])
	if !integer { // what is unknown still tells an integer cursor's m at its T0
		kept = slices.DeleteFunc(kept, func(e tidemark.Settlement) bool { return e.Unknown })
	}
	for len(kept) >= tidemark.MaxSettlements {
		kept = slices.Delete(kept, 1, 2) // never the first: it may be the only one that all suspects have left
	}
	return append(kept, own)
}
