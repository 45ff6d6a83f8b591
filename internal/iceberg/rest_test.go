package iceberg

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestRESTCredentials: each way to log in is taken, and wrong ones are refused with a word on where to look.
func TestRESTCredentials(t *testing.T) {
	s := testenv.REST(t)
	signed := func(key string) aws.Config {
		return aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider(key, "secret", "")}
	}
	tests := []struct {
		name string
		o    RESTOptions
		kind error // nil when it is good
		hint string
	}{
		{"token", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, Token: s.Token}, nil, ""},
		{"client", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, ClientID: s.ClientID, ClientSecret: s.ClientSecret}, nil, ""},
		{"client, other endpoint", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURI: s.URI + "/v1/oauth/tokens", Scope: "all"}, nil, ""},
		{"signature", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, SignFor: "glue", AWS: signed(s.AccessKey)}, nil, ""},
		{"wrong token", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, Token: "hush-a"}, tidemark.ErrDenied, "token"},
		{"no token", RESTOptions{URI: s.URI, Warehouse: s.Warehouse}, tidemark.ErrDenied, "token"},
		{"wrong secret", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, ClientID: s.ClientID, ClientSecret: "hush-b"}, tidemark.ErrDenied, "client_secret"},
		{"wrong key", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, SignFor: "glue", AWS: signed("other")}, tidemark.ErrDenied, ""},
		{"other service", RESTOptions{URI: s.URI, Warehouse: s.Warehouse, SignFor: "s3tables", AWS: signed(s.AccessKey)}, tidemark.ErrDenied, ""},
		{"unknown warehouse", RESTOptions{URI: s.URI, Warehouse: "other", Token: s.Token}, tidemark.ErrInvalid, "warehouse"},
		{"other path", RESTOptions{URI: s.URI + "/api", Warehouse: s.Warehouse, Token: s.Token}, tidemark.ErrInvalid, "uri"},
		{"no such host", RESTOptions{URI: "http://no-such-host.invalid", Warehouse: s.Warehouse, Token: "hush-c"}, tidemark.ErrTransient, ""},
		{"nobody listens", RESTOptions{URI: "http://127.0.0.1:1", Warehouse: s.Warehouse, Token: "hush-c"}, tidemark.ErrTransient, ""},
		{"https for http", RESTOptions{URI: strings.Replace(s.URI, "http:", "https:", 1), Warehouse: s.Warehouse, Token: "hush-d"}, tidemark.ErrInvalid, "uri: http://"},
		{"no roots", RESTOptions{URI: s.URI, CAFile: "/nowhere/ca.pem"}, tidemark.ErrInvalid, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := fileOptions(t)
			o.Catalog, o.REST = CatalogREST, test.o
			err := loadRows(t.Context(), open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "a"))
			if test.kind == nil {
				if err == nil {
					check(t, open(t, o), rowsOf(0, 5, "a"))
					err = open(t, o).Drop(t.Context(), planDrop(t, open(t, o)), nothing)
				}
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, test.kind) || !strings.Contains(tidemark.Hint(err), test.hint) {
				t.Errorf("%v, hint %q; want %v and %q", err, tidemark.Hint(err), test.kind, test.hint)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// TestRESTRoots: a server whose certificate the machine does not trust is refused, and taken with its own root.
func TestRESTRoots(t *testing.T) {
	s := testenv.REST(t)
	server := httptest.NewUnstartedServer(s)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := restOptions(fileOptions(t), s)
	o.REST.URI = server.URL
	if _, err := open(t, o).Tables(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "set ca ") {
		t.Errorf("without its root: %v, hint %q", err, tidemark.Hint(err))
	}
	o.REST.CAFile = ca
	if _, err := open(t, o).Tables(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRESTFaults: whatever the server answers to a commit, and whether it has made it or not, the rows are there once, and
// each change is sent once for each time that we decide to.
func TestRESTFaults(t *testing.T) {
	for name, fault := range map[string]testenv.RESTFault{
		"refused": testenv.RESTRefused, "busy": testenv.RESTBusy, "conflict": testenv.RESTConflict, "lost": testenv.RESTLost,
	} {
		t.Run(name, func(t *testing.T) {
			s := testenv.REST(t)
			var on bool
			var sent int
			s.Fault = func(method, path string) testenv.RESTFault {
				if !on || method != http.MethodPost || !strings.HasSuffix(path, "/tables/orders") {
					return testenv.RESTNone
				}
				if sent++; sent == 1 {
					return fault
				}
				return testenv.RESTNone
			}
			o := restOptions(fileOptions(t), s)
			l := open(t, o)
			target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
			mustLoad(t, target, rowsOf(0, 5, "a"))
			on = true
			mustLoad(t, target, rowsOf(5, 9, "b"))
			on = false
			want := map[testenv.RESTFault]int{testenv.RESTRefused: 2, testenv.RESTConflict: 2, testenv.RESTBusy: 1, testenv.RESTLost: 1}[fault]
			if sent != want {
				t.Errorf("the commit was sent %d times, want %d", sent, want)
			}
			check(t, l, rowsOf(0, 5, "a"), rowsOf(5, 9, "b"))
			if got := seq(t, target); got != 2 {
				t.Errorf("seq = %d, want 2", got)
			}
		})
	}
}

// TestRESTCreateFaults: a table that was made, but of which the server did not say so, is found and completed.
func TestRESTCreateFaults(t *testing.T) {
	for _, fault := range []testenv.RESTFault{testenv.RESTRefused, testenv.RESTBusy, testenv.RESTLost} {
		s := testenv.REST(t)
		faults := 0
		s.Fault = func(method, path string) testenv.RESTFault {
			if method == http.MethodPost && strings.HasSuffix(path, "/tables") && faults < 2 {
				faults++
				return fault
			}
			return testenv.RESTNone
		}
		p := pipeline(tidemark.ModeMerge)
		p.PartitionBy = []string{"day(day)", "bucket(4, id)"}
		l := open(t, restOptions(fileOptions(t), s))
		mustLoad(t, l.Target(p, testLog(t)), rowsOf(0, 5, "a"))
		mustLoad(t, l.Target(p, testLog(t)), rowsOf(3, 7, "b"))
		check(t, l, rowsOf(0, 3, "a"), rowsOf(3, 7, "b"))
		tbl := loadTable(t, l)
		if spec := tbl.Metadata().PartitionSpec(); spec.NumFields() != 2 || faults == 0 {
			t.Errorf("with %d faults the table is partitioned by %v", faults, spec)
		}
	}
}

// TestRESTDenied: a refusal is said at once, and nothing is open.
func TestRESTDenied(t *testing.T) {
	s := testenv.REST(t)
	denied := false
	s.Fault = func(method, path string) testenv.RESTFault {
		if denied && method == http.MethodPost {
			return testenv.RESTDenied
		}
		return testenv.RESTNone
	}
	l := open(t, restOptions(fileOptions(t), s))
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 5, "a"))
	denied = true
	if err := loadRows(t.Context(), target, rowsOf(5, 9, "b")); !errors.Is(err, tidemark.ErrDenied) || errors.Is(err, tidemark.ErrFatal) {
		t.Errorf("Commit = %v, want ErrDenied alone", err)
	}
	denied = false
	check(t, l, rowsOf(0, 5, "a"))
}

// between does something just before a swap.
type between struct {
	heads
	do func()
}

func (b *between) loose() bool { return true }

func (b *between) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.heads.swap(ctx, v)
}

