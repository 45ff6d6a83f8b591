package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

const fetchHead = `connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/db2}
  writer: {type: mysql, url: mysql://writer@db.example.com/ops}
  lake: {type: file, path: lake}
`

func TestWatermarkTable(t *testing.T) {
	table := func(database string) tidemark.TableName {
		return tidemark.TableName{Database: database, Name: "fetch_details"}
	}
	of := func(source string) string {
		return "  orders: {source: {connection: shop, table: orders, cursor: at" + source + "}, target: {connection: lake, table: a.orders}}\n"
	}
	for _, c := range []struct {
		name, defaults, source string
		want                   *WatermarkTable
	}{
		{"none", "", "", nil},
		{"a name", "", ", watermark_table: db3.fetch_details", &WatermarkTable{table("db3"), "shop", "orders", "after", false}},
		{"in the database of the connection", "", ", watermark_table: fetch_details", &WatermarkTable{table("db2"), "shop", "orders", "after", false}},
		{"all", "", `, watermark_table: {table: fetch_details, connection: writer, name: "{database}/{table}", first: from, insert: true}`,
			&WatermarkTable{table("ops"), "writer", "db2/orders", "from", true}},
		{"not inserted", "", ", watermark_table: {table: fetch_details, connection: writer, insert: false}", &WatermarkTable{table("ops"), "writer", "orders", "after", false}},
		{"defaults", "{table: fetch_details, connection: writer, first: none}", "", &WatermarkTable{table("ops"), "writer", "orders", "none", true}},
		{"defaults, and more", "{connection: writer}", ", watermark_table: db3.fetch_details", &WatermarkTable{table("db3"), "writer", "orders", "after", true}},
		{"defaults in part", "{connection: writer}", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fetchHead
			if c.defaults != "" {
				text += "defaults: {source: {watermark_table: " + c.defaults + "}}\n"
			}
			config := mustParse(t, text+"pipelines:\n"+of(c.source))
			if diff := cmp.Diff(c.want, config.Pipelines[0].Watermarks); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if _, err := config.Excerpt(config.Pipelines[0]); err != nil {
				t.Error(err)
			}
		})
	}
	env := WithEnvironment(func(name string) (string, bool) {
		return "db4.fetched", name == "TIDEMARK_PIPELINES_ORDERS_SOURCE_WATERMARK_TABLE_TABLE"
	})
	if got := mustParse(t, fetchHead+"pipelines:\n"+of(", watermark_table: fetch_details"), env).Pipelines[0].Watermarks.Table.String(); got != "db4.fetched" {
		t.Errorf("with a variable of the environment it is %s", got)
	}
}

func TestWatermarkTableProblems(t *testing.T) {
	for _, c := range []struct{ name, pipelines, want string }{
		{"incomplete", "source: {connection: shop, table: t, cursor: at, watermark_table: {first: from}}, target: {connection: lake, table: a.t}",
			`t.yaml:6:56: pipelines.a.source.watermark_table: table is missing`},
		{"replace", "source: {connection: shop, table: t, watermark_table: f}, target: {connection: lake, table: a.t, mode: replace}",
			`t.yaml:6:44: pipelines.a.source.watermark_table: mode: replace has no watermark; leave it out: each run loads the whole table`},
		{"nobody inserts", "source: {connection: shop, table: t, cursor: at, watermark_table: {table: f, insert: true}}, target: {connection: lake, table: a.t}",
			`t.yaml:6:84: pipelines.a.source.watermark_table.insert: the source's own connection never writes; add connection: a mysql connection whose user may insert into the table`},
		{"a lake", "source: {connection: shop, table: t, cursor: at, watermark_table: {table: f, connection: lake, first: before}}, target: {connection: lake, table: a.t}",
			`t.yaml:6:84: pipelines.a.source.watermark_table.connection: connection "lake" is not of type mysql
t.yaml:6:102: pipelines.a.source.watermark_table.first: unknown value "before"; allowed: after, from, none`},
		{"a list", "source: {connection: shop, table: t, cursor: at, watermark_table: [f]}, target: {connection: lake, table: a.t}",
			`t.yaml:6:56: pipelines.a.source.watermark_table: want a section of keys and values, got a list`},
		{"a pattern", "source: {connection: shop, table: t, cursor: at, watermark_table: db2.*}, target: {connection: lake, table: a.t}",
			`t.yaml:6:73: pipelines.a.source.watermark_table.table: a pattern, not a table; use tables for many tables`},
		{"the same rows", `source: {connection: shop, table: t, cursor: at, watermark_table: {table: f, connection: writer}}, target: {connection: lake, table: a.t}}
  b: {source: {connection: shop, table: db3.t, cursor: at, watermark_table: {table: f, connection: writer}}, target: {connection: lake, table: b.t}`,
			`t.yaml:7:60: pipelines.b.source.watermark_table: pipeline a inserts rows of the name "t" into ops.f already; give each a name of its own, such as name: "{database}.{table}", or set insert: false for one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("t.yaml", []byte(fetchHead+"pipelines:\n  a: {"+c.pipelines+"}\n"))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
