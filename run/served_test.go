package run_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

// serveLakes serves the lakes of a config as `tidemark serve` does, and returns the address that clients are given.
func serveLakes(t *testing.T, file string) string {
	t.Helper()
	r, err := run.Load(file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/iceberg", r.IcebergHandler()))
	t.Cleanup(func() {
		server.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL + "/iceberg"
}

// attach is what another engine does.
func attach(t *testing.T, address string, options ...rest.Option) *rest.Catalog {
	t.Helper()
	c, err := rest.NewCatalog(t.Context(), "tide", address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func loadServed(t *testing.T, c *rest.Catalog, name string) *table.Table {
	t.Helper()
	loaded, err := c.LoadTable(t.Context(), table.Identifier{"shop", name})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// countServed reads all rows of a table by the client's own means.
func countServed(t *testing.T, loaded *table.Table) (rows int64) {
	t.Helper()
	_, batches, err := loaded.Scan().ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		rows += batch.NumRows()
		batch.Release()
	}
	return rows
}

const servedPipelines = `  items:
    source: {connection: shop, table: DB.items, cursor: at}
    target: {connection: lake, table: shop.items, mode: append}
  merged:
    source: {connection: shop, table: DB.items, cursor: at}
    target: {connection: lake, table: shop.merged, mode: merge}
  folder:
    source: {connection: shop, table: DB.items, cursor: at}
    target: {connection: lake, table: shop.folder, format: parquet, mode: append}
`

const servedItems = "CREATE TABLE items (id INT PRIMARY KEY, note VARCHAR(40), at DATETIME(6) NOT NULL)"

func fillServed(from, to int, at string) string {
	var values []string
	for id := from; id < to; id++ {
		values = append(values, fmt.Sprintf("(%d, 'item %d', '%s')", id, id, at))
	}
	return "INSERT INTO items VALUES " + strings.Join(values, ", ") + " ON DUPLICATE KEY UPDATE note = CONCAT(VALUES(note), ' again'), at = VALUES(at)"
}

// TestServedToAnotherEngine: a client of another project attaches to the lake, and sees each commit.
func TestServedToAnotherEngine(t *testing.T) {
	for _, where := range []string{"on disk", "in a bucket"} {
		t.Run(where, func(t *testing.T) {
			s := newShop(t, servedPipelines)
			if where == "in a bucket" {
				s.intoBucket(t, testenv.S3(t))
				readBuckets(t)
			}
			s.exec(t, servedItems, fillServed(0, 100, "2024-01-01 00:00:00"))
			s.mustRun(t)
			c := attach(t, serveLakes(t, s.file))

			namespaces, err := c.ListNamespaces(t.Context(), nil)
			if diff := cmp.Diff([]table.Identifier{{"shop"}}, namespaces); err != nil || diff != "" {
				t.Fatalf("namespaces: %v, (-want +got)\n%s", err, diff)
			}
			var tables []string
			for id, err := range c.ListTables(t.Context(), table.Identifier{"shop"}) {
				if err != nil {
					t.Fatal(err)
				}
				tables = append(tables, strings.Join(id, "."))
			}
			if diff := cmp.Diff([]string{"shop.items", "shop.merged"}, tables); diff != "" { // no folder
				t.Errorf("tables (-want +got)\n%s", diff)
			}
			if rows := countServed(t, loadServed(t, c, "items")); rows != 100 {
				t.Errorf("%d rows, want 100", rows)
			}
			first := loadServed(t, c, "merged")

			s.exec(t, fillServed(90, 130, "2024-01-02 00:00:00")) // ten of them changed
			s.mustRun(t)
			if rows := countServed(t, loadServed(t, c, "items")); rows != 140 {
				t.Errorf("after the second commit %d rows, want 140", rows)
			}
			s.sameAsServed(t, first, loadServed(t, c, "merged"))

			for name, want := range map[string]bool{"items": true, "none": false, "folder": false} {
				if there, err := c.CheckTableExists(t.Context(), table.Identifier{"shop", name}); err != nil || there != want {
					t.Errorf("table %s is there: %t, %v; want %t", name, there, err, want)
				}
			}
			if _, err := c.LoadTable(t.Context(), table.Identifier{"shop", "none"}); !errors.Is(err, icecatalog.ErrNoSuchTable) {
				t.Errorf("load of a table that is not there: %v", err)
			}
			for name, want := range map[string]bool{"shop": true, "none": false} {
				if there, err := c.CheckNamespaceExists(t.Context(), table.Identifier{name}); err != nil || there != want {
					t.Errorf("namespace %s is there: %t, %v; want %t", name, there, err, want)
				}
			}
			if err := c.DropTable(t.Context(), table.Identifier{"shop", "items"}); !errors.Is(err, rest.ErrEndpointNotSupported) {
				t.Errorf("drop of a table: %v, want that the server does not offer it", err)
			}
		})
	}
}

// sameAsServed compares a merged table with what the lake says itself.
func (s *shop) sameAsServed(t *testing.T, first, now *table.Table) {
	t.Helper()
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.Describe(t.Context(), "", tidemark.TableID{Namespace: "shop", Name: "merged"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(now.CurrentSnapshot().SnapshotID); got != d.History[0].Snapshot || got == fmt.Sprint(first.CurrentSnapshot().SnapshotID) {
		t.Errorf("snapshot %s, want %s and not the one before", got, d.History[0].Snapshot)
	}
	if d.Deletes.Files == 0 {
		t.Error("the merge has written no deletes: the test shows less than it should")
	}
	if rows := countServed(t, now); fmt.Sprint(rows) != s.one(t, "SELECT count(*) FROM shop.merged") || rows != 130 {
		t.Errorf("%d rows, want 130", rows)
	}
	if now.MetadataLocation() != d.Metadata {
		t.Errorf("metadata at %s, want %s", now.MetadataLocation(), d.Metadata)
	}
	var got, want []string
	for _, f := range now.Schema().Fields() {
		got = append(got, f.Name+" "+f.Type.String())
	}
	for _, column := range d.Columns {
		want = append(want, column.Name+" "+column.Type)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got)\n%s", diff)
	}
}

// intoBucket moves the lake of the config to a bucket, and gives its keys to readers in the environment alone, as the
// catalog hands out none.
func (s *shop) intoBucket(t *testing.T, b *testenv.S3Server) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", b.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", b.SecretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	lake := fmt.Sprintf("    type: s3\n    url: s3://%s/lake\n    endpoint: %s\n    region: %s\n    path_style: true\n    access_key: ${env:AWS_ACCESS_KEY_ID}\n    secret_key: ${env:AWS_SECRET_ACCESS_KEY}\n",
		b.Bucket, b.Endpoint, b.Region)
	changed := strings.Replace(string(text), "    type: file\n    path: lake\n", lake, 1)
	if changed == string(text) {
		t.Fatal("the config has no such lake")
	}
	if err := os.WriteFile(s.file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An exchange is a request to a catalog and its answer.
type exchange struct {
	status int
	header http.Header
	body   []byte
}

func exchangeWith(t *testing.T, method, address string, header ...string) exchange {
	t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	a, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{a.StatusCode, a.Header, body}
}

// kind returns the type of the error in an answer, "" where it has none in the protocol's form.
func (e exchange) kind(t *testing.T) string {
	t.Helper()
	var body struct {
		Error struct {
			Message, Type string
			Code          int
		}
	}
	if json.Unmarshal(e.body, &body) != nil || body.Error.Message == "" {
		return ""
	}
	if body.Error.Code != e.status {
		t.Errorf("code %d in the body, status %d", body.Error.Code, e.status)
	}
	return body.Error.Type
}

// TestServedRefuses goes over the writes of the protocol, and over what is not there.
func TestServedRefuses(t *testing.T) {
	s := newShop(t, servedPipelines)
	s.exec(t, servedItems, fillServed(0, 3, "2024-01-01 00:00:00"))
	s.mustRun(t)
	address := serveLakes(t, s.file)
	const (
		items     = "/v1/lake/namespaces/shop/tables/items"
		namespace = "/v1/lake/namespaces/shop"
	)
	for _, c := range []struct {
		request string
		status  int
		kind    string
	}{
		{"POST /v1/lake/namespaces", 403, "ForbiddenException"},
		{"DELETE " + namespace, 403, "ForbiddenException"},
		{"POST " + namespace + "/properties", 403, "ForbiddenException"},
		{"POST " + namespace + "/tables", 403, "ForbiddenException"},
		{"POST " + namespace + "/register", 403, "ForbiddenException"},
		{"POST " + namespace + "/views", 403, "ForbiddenException"},
		{"POST " + namespace + "/views/v", 403, "ForbiddenException"},
		{"DELETE " + namespace + "/views/v", 403, "ForbiddenException"},
		{"POST " + namespace + "/register-view", 403, "ForbiddenException"},
		{"POST " + items, 403, "ForbiddenException"},
		{"DELETE " + items + "?purgeRequested=true", 403, "ForbiddenException"},
		{"POST " + items + "/unregister", 403, "ForbiddenException"},
		{"POST /v1/lake/tables/rename", 403, "ForbiddenException"},
		{"POST /v1/lake/views/rename", 403, "ForbiddenException"},
		{"POST /v1/lake/transactions/commit", 403, "ForbiddenException"},
		{"POST /v1/transactions/commit", 403, "ForbiddenException"},

		{"PUT " + items, 405, "UnsupportedOperationException"},
		{"PATCH " + namespace, 405, "UnsupportedOperationException"},
		{"GET " + items + "/metrics", 405, "UnsupportedOperationException"},
		{"POST /v1/config", 405, "UnsupportedOperationException"},

		{"POST /v1/oauth/tokens", 404, "NoSuchRouteException"},
		{"GET " + items + "/credentials", 404, "NoSuchRouteException"},
		{"POST " + items + "/plan", 404, "NoSuchRouteException"},
		{"GET /v1/other/namespaces", 404, "NoSuchRouteException"},
		{"GET /", 404, "NoSuchRouteException"},
		{"GET /v1", 404, "NoSuchRouteException"},
		{"GET /v2/config", 404, "NoSuchRouteException"},

		{"GET /v1/config?warehouse=other", 404, "NoSuchWarehouseException"},
		{"GET /v1/lake/namespaces?parent=none", 404, "NoSuchNamespaceException"},
		{"GET /v1/lake/namespaces/none", 404, "NoSuchNamespaceException"},
		{"GET /v1/lake/namespaces/shop%1Ftax", 404, "NoSuchNamespaceException"},
		{"GET /v1/lake/namespaces/none/tables", 404, "NoSuchNamespaceException"},
		{"GET /v1/lake/namespaces/none/views", 404, "NoSuchNamespaceException"},
		{"GET " + namespace + "/tables/none", 404, "NoSuchTableException"},
		{"GET " + namespace + "/tables/folder", 404, "NoSuchTableException"},
		{"GET " + namespace + "/tables/..%2Fshop%2Fitems", 404, "NoSuchTableException"},
		{"GET /v1/lake/namespaces/%2E%2E/tables/items", 404, "NoSuchTableException"},
		{"GET " + namespace + "/views/v", 404, "NoSuchViewException"},
		{"GET " + items + "?snapshots=some", 400, "BadRequestException"},
		{"GET " + namespace + "/tables?pageToken=&pageSize=0", 400, "BadRequestException"},
		{"GET " + namespace + "/tables?pageToken=%2A", 400, "BadRequestException"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		got := exchangeWith(t, method, address+path)
		if kind := got.kind(t); got.status != c.status || kind != c.kind {
			t.Errorf("%s: %d %s, want %d %s\n%s", c.request, got.status, kind, c.status, c.kind, got.body)
		}
	}
	if rows := s.one(t, "SELECT count(*) FROM shop.items"); rows != "3" {
		t.Errorf("%s rows after all that, want 3", rows)
	}
	for request, want := range map[string]int{
		"HEAD " + namespace: 204, "HEAD /v1/lake/namespaces/none": 404, "HEAD " + items: 204, "HEAD " + items + "2": 404,
		"HEAD /v1/config": 200, "OPTIONS " + items: 204, "POST " + items + "/metrics": 204, "HEAD " + namespace + "/tables": 200,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := exchangeWith(t, method, address+path); got.status != want || len(got.body) > 0 {
			t.Errorf("%s: %d with %q, want %d", request, got.status, got.body, want)
		}
	}
	if allow := exchangeWith(t, "OPTIONS", address+items).header.Get("Allow"); allow != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow: %s", allow)
	}
}

// TestServedTable: what is answered for a table is its metadata file, and only where the client does not have it yet.
func TestServedTable(t *testing.T) {
	s := newShop(t, servedPipelines)
	s.exec(t, servedItems, fillServed(0, 3, "2024-01-01 00:00:00"))
	s.mustRun(t)
	address := serveLakes(t, s.file)
	items := address + "/v1/lake/namespaces/shop/tables/items"

	type answer struct {
		Location string            `json:"metadata-location"`
		Metadata json.RawMessage   `json:"metadata"`
		Config   map[string]string `json:"config"`
	}
	read := func(e exchange) (a answer) {
		t.Helper()
		if err := json.Unmarshal(e.body, &a); e.status != http.StatusOK || err != nil {
			t.Fatalf("%d %s: %v", e.status, e.body, err)
		}
		return a
	}
	first := exchangeWith(t, "GET", items)
	file, err := os.ReadFile(read(first).Location)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(read(first).Metadata); got != strings.TrimSpace(string(file)) {
		t.Errorf("metadata\n%s\nwant that of the file\n%s", got, file)
	}
	tag := first.header.Get("ETag")
	if again := exchangeWith(t, "GET", items, "If-None-Match", tag); again.status != http.StatusNotModified || len(again.body) > 0 || again.header.Get("ETag") != tag {
		t.Errorf("the same again: %d with %d bytes, want 304", again.status, len(again.body))
	}

	s.exec(t, fillServed(3, 6, "2024-01-02 00:00:00"))
	s.mustRun(t)
	second := exchangeWith(t, "GET", items, "If-None-Match", `"x", `+tag)
	if second.status != http.StatusOK || second.header.Get("ETag") == tag {
		t.Errorf("after a commit: %d with tag %s, want 200 with another", second.status, second.header.Get("ETag"))
	}
	refs := exchangeWith(t, "GET", items+"?snapshots=refs")
	if refs.header.Get("ETag") == second.header.Get("ETag") {
		t.Error("the answer without old snapshots has the tag of the one with them")
	}
	all, err := table.ParseMetadataBytes(read(second).Metadata)
	if err != nil {
		t.Fatal(err)
	}
	some, err := table.ParseMetadataBytes(read(refs).Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Snapshots()) != 2 || len(some.Snapshots()) != 1 || some.CurrentSnapshot().SnapshotID != all.CurrentSnapshot().SnapshotID {
		t.Errorf("%d snapshots and %d that refs name, want 2 and 1", len(all.Snapshots()), len(some.Snapshots()))
	}

	zipped := exchangeWith(t, "GET", items, "Accept-Encoding", "br, gzip;q=0.5")
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) >= len(second.body) {
		t.Fatalf("%d bytes of encoding %q", len(zipped.body), zipped.header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(strings.NewReader(string(zipped.body)))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || string(plain) != string(second.body) {
		t.Errorf("gzip gives %q, %v", plain, err)
	}
	if got := exchangeWith(t, "GET", items, "Accept-Encoding", "gzip;q=0").header.Get("Content-Encoding"); got != "" {
		t.Errorf("encoding %q, which was not wanted", got)
	}
}

// TestServedHandsOutNoKeys: an engine is told where the bucket is, and not how the server gets in; nor does an error tell.
func TestServedHandsOutNoKeys(t *testing.T) {
	b := testenv.S3(t)
	s := newShop(t, servedPipelines)
	s.intoBucket(t, b)
	s.exec(t, servedItems, fillServed(0, 3, "2024-01-01 00:00:00"))
	password := s.signInAs(t, strings.Replace(s.database, "tide_", "served_", 1)) // the server's own may be a word of any text
	s.mustRun(t)
	items := "/v1/lake/namespaces/shop/tables/items"
	got := exchangeWith(t, "GET", serveLakes(t, s.file)+items, "X-Iceberg-Access-Delegation", "vended-credentials")
	var body struct{ Config map[string]string }
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"s3.endpoint": b.Endpoint, "s3.region": b.Region, "client.region": b.Region, "s3.path-style-access": "true"}
	if diff := cmp.Diff(want, body.Config); diff != "" {
		t.Errorf("config (-want +got)\n%s", diff)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
	refused := exchangeWith(t, "GET", serveLakes(t, s.file)+items)
	if refused.status != http.StatusInternalServerError || refused.kind(t) != "InternalServerError" {
		t.Errorf("a lake that denies access: %d %s", refused.status, refused.body)
	}
	for _, e := range []exchange{got, refused} {
		for _, secret := range []string{b.AccessKey, b.SecretKey, "not-the-secret", password} {
			if strings.Contains(string(e.body), secret) {
				t.Errorf("the answer has a secret: %s", e.body)
			}
		}
	}
}

// signInAs makes a user who reads the shop's tables, lets the configuration name that user, and returns the password.
func (s *shop) signInAs(t *testing.T, user string) (password string) {
	t.Helper()
	password = "in-no-other-text"
	s.server.Exec(t, "CREATE USER "+user+"@'%' IDENTIFIED BY '"+password+"'",
		"GRANT SELECT ON "+s.database+".* TO "+user+"@'%'", "GRANT PROCESS ON *.* TO "+user+"@'%'")
	t.Cleanup(func() { s.server.Exec(t, "DROP USER "+user+"@'%'") })
	s.edit(t, func(text string) string {
		return strings.Replace(text, s.server.URL(), "mysql://"+user+"@"+s.server.Addr()+"/", 1)
	})
	t.Setenv(passwordVariable, password)
	return password
}

// TestServedLakes: each lake is a warehouse, and names of many kinds come through.
func TestServedLakes(t *testing.T) {
	s := newShop(t, servedPipelines)
	s.exec(t, servedItems, fillServed(0, 3, "2024-01-01 00:00:00"))
	s.mustRun(t)
	for _, namespace := range []string{"a.b", "a+b=c", "a@b:c"} { // as other programs may have made them
		if err := os.CopyFS(filepath.Join(s.lake, namespace), os.DirFS(filepath.Join(s.lake, "shop"))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, []byte(strings.Replace(string(text), "connections:\n", "connections:\n  attic:\n    type: file\n    path: attic\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	address := serveLakes(t, s.file)
	if got := exchangeWith(t, "GET", address+"/v1/config"); got.status != 400 || got.kind(t) != "BadRequestException" || !strings.Contains(string(got.body), "attic, lake") {
		t.Errorf("config without a warehouse: %d %s", got.status, got.body)
	}
	if got := exchangeWith(t, "GET", address+"/v1/namespaces"); got.status != 400 {
		t.Errorf("namespaces of no lake: %d %s", got.status, got.body)
	}
	empty := attach(t, address, rest.WithWarehouseLocation("attic"))
	if namespaces, err := empty.ListNamespaces(t.Context(), nil); err != nil || len(namespaces) > 0 {
		t.Errorf("the empty lake has the namespaces %v, %v", namespaces, err)
	}
	c := attach(t, address, rest.WithWarehouseLocation("lake"))
	namespaces, err := c.ListNamespaces(t.Context(), nil)
	want := []table.Identifier{{"a+b=c"}, {"a.b"}, {"a@b:c"}, {"shop"}}
	if diff := cmp.Diff(want, namespaces); err != nil || diff != "" {
		t.Errorf("namespaces: %v, (-want +got)\n%s", err, diff)
	}
	for _, n := range want {
		if _, err := c.LoadTable(t.Context(), append(slices.Clone(n), "items")); err != nil {
			t.Errorf("load a table of %s: %v", n, err)
		}
		if there, err := c.CheckNamespaceExists(t.Context(), n); err != nil || !there {
			t.Errorf("namespace %s is there: %t, %v", n, there, err)
		}
		if below, err := c.ListNamespaces(t.Context(), n); err != nil || len(below) > 0 {
			t.Errorf("below %s: %v, %v", n, below, err)
		}
	}
	for _, n := range []table.Identifier{{"a", "b"}, {"ünï/code"}, {"%1F"}, {"shop", "x", "y"}} {
		if there, err := c.CheckNamespaceExists(t.Context(), n); err != nil || there {
			t.Errorf("namespace %q is there: %t, %v", n, there, err)
		}
	}
}