// TestRESTExpiryBesideRewind: snapshots go without that main moves. A rewind that is on its way to one of them must not
// come to stand on files that are gone.
func TestRESTExpiryBesideRewind(t *testing.T) {
	for _, after := range []int{0, 1} { // swaps of the rewind
		s := testenv.REST(t)
		o := restOptions(fileOptions(t), s)
		l, other := open(t, o), open(t, o)
		p := pipeline(tidemark.ModeReplace)
		target := l.Target(p, testLog(t))
		for _, name := range []string{"a", "b", "c"} {
			mustLoad(t, target, rowsOf(0, 5, name))
		}
		own := l.tables.heads
		b := &between{heads: own}
		expire := func() {
			if m := maintain(t, other, p, UpkeepOptions{KeepLast: 1, LeftoverAge: time.Hour}); m.Snapshots == 0 {
				t.Error("nothing has expired")
			}
		}
		b.do = expire
		if after == 1 {
			b.do = func() { b.do = expire }
		}
		l.tables.heads = b
		err := goBack(t, target, 1)
		l.tables.heads = own
		want := rowsOf(0, 5, "c")
		if err == nil {
			want = rowsOf(0, 5, "a")
		} else if !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("swap %d: the rewind ended with %v", after, err)
		}
		if (after == 1) != (err == nil) {
			t.Errorf("swap %d: the rewind ended with %v", after, err)
		}
		check(t, l, want)
		mustLoad(t, target, rowsOf(0, 5, "d"))
		check(t, l, rowsOf(0, 5, "d"))
		if got := pinned(loadTable(t, l)); got != 0 {
			t.Errorf("swap %d: snapshot %d is still held", after, got)
		}
	}
}

