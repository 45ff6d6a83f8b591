package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestProblems(t *testing.T) {
	const orders = `pipelines:
  orders:
    source: {connection: shop, table: orders, cursor: updated_at}
    target: {connection: lake, table: orders.landing}
`
	tests := []struct{ name, yaml, want string }{
		{"unknown key", head + `pipelines:
  orders:
    source: {connection: shop, table: orders, cursr: updated_at}
    target: {connection: lake}
`, `t.yaml:6:47: pipelines.orders.source.cursr: unknown key; did you mean "cursor"?`},

		{"key of the other section", head + strings.Replace(orders, "cursor:", "mode: append, cursor:", 1),
			`t.yaml:6:47: pipelines.orders.source.mode: unknown key; it belongs in "target"`},

		{"section of another version", head + orders + "    steps: [{sql: SELECT 1}]\n",
			`t.yaml:8:5: pipelines.orders.steps: unknown key; known here: source, transforms, checks, target, maintenance, triggers, retries, timeout, priority, freshness`},

		{"all at once, in order", `conections: {}
pipelines:
  Orders:
    source: {connection: shop, table: orders, cursor: [a, a], lateness: 10, splits: 0, slack: -1s}
    target: {connection: lake, format: icebreg, mode: [merge], file_size: 1KB}
`, `t.yaml:1:1: conections: unknown key; did you mean "connections"?
t.yaml:3:3: pipelines.Orders: use lower-case letters, digits, '_', '-' and single '.' for the name
t.yaml:4:14: pipelines.Orders.source.connection: there is no connection "shop"
t.yaml:4:47: pipelines.Orders.source.cursor: column "a" is there twice
t.yaml:4:63: pipelines.Orders.source.lateness: want a duration such as 15m
t.yaml:4:77: pipelines.Orders.source.splits: want a number from 1 to 64
t.yaml:4:88: pipelines.Orders.source.slack: a duration cannot be negative
t.yaml:5:14: pipelines.Orders.target.connection: there is no connection "lake"
t.yaml:5:32: pipelines.Orders.target.format: unknown value "icebreg"; allowed: iceberg, parquet; did you mean "iceberg"?
t.yaml:5:49: pipelines.Orders.target.mode: want text, got a list
t.yaml:5:64: pipelines.Orders.target.file_size: want a size from 1MiB to 8GiB`},

		{"wrong types", `connections: [a]
catalog: text
pipelines: 5
defaults: {source: {splits: two, columns: {a: b}, where: 1, lateness_rows: 1.5}}
`, `t.yaml:1:1: connections: want a section of keys and values, got a list
t.yaml:2:1: catalog: want a section of keys and values, got text
t.yaml:3:1: pipelines: want a section of keys and values, got a number
t.yaml:4:21: defaults.source.splits: want a whole number, got text
t.yaml:4:34: defaults.source.columns: want text, got a section
t.yaml:4:51: defaults.source.where: want text, got a number; put it into quotes
t.yaml:4:61: defaults.source.lateness_rows: want a whole number that is not too large`},

		{"nothing", "", `t.yaml: connections: there are no connections; add a mysql connection and one of type s3 or file
t.yaml: pipelines: there are no pipelines; add one with source and target`},

		{"not YAML", "a: [1\nb: 2\n", `t.yaml:2:1: not YAML: ',' or ']' must be specified`},
		{"two documents", "a: 1\n---\nb: 2\n", `t.yaml:3:2: a second YAML document; put everything into the first`},
		{"a key twice", head + "  lake: {type: file, path: x}\n" + orders,
			`t.yaml:4:3: connections.lake: the key is there twice, first in line 3`},
		{"an alias without anchor", head + orders + "defaults: *nothing\n",
			`t.yaml:8:1: defaults: this alias has no anchor`},

		{"no cursor", head + `pipelines:
  orders: {source: {connection: shop, table: orders}, target: {connection: lake}}
`, `t.yaml:5:12: pipelines.orders.source: mode append needs a cursor; name the column that changes with every change of a row, or set mode: replace to load the whole table each run`},

		{"merge into parquet", head + strings.Replace(orders, "table: orders.landing", "mode: merge, format: parquet", 1),
			`t.yaml:7:32: pipelines.orders.target.mode: a folder of Parquet files cannot be merged into; use format: iceberg`},
		{"key without merge", head + strings.Replace(orders, "table: orders.landing", "key: id", 1),
			`t.yaml:7:32: pipelines.orders.target.key: only mode: merge has a key`},
		{"partitions", head + strings.Replace(orders, "table: orders.landing", "partition_by: [week(a), 'bucket(0, b)', 'bucket(8, c)', bucket(8, d)]", 1),
			`t.yaml:7:32: pipelines.orders.target.partition_by: unknown partition "week(a)"; use a column, year(c), month(c), day(c), hour(c), bucket(N, c) or truncate(N, c)
t.yaml:7:32: pipelines.orders.target.partition_by: unknown partition "bucket(0, b)"; use a column, year(c), month(c), day(c), hour(c), bucket(N, c) or truncate(N, c)
t.yaml:7:32: pipelines.orders.target.partition_by: unknown partition "bucket(8"; put each that holds a comma into quotes
t.yaml:7:32: pipelines.orders.target.partition_by: unknown partition "d)"; put each that holds a comma into quotes`},
		{"connections of the wrong type", head + strings.NewReplacer("connection: shop", "connection: lake", "connection: lake", "connection: shop").Replace(orders),
			`t.yaml:6:14: pipelines.orders.source.connection: connection "lake" is not of type mysql
t.yaml:7:14: pipelines.orders.target.connection: connection "shop" is not of type s3 or file`},
		{"a mistyped connection", head + strings.Replace(orders, "lake", "laek", 1),
			`t.yaml:7:14: pipelines.orders.target.connection: there is no connection "laek"; did you mean "lake"?`},
		{"zone", head + strings.Replace(orders, "cursor: updated_at", "cursor: a, cursor_zone: Mars/Olympus", 1),
			`t.yaml:6:58: pipelines.orders.source.cursor_zone: unknown zone "Mars/Olympus"; write it as Europe/Berlin or +02:00`},
		{"a pattern as table", head + strings.Replace(orders, "table: orders,", "table: db2.*,", 1),
			`t.yaml:6:32: pipelines.orders.source.table: a pattern, not a table; use tables for many tables`},
		{"target name", head + strings.Replace(orders, "orders.landing", "Orders", 1),
			`t.yaml:7:32: pipelines.orders.target.table: "Orders" is not the name of a table in the lake; write NAMESPACE.TABLE with lower-case letters, digits, '_' and '-'`},
		{"one table of many", head + strings.Replace(orders, "table: orders,", "tables: db2.*,", 1),
			`t.yaml:7:32: pipelines.orders.target.table: many tables would go into one: {table} is missing; write it as shop.{table}`},

		{"one table of two pipelines", head + orders + `  again:
    source: {connection: shop, table: orders}
    target: {connection: lake, table: orders.landing, mode: replace}
`, `t.yaml:10:5: pipelines.again.target: pipeline orders writes the table orders.landing already; only pipelines of mode append and of one format can share a table`},

		{"mysql connections", `connections:
  a: {type: mysql, url: "postgres://x@y"}
  b: {type: mysql, url: "mysql://h:99999/a/b"}
  c: {type: mysql, url: mysql://u@h, auth: iam, password: "${env:A}", tls: {mode: disabled, ca: x}}
  d: {type: mysql, url: mysql://u@h?tls=skip-verify}
  e: {type: mysql}
  f: {type: postgres, url: x}
  g: {url: x}
  h: {type: s3, user: x}
` + orders, `t.yaml:2:20: connections.a.url: want a URL of the form mysql://USER@HOST:PORT/DATABASE
t.yaml:3:20: connections.b.url: the user is missing: want mysql://USER@HOST:PORT/DATABASE
t.yaml:3:20: connections.b.url: more than a database behind the host: want mysql://USER@HOST:PORT/DATABASE
t.yaml:3:20: connections.b.url: the port is not from 1 to 65535
t.yaml:4:3: connections.c: auth: iam needs the region of the RDS instance, which the host name does not tell; set region
t.yaml:4:49: connections.c.password: auth: iam makes its own token; take the password out
t.yaml:4:71: connections.c.tls: mode: disabled leaves nothing to check with ca or server_name
t.yaml:4:71: connections.c.tls: auth: iam sends its token in clear text, so the server must be verified; use verify-identity
t.yaml:5:20: connections.d.url: want a URL of the form mysql://USER@HOST:PORT/DATABASE; what follows ? or # has keys of its own in this file
t.yaml:6:3: connections.e: url is missing
t.yaml:7:7: connections.f.type: unknown value "postgres"; allowed: mysql, s3, file
t.yaml:8:3: connections.g: type is missing
t.yaml:9:3: connections.h: url is missing
t.yaml:9:17: connections.h.user: unknown key; known here: type, url, region, endpoint, path_style, access_key, secret_key, role_arn, external_id, sse, kms_key, max_runs
t.yaml:12:14: pipelines.orders.source.connection: there is no connection "shop"
t.yaml:13:14: pipelines.orders.target.connection: there is no connection "lake"`},

		{"lakes", `connections:
  shop: {type: mysql, url: mysql://u@h/db2}
  a: {type: s3, url: "s3:///x", endpoint: nowhere, external_id: x, kms_key: y}
  b: {type: s3, url: s3://b, access_key: "${env:A}"}
  c: {type: file, url: file://host/path}
  d: {type: file, url: "file:///a", path: a}
  e: {type: file}
  lake: {type: file, path: lake}
catalog: {path: x}
` + orders, `t.yaml:3:17: connections.a.url: want a URL of the form s3://BUCKET/PREFIX
t.yaml:3:33: connections.a.endpoint: want a URL such as http://127.0.0.1:9000
t.yaml:3:52: connections.a.external_id: external_id needs role_arn
t.yaml:3:68: connections.a.kms_key: kms_key needs sse: kms
t.yaml:4:3: connections.b: access_key and secret_key go together; leave both out to use the AWS environment
t.yaml:5:19: connections.c.url: want a URL of the form file:///absolute/path; use path for a folder relative to this file
t.yaml:6:3: connections.d: url and path name the same thing; keep one
t.yaml:7:3: connections.e: path is missing
t.yaml:9:11: catalog.path: only a sqlite catalog has a path`},

		{"glue", `connections:
  shop: {type: mysql, url: mysql://u@h/db2}
  lake: {type: file, path: lake}
catalog: {type: glue, path: x, endpoint: nowhere, database_prefix: "Lake-", access_key: "${env:A}", external_id: y}
` + orders, `t.yaml:3:3: connections.lake: a glue catalog cannot name tables in a folder of this machine; use an s3 connection, or catalog: {type: folder}
t.yaml:4:1: catalog: access_key and secret_key go together; leave both out to use the AWS environment
t.yaml:4:23: catalog.path: only a sqlite catalog has a path
t.yaml:4:32: catalog.endpoint: want a URL such as https://glue.eu-central-1.amazonaws.com
t.yaml:4:51: catalog.database_prefix: the names of databases in Glue have lower case letters, digits and '_' only
t.yaml:4:101: catalog.external_id: external_id needs role_arn`},

		{"rest", `connections:
  shop: {type: mysql, url: mysql://u@h/db2}
  lake: {type: file, path: lake}
catalog: {type: rest, uri: "https://u:p@h/x", client_id: a, token: "${env:A}", sign: glue, endpoint: https://e, token_url: nowhere}
` + orders, `t.yaml:4:1: catalog: client_id and client_secret go together
t.yaml:4:1: catalog: token, client_id and sign are three ways to log in; keep one
t.yaml:4:23: catalog.uri: want a URL such as https://catalog.example.com, without a password in it
t.yaml:4:92: catalog.endpoint: only a glue catalog has this key; a rest catalog that is AWS's own has it beside sign
t.yaml:4:113: catalog.token_url: want a URL such as https://login.example.com/oauth/token, without a password in it`},

		{"keys of rest", `connections:
  shop: {type: mysql, url: mysql://u@h/db2}
  lake: {type: file, path: lake}
catalog: {uri: https://h, warehouse: x}
` + orders, `t.yaml:4:11: catalog.uri: only a rest catalog has this key
t.yaml:4:27: catalog.warehouse: only a rest catalog has this key`},

		{"keys of glue", `connections:
  shop: {type: mysql, url: mysql://u@h/db2}
  lake: {type: file, path: lake}
catalog: {region: x, database_prefix: y}
` + orders, `t.yaml:4:11: catalog.region: only a glue catalog has this key
t.yaml:4:22: catalog.database_prefix: only a glue catalog has this key`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("t.yaml", []byte(test.yaml))
			if err == nil {
				t.Fatal("no error")
			}
			if !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("not ErrInvalid: %v", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinesOfWindows(t *testing.T) {
	text := strings.ReplaceAll("# one\n# two\npipelines:\n  # three\n  a: {sourcee: x}\n", "\n", "\r\n")
	_, err := Parse("tidemark.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "tidemark.yaml:5:7: pipelines.a.sourcee") {
		t.Errorf("got %v", err)
	}
}
