package config

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tidemark-data/tidemark"
)

// head is a valid beginning that the tests go on from.
const head = `connections:
  shop: {type: mysql, url: "mysql://etl@db.example.com/db2", password: "${env:SHOP_PASSWORD}"}
  lake: {type: s3, url: s3://bucket/lake/, region: eu-west-1}
`

func mustParse(t *testing.T, text string, opts ...Option) *Config {
	t.Helper()
	c, err := Parse("/etc/tidemark/tidemark.yaml", []byte(text), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, head+`pipelines:
  orders:
    source: {connection: shop, table: orders, cursor: order_last_updated, splits: 3}
    target: {connection: lake, table: orders.landing}
`)
	want := Pipeline{
		Runs:   Runs{Retries: 3},
		Source: "shop", Lake: "lake", ZeroDates: ZeroDatesNull,
		Pipeline: tidemark.Pipeline{
			ID: "orders", Table: tidemark.TableName{Database: "db2", Name: "orders"},
			Cursors: []string{"order_last_updated"}, Nulls: tidemark.NullsLoad,
			Lateness: 10 * time.Minute, LatenessRows: 10_000, Slack: 10 * time.Second, SettleWait: 250 * time.Millisecond,
			Target: tidemark.TableID{Namespace: "orders", Name: "landing"},
			Format: tidemark.FormatIceberg, Mode: tidemark.ModeAppend, Evolution: tidemark.SchemaEvolve,
			FileSize: 256 << 20, Maintenance: tidemark.MaintenanceAuto, Deletes: tidemark.DeletesKeep, SweepEvery: 24 * time.Hour, Splits: 3, OverlapLimit: 5_000_000,
		},
	}
	if diff := cmp.Diff([]Pipeline{want}, c.Pipelines); diff != "" {
		t.Errorf("pipelines (-want +got):\n%s", diff)
	}
	if want := (Catalog{Type: CatalogFolder}); c.Catalog != want {
		t.Errorf("catalog %+v, want %+v", c.Catalog, want)
	}
}

func TestEverythingSet(t *testing.T) {
	c := mustParse(t, `
connections:
  shop:
    type: mysql
    url: mysql://etl@[::1]:3307/db2
    password: ${file:secrets/shop}
    tls: {mode: verify-ca, ca: ca.pem, server_name: shop.internal}
  primary: {type: mysql, url: mysql://etl@shop.abc.eu-west-1.rds.amazonaws.com/db2, auth: iam, tls: {ca: rds}}
  lake:
    type: s3
    url: s3://bucket
    endpoint: http://127.0.0.1:9000/
    path_style: true
    access_key: ${env:ID}
    secret_key: ${aws-sm:keys#secret}
    role_arn: arn:aws:iam::1:role/etl
    external_id: "7"
    sse: kms
    kms_key: alias/lake
  disk: {type: file, path: ../lake}
  url: {type: file, url: "file:///var/lake/"}
catalog: {type: sqlite, path: catalog.db}
pipelines:
  orders:
    source:
      connection: shop
      table: "db2.`+"`odd.name`"+`"
      cursor: [updated_at, created_at]
      columns: [id, updated_at, created_at]
      where: status <> 'draft; new'
      nulls: error
      zero_dates: error
      cursor_zone: Europe/Berlin
      settle_on: primary
      lateness: 1h30m
      lateness_rows: 5_000
      slack: 0s
      settle_wait: 1s
      splits: 8
      overlap_limit: 10
    target:
      connection: lake
      table: "{database}.{table}"
      mode: merge
      key: id
      partition_by: ["day(updated_at)", "bucket(16, id)", region]
      schema: freeze
      file_size: 1GiB
    maintenance: off
`)
	want := Pipeline{
		Runs:   Runs{Retries: 3},
		Source: "shop", Lake: "lake", SettleOn: "primary", ZeroDates: ZeroDatesError,
		Pipeline: tidemark.Pipeline{
			ID: "orders", Table: tidemark.TableName{Database: "db2", Name: "odd.name"},
			Columns: []string{"id", "updated_at", "created_at"}, Where: "status <> 'draft; new'",
			Cursors: []string{"updated_at", "created_at"}, CursorZone: "Europe/Berlin", Nulls: tidemark.NullsError,
			Lateness: 90 * time.Minute, LatenessRows: 5000, SettleWait: time.Second,
			Target: tidemark.TableID{Namespace: "db2", Name: "odd_name"},
			Format: tidemark.FormatIceberg, Mode: tidemark.ModeMerge, Key: []string{"id"},
			PartitionBy: []string{"day(updated_at)", "bucket(16, id)", "region"},
			Evolution:   tidemark.SchemaFreeze, FileSize: 1 << 30, Maintenance: tidemark.MaintenanceOff, Deletes: tidemark.DeletesKeep, SweepEvery: 24 * time.Hour, Splits: 8, OverlapLimit: 10,
		},
	}
	if diff := cmp.Diff([]Pipeline{want}, c.Pipelines); diff != "" {
		t.Errorf("pipelines (-want +got):\n%s", diff)
	}
	connections := map[string]Connection{
		"shop": &MySQL{
			Name: "shop", Host: "::1", Port: 3307, User: "etl", Database: "db2", Auth: AuthPassword,
			Password: Secret{store: "file", name: "secrets/shop"},
			TLS:      TLS{Mode: TLSVerifyCA, CA: "/etc/tidemark/ca.pem", ServerName: "shop.internal"},
		},
		"primary": &MySQL{
			Name: "primary", Host: "shop.abc.eu-west-1.rds.amazonaws.com", Port: 3306, User: "etl", Database: "db2",
			Auth: AuthIAM, Region: "eu-west-1", TLS: TLS{CA: CAofRDS},
		},
		"lake": &S3{
			Name: "lake", Bucket: "bucket", Endpoint: "http://127.0.0.1:9000", PathStyle: true,
			AccessKey: Secret{store: "env", name: "ID"}, SecretKey: Secret{store: "aws-sm", name: "keys", key: "secret"},
			RoleARN: "arn:aws:iam::1:role/etl", ExternalID: "7", SSE: "kms", KMSKey: "alias/lake",
		},
		"disk": &Folder{Name: "disk", Path: "/etc/lake"},
		"url":  &Folder{Name: "url", Path: "/var/lake"},
	}
	opts := []cmp.Option{cmp.AllowUnexported(Secret{}), cmpopts.IgnoreFields(Secret{}, "access")}
	if diff := cmp.Diff(connections, c.Connections, opts...); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	if want := (Catalog{Type: CatalogSQLite, Path: "/etc/tidemark/catalog.db"}); c.Catalog != want {
		t.Errorf("catalog %+v, want %+v", c.Catalog, want)
	}
}