// TestRESTDropOfEmpty: a table without a snapshot is dropped beside its first run. The run's commit must not come into the
// marked table.
func TestRESTDropOfEmpty(t *testing.T) {
	o := withREST(t, fileOptions(t))
	l, other := open(t, o), open(t, o)
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	c, err := write(t.Context(), target, tidemark.Watermark{}, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	own := l.tables.heads
	stopped := errors.New("stopped")
	l.tables.heads = &between{heads: own, do: func() {
		if err := other.Drop(t.Context(), planDrop(t, other), func() error { return stopped }); !errors.Is(err, stopped) {
			t.Error(err)
		}
	}}
	if err := target.Commit(t.Context(), c); err == nil {
		t.Error("the commit succeeded in a table that is being dropped")
	}
	l.tables.heads = own
	if err := other.Drop(t.Context(), planDrop(t, other), nothing); err != nil {
		t.Fatal(err)
	}
	if got := parquetFiles(t, o); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

// TestRESTMetadataStays: maintenance removes what we have left, but no metadata file, which are the server's.
func TestRESTMetadataStays(t *testing.T) {
	o := withREST(t, fileOptions(t))
	l, p := open(t, o), pipeline(tidemark.ModeAppend)
	mustLoad(t, l.Target(p, testLog(t)), rowsOf(0, 5, "a"))
	metadata := func() []string {
		return slices.DeleteFunc(stored(t, o), func(key string) bool { return !strings.HasSuffix(key, ".metadata.json") })
	}
	if _, err := write(t.Context(), l.Target(p, testLog(t)), tidemark.Watermark{}, rowsOf(5, 9, "left over")); err != nil {
		t.Fatal(err)
	}
	server := strings.Replace(metadata()[0], "0000", "0009", 1) // of a commit that the server is making
	if err := o.Store.Put(t.Context(), server, []byte("{}"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	before := metadata()
	if m := maintain(t, l, p, UpkeepOptions{KeepLast: 1}); m.Removed == 0 {
		t.Error("nothing was removed")
	}
	for _, key := range before {
		if !slices.Contains(metadata(), key) {
			t.Errorf("%s was removed", key)
		}
	}
	check(t, l, rowsOf(0, 5, "a"))
}

// TestRESTElsewhere: tables of the server that lie outside of the lake are none of its own.
func TestRESTElsewhere(t *testing.T) {
	s := testenv.REST(t)
	mine, others := restOptions(fileOptions(t), s), restOptions(fileOptions(t), s)
	mustLoad(t, open(t, others).Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "a"))
	l := open(t, mine)
	if tables, err := l.Tables(t.Context()); err != nil || len(tables) > 0 {
		t.Errorf("Tables = %v, %v", tables, err)
	}
	err := loadRows(t.Context(), l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "b"))
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "another name") {
		t.Errorf("a table elsewhere: %v, hint %q", err, tidemark.Hint(err))
	}
	check(t, open(t, others), rowsOf(0, 5, "a"))
}
