package shell

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// lakeOfNames is a lake of which only the names are asked for.
type lakeOfNames map[tidemark.TableID][]Column

func (l lakeOfNames) Query(context.Context, string) (*Answer, error) {
	return nil, errors.New("nothing is asked here")
}

func (l lakeOfNames) Tables(context.Context) ([]tidemark.TableID, error) {
	return []tidemark.TableID{{Namespace: "archive", Name: "orders"}, {Namespace: "shop", Name: "items"}, {Namespace: "shop", Name: "Odd Name"}, {Namespace: "shop", Name: "orders"}}, nil
}

func (l lakeOfNames) Columns(_ context.Context, id tidemark.TableID) ([]Column, error) {
	return l[id], nil
}

func TestComplete(t *testing.T) {
	s := New(Options{Person: true, Lake: lakeOfNames{
		{Namespace: "archive", Name: "orders"}: {{Name: "year_of"}},
		{Namespace: "shop", Name: "items"}:     {{Name: "item_id"}, {Name: "Größe"}, {Name: "order"}},
		{Namespace: "shop", Name: "orders"}:    {{Name: "order_id"}, {Name: "order_status"}},
		{Namespace: "shop", Name: "Odd Name"}:  {{Name: "strange"}},
	}, Modes: map[string]Printer{"csv": nil, "json": nil, "table": nil}})
	stop := s.names.load(t.Context())
	defer stop()
	for _, c := range []struct {
		name, pending, line string // with | at the cursor
		want                []string
	}{
		{"a statement begins", "", "s|", []string{"select", "summarize"}},
		{"in capitals", "", "S|", []string{"SELECT", "SUMMARIZE"}},
		{"the next one begins", "", "SELECT 1; DESC|", []string{"DESCRIBE"}},
		{"tables", "", "SELECT 1 FROM |", []string{"archive.orders", "shop.items", `shop."Odd Name"`, "shop.orders"}},
		{"a bare table", "", "DESCRIBE it|", []string{"items"}},
		{"a bare name of two tables", "", "FROM ord|", []string{"archive.orders", "shop.orders"}},
		{"a namespace", "", "FROM ar|", []string{"archive.orders"}},
		{"of a namespace", "", "FROM SHOP.o|", []string{`SHOP."Odd Name"`, "SHOP.orders"}},
		{"a second table", "", "SELECT count(*) FROM shop.orders, it|", []string{"items"}},
		{"a second column is none", "", "SELECT item_id, it| FROM shop.items", []string{"item_id", "items"}},
		{"columns of the table that comes later", "", "SELECT order_| FROM shop.orders", []string{"order_id", "order_status"}},
		{"in another line", "SELECT *\nFROM shop.orders", "WHERE |", []string{"order_id", "order_status"}},
		{"not of the statement before", "", "FROM shop.orders; SELECT | FROM items", []string{`"Größe"`, "item_id", `"order"`}},
		{"by alias", "", "SELECT 1 FROM shop.orders o JOIN items AS i ON o.order_id = i.|", []string{`i."Größe"`, "i.item_id", `i."order"`}},
		{"by table", "", "SELECT orders.order_i| FROM shop.orders", []string{"orders.order_id"}},
		{"by whole name", "", "SELECT shop.items.i| FROM shop.items", []string{"shop.items.item_id"}},
		{"quoted", "", `SELECT "ORD| FROM items`, []string{`"order"`}},
		{"a keyword", "", "SELECT 1 FROM items wh|", []string{"when", "where"}},
		{"a function", "", "SELECT approx| FROM items", []string{"approx_count_distinct"}},
		{"in a string", "", "SELECT 'or|", nil},
		{"in a comment", "", "SELECT 1 -- or|", nil},
		{"in a long comment", "/* a", "or|", nil},
		{"behind them", "", "SELECT '--' /* it's */, stra| FROM shop.\"Odd Name\"", []string{"strange"}},
		{"commands", "", ".s|", []string{".schema"}},
		{"a mode", "", ".mode c|", []string{"csv"}},
		{"a table of a command", "", ".schema it|", []string{"items"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.split = splitter{}
			if c.pending != "" {
				for _, line := range strings.Split(c.pending, "\n") {
					s.split.add(line)
				}
			}
			before, after, _ := strings.Cut(c.line, "|")
			got := s.Complete(t.Context(), before, after)
			if diff := cmp.Diff(c.want, got.Texts); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.line, diff)
			}
		})
	}
	// Without a table in the statement, the columns of all, as soon as they are known.
	s.split = splitter{}
	s.names.readAhead(t.Context())
	if got, want := s.Complete(t.Context(), "SELECT ", "").Texts, []string{`"Größe"`, "item_id", `"order"`, "order_id", "order_status", "strange", "year_of"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