func TestDefaultsSectionAndAliases(t *testing.T) {
	c := mustParse(t, head+`defaults:
  source: &from {connection: shop, cursor: updated_at, slack: 1s, zero_dates: error}
  target: {connection: lake, format: parquet}
  maintenance: off
pipelines:
  b: {source: {table: b, cursor: [id], zero_dates: null}, maintenance: auto}
  a: {source: {<<: *from, table: a, slack: 2s}, target: {file_size: 1MiB}}
  c: {source: {table: c, cursor: []}, target: {mode: replace}}
`)
	var got []string
	for _, p := range c.Pipelines {
		got = append(got, string(p.ID)+" "+p.Target.String()+" "+string(p.Format)+" "+string(p.Mode)+" "+
			p.Slack.String()+" "+string(p.ZeroDates)+" "+string(p.Maintenance)+" "+strings.Join(p.Cursors, "+"))
	}
	want := []string{
		"b db2.b parquet append 1s null auto id", // the order of the file
		"a db2.a parquet append 2s error off updated_at",
		"c db2.c parquet replace 1s error off ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pipelines (-want +got):\n%s", diff)
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	env := map[string]string{
		"TIDEMARK_CONNECTIONS_LAKE_URL":         "s3://other/place",
		"TIDEMARK_CONNECTIONS_SHOP_TLS_MODE":    "required",
		"TIDEMARK_DEFAULTS_SOURCE_SPLITS":       "5",
		"TIDEMARK_DEFAULTS_SOURCE_LATENESS":     "1d",
		"TIDEMARK_PIPELINES_ORDERS_CURSOR":      "ignored: no such key",
		"TIDEMARK_PIPELINES_ORDERS_SOURCE_KEY":  "ignored as well",
		"TIDEMARK_CONNECTIONS_LAKE_PATH_STYLE":  "true",
		"TIDEMARK_DEFAULTS_TARGET_PARTITION_BY": "day(a),b",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	text := head + `pipelines:
  orders: {source: {connection: shop, table: orders, cursor: c}, target: {connection: lake}}
`
	c := mustParse(t, text, WithEnvironment(lookup))
	lake, shop, p := c.Connections["lake"].(*S3), c.Connections["shop"].(*MySQL), c.Pipelines[0]
	if lake.Bucket != "other" || lake.Prefix != "place" || !lake.PathStyle || shop.TLS.Mode != TLSRequired ||
		p.Splits != 5 || p.Lateness != 24*time.Hour || !cmp.Equal(p.PartitionBy, []string{"day(a)", "b"}) {
		t.Errorf("not overridden: %+v %+v %+v", lake, shop, p)
	}
	if plain := mustParse(t, text).Connections["lake"].(*S3); plain.Bucket != "bucket" {
		t.Errorf("overridden without WithEnvironment: %+v", plain)
	}

	env["TIDEMARK_DEFAULTS_SOURCE_SPLITS"] = "many"
	_, err := Parse("c.yaml", []byte(text), WithEnvironment(lookup))
	want := "c.yaml: defaults.source.splits: environment variable TIDEMARK_DEFAULTS_SOURCE_SPLITS: " +
		"want a whole number that is not too large"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoad(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "tidemark.yaml"))
	if !errors.Is(err, tidemark.ErrNotFound) || tidemark.Hint(err) == "" {
		t.Errorf("error %v with hint %q, want ErrNotFound with a hint", err, tidemark.Hint(err))
	}
}

