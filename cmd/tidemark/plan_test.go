package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

func planOf(t *testing.T) run.Plan {
	return run.Plan{
		Pipeline: "orders", Source: tidemark.TableName{Database: "db2", Name: "orders"},
		Table: tidemark.TableID{Namespace: "shop", Name: "orders"}, Format: tidemark.FormatIceberg, Mode: tidemark.ModeMerge,
		Key: []string{"order_id"}, Cursor: "updated_at", From: at(t, "2014-07-23"), Rows: 1200, Exact: true, Nulls: 3,
		Overlap: 347, OverlapBytes: 12_345, OverlapReason: "in commit 2 settled was held back by connection 6",
		Splits: []run.PlannedSplit{
			{SQL: "SELECT a", Access: `range of index "PRIMARY"`, Rows: 1150, Exact: true}, {SQL: "SELECT b", Access: "scan of the table", Rows: 50},
		},
		Written: run.Written{Rows: 853, Files: 2, Bytes: 40_100, Basis: "by the 47 bytes per row of the table's files", Deletes: true},
		Changes: []string{`column "note" is new`},
		Columns: []run.PlannedColumn{
			{Name: "order_id", Source: "int", Type: "int"}, {Name: "note", Source: "varchar(25)", Type: "string", Nullable: true},
		},
		Settled: at(t, "2014-07-25"), SettledBy: tidemark.SettledObserved, HeldBy: "connection 7",
		Warnings: []string{"no index", "another"},
	}
}

func TestPlanText(t *testing.T) {
	want := `orders: db2.orders → shop.orders, iceberg, merge by order_id
  reads    updated_at from 2014-07-23: 1,200 rows in 2 splits, 3 of them without a cursor
           1  1,150 rows     range of index "PRIMARY"
              SELECT a
           2  about 50 rows  scan of the table
              SELECT b
  overlap  347 rows loaded before, side file of 12 KB: in commit 2 settled was held back by connection 6
  writes   at least 853 rows → 2 files or more, 40 KB, and deletes of their older versions
           estimated by the 47 bytes per row of the table's files
  table    column "note" is new
  settled  at most 2014-07-25, by performance_schema
           held back by connection 7
  note     no index
           another
`
	if diff := cmp.Diff(want, planText(planOf(t))); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestPlanTextVariants(t *testing.T) {
	for want, change := range map[string]func(*run.Plan){
		"  reads    the whole table, as the first load by updated_at: about 1,200 rows in 2 splits\n": func(p *run.Plan) {
			p.From, p.Exact, p.Nulls = tidemark.CursorValue{}, false, -1
		},
		"  reads    the whole table: an unknown number of rows in 1 split\n": func(p *run.Plan) {
			p.Mode, p.Rows, p.Splits, p.Nulls = tidemark.ModeReplace, -1, p.Splits[:1], -1
		},
		"  writes   not known before the rows are read\n":                    func(p *run.Plan) { p.Written = run.Written{Rows: -1, Files: -1, Bytes: -1} },
		"  writes   nothing new\n":                                           func(p *run.Plan) { p.Written = run.Written{} },
		"  writes   853 rows, and deletes of their older versions\n  table ": func(p *run.Plan) { p.Overlap, p.Written.Bytes, p.Written.Files, p.Written.Basis = 0, -1, -1, "" },
		"  table    no change, 2 columns\n":                                  func(p *run.Plan) { p.Changes = nil },
		"  table    new, 2 columns\n           order_id  int          → int     not null\n           note      varchar(25)  → string  null\n": func(p *run.Plan) {
			p.New, p.Changes = true, nil
		},
		"              SELECT a (id < 3\n              )\n": func(p *run.Plan) { p.Splits[0].SQL = "SELECT a (id < 3\n)" },
		"  settled  stays unset, by lateness\n  note ": func(p *run.Plan) {
			p.Settled, p.SettledBy, p.HeldBy = tidemark.CursorValue{}, tidemark.SettledLateness, ""
		},
		`column "note" is new` + "\n  note     no index\n": func(p *run.Plan) { p.SettledBy = "" },
	} {
		p := planOf(t)
		change(&p)
		if got := planText(p); !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}
