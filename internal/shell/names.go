package shell

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// names are the tables of a lake and their columns as far as they are known, for completion. They are read in the
// background and once, as the person types; .tables reads them anew.
type names struct {
	lake   Lake
	listed chan struct{} // closed when the tables are known, or cannot be
	again  chan struct{} // the columns are to be read once more

	mu      sync.Mutex
	tables  []tidemark.TableID
	columns map[tidemark.TableID][]Column
}

const (
	// mostAhead bounds the tables whose columns are read before anybody has named them: each costs a request or two.
	mostAhead = 200

	// patience bounds how long completion keeps a person waiting.
	patience = 1500 * time.Millisecond
)

func newNames(lake Lake) *names {
	return &names{lake: lake, listed: make(chan struct{}), again: make(chan struct{}, 1), columns: map[tidemark.TableID][]Column{}}
}

// load begins to read. What it returns ends that, and waits until it has ended.
func (n *names) load(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		// What cannot be read now is not completed; the statement that needs it will tell why.
		_, _ = n.refresh(ctx)
		close(n.listed)
		for {
			select {
			case <-n.again:
				n.readAhead(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		work.Wait()
	}
}

// readAhead reads the columns of the tables, whether they will be needed or not.
func (n *names) readAhead(ctx context.Context) {
	tables := n.all(ctx)
	for _, id := range tables[:min(len(tables), mostAhead)] {
		if ctx.Err() != nil {
			return
		}
		n.columnsOf(ctx, id)
	}
}

// refresh reads the tables, and forgets all columns.
func (n *names) refresh(ctx context.Context) ([]tidemark.TableID, error) {
	tables, err := n.lake.Tables(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tables, n.columns = tables, map[tidemark.TableID][]Column{}
	select {
	case n.again <- struct{}{}:
	default:
	}
	return tables, nil
}

// all returns the tables, if need be after a moment.
func (n *names) all(ctx context.Context) []tidemark.TableID {
	select {
	case <-n.listed:
	case <-ctx.Done():
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tables
}

// columnsOf returns the columns of a table; none where they cannot be read in time.
func (n *names) columnsOf(ctx context.Context, id tidemark.TableID) []Column {
	n.mu.Lock()
	columns, known := n.columns[id]
	n.mu.Unlock()
	if known {
		return columns
	}
	columns, err := n.lake.Columns(ctx, id)
	if err != nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.columns[id] = columns
	return columns
}

// known returns the columns of all tables that were read so far.
func (n *names) known() []Column {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Column
	for _, columns := range n.columns {
		all = append(all, columns...)
	}
	return all
}

// find returns the tables of that name, which may leave the namespace out.
func find(tables []tidemark.TableID, name string) []tidemark.TableID {
	var found []tidemark.TableID
	for _, id := range tables {
		if strings.EqualFold(id.String(), name) || strings.EqualFold(id.Name, name) {
			found = append(found, id)
		}
	}
	return found
}

// plain is a name that SQL takes without quotes.
var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// quoted returns a name as a statement must have it.
func quoted(name string) string {
	if plain.MatchString(strings.ToLower(name)) && !slices.Contains(reserved, strings.ToUpper(name)) {
		return name
	}
	return duckdb.Ident(name)
}

// unquote takes the quotes off a name, or a name of several parts.
func unquote(name string) string { return strings.ReplaceAll(name, `"`, "") }

func nameOf(id tidemark.TableID) string { return quoted(id.Namespace) + "." + quoted(id.Name) }
