package run_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

// TestConfigHasAllKeys holds the Config that is built in Go to the file's format.
func TestConfigHasAllKeys(t *testing.T) {
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	root.hold(t, "", reflect.TypeFor[run.Config]())
}

// A node is a part of a JSON Schema.
type node struct {
	Properties map[string]node
	Additional json.RawMessage `json:"additionalProperties"`
	Items      *node
	AnyOf      []node
	Const      string
}

var connectionTypes = map[string]reflect.Type{
	"mysql": reflect.TypeFor[run.MySQL](), "s3": reflect.TypeFor[run.S3](), "file": reflect.TypeFor[run.Folder](),
}

func (n node) hold(t *testing.T, path string, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var below node
	switch {
	case typ == reflect.TypeFor[run.Connections]():
		if err := json.Unmarshal(n.Additional, &below); err != nil {
			t.Fatal(err)
		}
		for _, kind := range below.AnyOf {
			kind.hold(t, path+"."+kind.Properties["type"].Const, connectionTypes[kind.Properties["type"].Const])
		}
	case typ.Kind() == reflect.Map:
		if err := json.Unmarshal(n.Additional, &below); err != nil {
			t.Fatal(err)
		}
		below.hold(t, path+".NAME", typ.Elem())
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
		n.Items.hold(t, path+"[]", typ.Elem())
	case typ.Kind() == reflect.Struct && n.Properties == nil && len(n.AnyOf) == 2: // or a text in its place
		n.AnyOf[1].hold(t, path, typ)
	case typ.Kind() == reflect.Struct:
		var keys []string
		for i := range typ.NumField() {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if key == "-" {
				continue
			}
			keys = append(keys, key)
			if _, known := n.Properties[key]; !known && !strings.HasPrefix(path, ".defaults") {
				t.Errorf("the file has no key %q at %q", key, path)
			} else if known {
				n.Properties[key].hold(t, path+"."+key, typ.Field(i).Type)
			}
		}
		for key := range n.Properties {
			if n.Properties[key].Const == "" && !slices.Contains(keys, key) {
				t.Errorf("add the key %q at %q to run.%s", key, path, typ.Name())
			}
		}
	}
}

const wholeConfig = `
connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/shop, password: "${file:secret}", tls: {mode: required}}
  primary: {type: mysql, url: mysql://etl@primary.example.com/shop, auth: iam, region: eu-west-1}
  other: {type: mysql, url: mysql://etl@other.example.com/shop, password: "${aws-sm:name#key}"}
  writer: {type: mysql, url: mysql://writer@db.example.com/db2, password: "${env:WRITER}"}
  lake: {type: s3, url: s3://bucket/lake, endpoint: "http://127.0.0.1:9000", path_style: true, access_key: "${env:K}", secret_key: "${env:S}"}
  disk: {type: file, path: lake}
catalog: {type: sqlite, path: tables.db}
defaults:
  source: {connection: shop, slack: 0s, cursor: [a, b], watermark_table: db2.fetch_details}
  target: {connection: lake, key: [id], deletes: sweep, sweep_every: 0s, mark_column: gone, mode: merge}
  maintenance: "off"
pipelines:
  whole:
    source: {table: "` + "`we.ird`" + `.t", settle_on: primary, columns: [a, id], where: "a <> '<&>' -- \"x\"", lateness_rows: 0, splits: 3, cursor_zone: "+02:00",
      watermark_table: {connection: writer, name: orders, first: from}}
    transforms:
      - change_schema: {a: {rename: b, type: "decimal(10,2)"}, c: {drop: true}}
        order: [b]
      - name: second
        sql: |
          SELECT *, 'ü' AS "u" FROM rows
          WHERE 1 = 1
        lookups: {c: {connection: other, table: shop.c}}
      - go: mask
    checks:
      - {not_null: [id], on_fail: warn}
      - {accepted_values: {column: b, values: [1, x, true]}}
      - {range: {column: b, min: 0.5}}
      - {regex: {column: u, pattern: '[A-Z]+\d'}}
      - {row_count: {min: 0, max: 10}}
      - {name: fresh, freshness: 1d}
    target: {table: lake.t, partition_by: [day(b), "bucket(4, id)"], file_size: 64MiB, deletes: mark, schema: freeze}
  plain:
    source: {table: t, cursor: []}
    target: {connection: disk, mode: replace, deletes: keep, format: parquet}
`

// TestConfigOfOnePipeline takes pipelines out of a config and opens them by themselves.
func TestConfigOfOnePipeline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tidemark.yaml")
	if err := os.WriteFile(file, []byte(wholeConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := run.Load(file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, connections := range map[string]int{"whole": 5, "plain": 2} {
		c, err := r.Config(t.Context(), name)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(c.Connections) != connections || len(c.Pipelines) != 1 || c.Folder != filepath.Dir(file) {
			t.Errorf("%s: %+v", name, c)
		}
		alone, err := run.Open(c, run.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		t.Cleanup(func() { alone.Close() })
		again, err := alone.Config(t.Context(), name)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("%s (-first +second):\n%s", name, diff)
		}
	}
	whole, err := r.Config(t.Context(), "whole")
	if err != nil {
		t.Fatal(err)
	}
	p := whole.Pipelines["whole"]
	if p.Source.Slack != "0s" || p.Source.LatenessRows == nil || *p.Source.LatenessRows != 0 || p.Maintenance != "off" || p.Source.Lateness != "" ||
		whole.Connections["shop"].(run.MySQL).Password != "${file:secret}" || whole.Connections["other"].(run.MySQL).Password != "${aws-sm:name#key}" {
		t.Errorf("%+v", whole)
	}
}

// TestOpenNamesMistakes opens a config with mistakes.
func TestOpenNamesMistakes(t *testing.T) {
	_, err := run.Open(run.Config{
		Connections: run.Connections{"shop": run.MySQL{URL: "mysql://etl@127.0.0.1/shop", Password: "s3cret"}},
		Pipelines:   map[string]run.Pipeline{"orders": {Source: run.Source{Connection: "shop", Table: "orders"}, Target: run.Target{Connection: "lake"}}},
	}, run.Options{})
	if !errors.Is(err, tidemark.ErrInvalid) || strings.Contains(err.Error(), "s3cret") {
		t.Fatal(err)
	}
	for _, want := range []string{"config: connections.shop.password: ", "pipelines.orders.target.connection: ", "pipelines.orders.source: mode append needs a cursor"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if _, err := run.Open(run.Config{Connections: run.Connections{"x": nil}}, run.Options{}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Error(err)
	}
}
