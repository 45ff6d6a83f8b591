package iceberg

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestGlueTable: what stands in the catalog is what Athena and other engines look for, and what others have added stays.
func TestGlueTable(t *testing.T) {
	o := withGlue(t, memOptions())
	l := open(t, o)
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 5, "a"))
	id := pipeline("").Target
	first, err := o.Glue.Get(t.Context(), id, o.Root)
	if err != nil {
		t.Fatal(err)
	}
	first.Parameters["owned_by"] = "the other team"
	input := &types.TableInput{Name: first.Name, Parameters: first.Parameters, StorageDescriptor: first.StorageDescriptor, TableType: first.TableType, Owner: aws.String("them")}
	if ok, err := o.Glue.Update(t.Context(), id, first, input, o.Root); !ok || err != nil {
		t.Fatal(ok, err)
	}
	mustLoad(t, target, rowsOf(5, 7, "b"))
	addColumn(t, l)
	got, err := o.Glue.Get(t.Context(), id, o.Root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"table_type": "ICEBERG", "owned_by": "the other team"} {
		if got.Parameters[name] != want {
			t.Errorf("parameter %s = %q, want %q", name, got.Parameters[name], want)
		}
	}
	now, before := got.Parameters["metadata_location"], got.Parameters["previous_metadata_location"]
	if now != loadTable(t, l).MetadataLocation() || before == "" || before == now || before == first.Parameters["metadata_location"] {
		t.Errorf("the catalog points to %s, and before to %s", now, before)
	}
	if aws.ToString(got.Owner) != "them" || aws.ToString(got.TableType) != "EXTERNAL_TABLE" || *got.StorageDescriptor.Location != o.Root+"/shop/orders" {
		t.Errorf("owner %q, type %q, location %q", aws.ToString(got.Owner), aws.ToString(got.TableType), *got.StorageDescriptor.Location)
	}
	var columns []string
	for _, c := range got.StorageDescriptor.Columns {
		columns = append(columns, *c.Name+" "+*c.Type+" "+aws.ToString(c.Comment))
	}
	if diff := cmp.Diff([]string{"id int int: the order", "name string varchar(25)", "day date date", "note string "}, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestGlueStaleHead: a swap on a metadata file that is not the newest any more is refused, be the pointer older than the
// request or the version.
func TestGlueStaleHead(t *testing.T) {
	o := withGlue(t, memOptions())
	l := open(t, o)
	mustLoad(t, l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "a"))
	id := pipeline("").Target
	stale, err := o.Glue.Get(t.Context(), id, o.Root)
	if err != nil {
		t.Fatal(err)
	}
	was := loadTable(t, l)
	v, err := newVersion(id, was.MetadataLocation(), was.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	setProperty(t, l)
	if _, _, err := l.tables.heads.swap(t.Context(), v); !errors.Is(err, table.ErrCommitFailed) {
		t.Errorf("swap on an older pointer = %v, want ErrCommitFailed", err)
	}
	v.old = ""
	if _, _, err := l.tables.heads.swap(t.Context(), v); !errors.Is(err, table.ErrCommitFailed) {
		t.Errorf("make a table that is there = %v, want ErrCommitFailed", err)
	}
	input := &types.TableInput{Name: stale.Name, Parameters: stale.Parameters}
	if ok, err := o.Glue.Update(t.Context(), id, stale, input, o.Root); ok || err != nil {
		t.Errorf("change of an older version = %v, %v, want false", ok, err)
	}
}

// TestGlueLostAnswer: the catalog is changed, but the answer does not arrive. The commit finds itself in the table, and no
// row comes twice; the request is not sent again by itself, or its refusal would have cost a metadata file in use.
func TestGlueLostAnswer(t *testing.T) {
	for _, action := range []string{"CreateTable", "UpdateTable"} {
		g := testenv.Glue(t)
		behind, err := url.Parse(g.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int32
		proxy := httputil.NewSingleHostReverseProxy(behind)
		lossy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+action) && sent.Add(1) == 1 {
				proxy.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(lossy.Close)
		g.Endpoint = lossy.URL
		o := memOptions()
		o.Catalog, o.Glue = CatalogGlue, glueClient(t, g)
		l := open(t, o)
		target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
		if err := loadRows(t.Context(), target, rowsOf(0, 5, "a")); err != nil {
			t.Errorf("%s: %v", action, err)
		}
		mustLoad(t, target, rowsOf(5, 9, "b"))
		if sent.Load() == 0 {
			t.Errorf("%s was never sent", action)
		}
		check(t, l, rowsOf(0, 5, "a"), rowsOf(5, 9, "b"))
		if got := seq(t, target); got != 2 {
			t.Errorf("%s: the table is at commit %d, want 2", action, got)
		}
	}
}

// TestGlueForeign: tables of other formats and of other places are not of this lake, and are not overwritten.
func TestGlueForeign(t *testing.T) {
	o := withGlue(t, memOptions())
	l := open(t, o)
	foreign := map[string]map[string]string{
		"orders":    {"classification": "csv"},
		"elsewhere": {"table_type": "ICEBERG", "metadata_location": "s3://other/shop/elsewhere/metadata/1.metadata.json"},
	}
	for name, parameters := range foreign {
		input := &types.TableInput{Name: aws.String(name), Parameters: parameters, StorageDescriptor: &types.StorageDescriptor{Location: aws.String("s3://other/" + name)}}
		if _, err := o.Glue.Create(t.Context(), tidemark.TableID{Namespace: "shop", Name: name}, input, o.Root); err != nil {
			t.Fatal(err)
		}
	}
	if tables, err := l.Tables(t.Context()); err != nil || len(tables) > 0 {
		t.Errorf("tables of the lake = %v, %v, want none", tables, err)
	}
	for name := range foreign {
		p := pipeline(tidemark.ModeAppend)
		p.Target.Name = name
		if err := loadRows(t.Context(), l.Target(p, testLog(t)), rowsOf(0, 5, "a")); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("load into %s = %v, want ErrInvalid", name, err)
		}
	}
}

// TestGlueDenied: a refusal of the catalog is said at once, with what to allow.
func TestGlueDenied(t *testing.T) {
	for action, hint := range map[string]string{"CreateDatabase": "allow glue:CreateDatabase", "UpdateTable": "allow glue:UpdateTable"} {
		g := testenv.Glue(t)
		g.Refuse = func(a string) (string, string) {
			if a == action {
				return "AccessDeniedException", "User is not authorized to perform: glue:" + a
			}
			return "", ""
		}
		o := memOptions()
		o.Catalog, o.Glue = CatalogGlue, glueClient(t, g)
		err := loadRows(t.Context(), open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(0, 5, "a"))
		if !errors.Is(err, tidemark.ErrDenied) || errors.Is(err, tidemark.ErrFatal) || !strings.Contains(tidemark.Hint(err), hint) {
			t.Errorf("%s: %v, hint %q", action, err, tidemark.Hint(err))
		}
	}
}