// TestDefaultTags reads every default of the reference as if it were written in the file.
func TestDefaultTags(t *testing.T) {
	count := 0
	var visit func(reflect.Type)
	visit = func(structure reflect.Type) {
		for _, kind := range variants(structure) {
			visit(kind.Type.Elem())
		}
		for _, f := range fields(structure) {
			v := reflect.New(f.typ).Elem()
			switch {
			case f.typ.Kind() == reflect.Map:
				visit(f.typ.Elem())
			case f.typ.Kind() == reflect.Struct && !isText(v):
				visit(f.typ)
			case f.def != "":
				count++
				if err := setText(v, f.def, f.enum); err != nil {
					t.Errorf("default %q of %s: %v", f.def, f.doc, err)
				}
			}
		}
	}
	visit(reflect.TypeFor[file]())
	if count < 10 {
		t.Errorf("only %d defaults were seen", count)
	}
}

func TestRESTCatalog(t *testing.T) {
	const head = `
connections:
  shop: {type: mysql, url: mysql://u@h/db}
  lake: {type: s3, url: s3://bucket/lake}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: c}, target: {connection: lake, table: shop.orders}}
`
	for text, want := range map[string]REST{
		"catalog: {type: rest, uri: https://c.example/api/, warehouse: w, token: '${env:T}', ca: /etc/ca.pem}": {
			URI: "https://c.example/api", Warehouse: "w", Token: Secret{store: "env", name: "T"}, CA: "/etc/ca.pem",
		},
		"catalog: {type: rest, uri: https://c.example, client_id: i, client_secret: '${file:s}', scope: all, token_url: https://login.example/token}": {
			URI: "https://c.example", ClientID: "i", ClientSecret: Secret{store: "file", name: "s"}, Scope: "all", TokenURL: "https://login.example/token",
		},
		"catalog: {type: rest, uri: https://glue.eu-central-1.amazonaws.com/iceberg, sign: glue, region: eu-central-1, role_arn: arn:r}": {
			URI: "https://glue.eu-central-1.amazonaws.com/iceberg", Sign: "glue", AWS: Glue{Region: "eu-central-1", RoleARN: "arn:r"},
		},
	} {
		c := mustParse(t, head+text+"\n")
		if diff := cmp.Diff(Catalog{Type: CatalogREST, REST: want}, c.Catalog, cmp.AllowUnexported(Secret{}), cmpopts.IgnoreFields(Secret{}, "access")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestGlueCatalog(t *testing.T) {
	c := mustParse(t, `
connections:
  shop: {type: mysql, url: mysql://u@h/db}
  lake: {type: s3, url: s3://bucket/lake}
catalog:
  type: glue
  region: eu-central-1
  endpoint: https://vpce.example/
  catalog_id: "123456789012"
  database_prefix: lake_
  access_key: ${env:ID}
  secret_key: ${file:secret}
  role_arn: arn:aws:iam::1:role/etl
  external_id: "7"
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: c}, target: {connection: lake, table: shop.orders}}
`)
	want := Catalog{Type: CatalogGlue, Glue: Glue{
		Region: "eu-central-1", Endpoint: "https://vpce.example", CatalogID: "123456789012", DatabasePrefix: "lake_",
		AccessKey: Secret{store: "env", name: "ID"}, SecretKey: Secret{store: "file", name: "secret"},
		RoleARN: "arn:aws:iam::1:role/etl", ExternalID: "7",
	}}
	if diff := cmp.Diff(want, c.Catalog, cmp.AllowUnexported(Secret{}), cmpopts.IgnoreFields(Secret{}, "access")); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

// TestMayBeEmpty: a file without anything is one to begin with; what is in it must be right all the same.
func TestMayBeEmpty(t *testing.T) {
	for _, text := range []string{"", "# Ours.\n", "{}", "connections: {}\npipelines:\n"} {
		if c := mustParse(t, text, MayBeEmpty()); len(c.Connections)+len(c.Pipelines) != 0 {
			t.Errorf("%q has %+v", text, c)
		}
	}
	if _, err := Parse("t.yaml", []byte("pipelines: {x: {}}"), MayBeEmpty()); err == nil {
		t.Error("a pipeline without anything was taken")
	}
}
