package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

func TestPlanText(t *testing.T) {
	p := run.Plan{
		Pipeline: "orders", Source: tidemark.TableName{Database: "db2", Name: "orders"},
		Table: tidemark.TableID{Namespace: "shop", Name: "orders"}, Format: tidemark.FormatIceberg, Mode: tidemark.ModeMerge,
		Key: []string{"order_id"}, Cursor: "updated_at", From: at(t, "2014-07-23"), Rows: 1200, Overlap: 347,
		Statements: []string{"SELECT a", "SELECT b"}, Warnings: []string{"no index"}, HeldBy: "connection 7",
		Columns: []run.PlannedColumn{
			{Name: "order_id", Source: "int", Type: "int32"}, {Name: "note", Source: "varchar(25)", Type: "utf8", Nullable: true},
		},
	}
	want := `orders: db2.orders → shop.orders, iceberg, merge by order_id
  reads updated_at from 2014-07-23: about 1,200 rows in 2 splits, 347 of them loaded before
    SELECT a
    SELECT b
  columns
    order_id  int          → int32  not null
    note      varchar(25)  → utf8   null
  note: no index
  note: settled would be held back by connection 7
`
	if diff := cmp.Diff(want, planText(p)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	for want, change := range map[string]func(*run.Plan){
		"reads the whole table, as the first load by updated_at: about 1,200 rows in 2 splits": func(p *run.Plan) {
			p.From, p.Overlap = tidemark.CursorValue{}, 0
		},
		"reads the whole table: an unknown number of rows in 1 split": func(p *run.Plan) {
			p.Mode, p.Rows, p.Statements, p.Overlap = tidemark.ModeReplace, -1, p.Statements[:1], 0
		},
	} {
		p := p
		change(&p)
		if got := planWindow(p); got != want {
			t.Errorf("window %q, want %q", got, want)
		}
	}
}
