package mysql

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

const (
	hintProcess = "GRANT PROCESS ON *.* TO the connection's user"
	hintStarts  = "turn performance_schema on, with the instrument transaction and the consumers events_transactions_current, " +
		"events_statements_current and events_statements_history, and GRANT SELECT ON performance_schema.* TO the connection's user"
)

// notice tells what was taken in place of a proof, why, and what would change it.
func (st *settling) notice() string {
	late := "more than " + st.pipeline.Lateness.String() + " after its cursor's time"
	if st.cursor.Kind == tidemark.CursorInteger {
		late = fmt.Sprintf("after %d larger cursor values", st.pipeline.LatenessRows)
	}
	text := st.blind.why + ", so a row that is committed " + late + " can be missed"
	if st.blind.hint != "" {
		text += "; to have proof: " + st.blind.hint
	}
	return text
}

// describe names a suspect for people: who it is, what it does and for how long. Never the statement, which may hold
// anything.
func (l *look) describe(s tidemark.Suspect) string {
	age := "of unknown age"
	if !s.Started.IsZero() {
		age = fmt.Sprintf("for %s", max(l.at.Sub(s.Started), 0).Round(time.Second))
	}
	if s.Thread == 0 {
		return fmt.Sprintf("prepared XA transaction %s without a connection, %s (XA RECOVER lists it)", s.Transaction, age)
	}
	who := fmt.Sprintf("connection %d", s.Thread)
	if s.Who != "" {
		who = s.Who + ", " + who
	}
	c := l.connections[s.Thread]
	doing := strings.Trim(c.command+": "+c.state, ": ")
	what := "an open transaction"
	if s.Transaction == "" {
		what = "a statement"
	}
	switch doing {
	case "": // its connection was not listed
		return fmt.Sprintf("%s: in %s %s", who, what, age)
	case "Sleep":
		return fmt.Sprintf("%s: in %s %s, idle", who, what, age)
	default:
		return fmt.Sprintf("%s: in %s %s (%s)", who, what, age, doing)
	}
}
