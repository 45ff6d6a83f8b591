package config

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func tables(names ...string) (list []tidemark.TableName) {
	for _, name := range names {
		table, err := parseTable(name, "")
		if err != nil {
			panic(err)
		}
		list = append(list, table)
	}
	return list
}

func TestExpand(t *testing.T) {
	for _, c := range []struct {
		name, source, target string
		tables               []tidemark.TableName
		want                 []string
		kind                 error
	}{
		{
			name:   "one database",
			source: `tables: "db2.*", exclude: ["db2.tmp_*", "*.old"]`, target: `table: "shop.{table}"`,
			tables: tables("db2.orders", "db2.tmp_1", "db2.old", "db3.orders", "db2.Items", "db2.`a.b c`", "db2._hidden"),
			want: []string{
				"shop.items db2.Items shop.items", "shop.hidden db2._hidden shop.hidden",
				"shop.a_b_c db2.a.b c shop.a_b_c", "shop.orders db2.orders shop.orders",
			},
		},
		{
			name:   "a pattern of databases",
			source: `tables: "tenant_?.*"`, target: `table: "{database}.{table}"`,
			tables: tables("tenant_1.orders", "tenant_2.orders", "tenant_10.orders"),
			want: []string{
				"shop.tenant_1.orders tenant_1.orders tenant_1.orders",
				"shop.tenant_2.orders tenant_2.orders tenant_2.orders",
			},
		},
		{
			name:   "the connection's database, and no system tables",
			source: `tables: [order_*, "*.user"]`, target: `table: "a.{table}"`,
			tables: tables("db2.order_items", "db2.items", "mysql.user"),
			want:   []string{"shop.order_items db2.order_items a.order_items"},
		},
		{
			name:   "a system table by name",
			source: `tables: mysql.us*`, target: `table: "a.{table}"`,
			tables: tables("mysql.user"),
			want:   []string{"shop.user mysql.user a.user"},
		},
		{
			name:   "no table",
			source: `tables: db2.x*`, target: `table: "a.{table}"`,
			tables: tables("db2.orders"), kind: tidemark.ErrNotFound,
		},
		{
			name:   "two tables of one name",
			source: `tables: [db2.*, db3.*]`, target: `table: "{database}.{table}"`,
			tables: tables("db2.orders", "db3.orders"), kind: tidemark.ErrInvalid,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			parsed := mustParse(t, head+`pipelines: {shop: {source: {connection: shop, cursor: c, `+c.source+`}, target: {connection: lake, `+c.target+`}}}`)
			if len(parsed.Pipelines) != 0 || len(parsed.Groups) != 1 {
				t.Fatalf("%d pipelines and %d groups", len(parsed.Pipelines), len(parsed.Groups))
			}
			pipelines, err := parsed.Groups[0].Expand(c.tables)
			if !errors.Is(err, c.kind) || (err != nil) != (c.kind != nil) {
				t.Fatalf("error %v, want %v", err, c.kind)
			}
			if err != nil && tidemark.Hint(err) == "" {
				t.Errorf("error %v has no hint", err)
			}
			var got []string
			for _, p := range pipelines {
				got = append(got, string(p.ID)+" "+p.Table.String()+" "+p.Target.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("pipelines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckExpanded(t *testing.T) {
	c := mustParse(t, head+`
defaults: {source: {connection: shop, cursor: c}, target: {connection: lake, table: "a.{table}"}}
pipelines:
  shop.orders: {source: {table: db2.orders}}
  shop: {source: {tables: "db2.*"}, target: {mode: merge}}
`)
	expanded, err := c.Groups[0].Expand(tables("db2.orders", "db2.items"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Check(append(c.Pipelines, expanded...))
	want := `two pipelines are called shop.orders: invalid
pipeline shop.orders: pipeline shop.orders writes the table a.orders already: invalid`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := c.Check(expanded); err != nil {
		t.Errorf("without the first: %v", err)
	}
}

func TestPatternDatabases(t *testing.T) {
	for text, want := range map[string]string{
		"db_2.*": `db\_2`, "tenant_?.*": `tenant\__`, "*.orders": "%", "`a*b`.x": "a*b", "orders": "shop",
	} {
		p, err := parsePattern(text, "shop")
		if err != nil || p.Databases() != want {
			t.Errorf("%s covers %q, %v; want %q", text, p.Databases(), err, want)
		}
	}
}
