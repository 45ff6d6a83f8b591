package run_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/internal/verify"
	"github.com/tidemark-data/tidemark/run"
)

// verified compares the only pipeline's table with its source.
func (s *shop) verified(t *testing.T, o run.VerifyOptions) *run.VerifyReport {
	t.Helper()
	r, err := run.Load(s.file, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var report *run.VerifyReport
	err = r.Verify(context.Background(), nil, o, func(v run.Verification) {
		if v.Err != nil {
			t.Fatalf("verify %s: %v", v.Pipeline, v.Err)
		}
		report = v.Report
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// verifyRows is how many rows the tables have in which differences are planted.
func verifyRows() int {
	if testenv.Race {
		return 100_000
	}
	return 1_000_000
}

var verifyWays = []struct {
	format, mode string
	key          bool
}{
	{"iceberg", "merge", true},
	{"iceberg", "append", true},
	{"iceberg", "append", false},
	{"parquet", "append", true},
	{"parquet", "append", false},
}

// TestVerifyFindsWhatDiffers plants every kind of difference that a cursor cannot see, and wants exactly these.
func TestVerifyFindsWhatDiffers(t *testing.T) {
	for _, way := range verifyWays {
		t.Run(fmt.Sprintf("%s %s, key %v", way.format, way.mode, way.key), func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			n := verifyRows()
			fillForVerify(t, s, n, way.key)
			s.mustRun(t)
			if r := s.verified(t, run.VerifyOptions{}); !r.Clean() || r.SourceRows < int64(n)-2 || r.SourceRows != r.LakeRows {
				t.Fatalf("nothing was changed: %+v", r)
			}
			plant(t, s, n)
			tamper(t, s.lake)
			r := s.verified(t, run.VerifyOptions{})
			checkPlanted(t, r, way.key)
			t.Logf("%d rows, %d parts, %d differ, %d rows transferred, %v", r.SourceRows, r.Parts, r.Differing, r.Fetched, r.Took)
		})
	}
}

// fillForVerify makes table items of n rows, which refer to a table of parents.
func fillForVerify(t *testing.T, s *shop, n int, key bool) {
	t.Helper()
	primary := ""
	if key {
		primary = ", PRIMARY KEY (id)"
	}
	digits := "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	number, from := "0", ""
	for i, factor := 0, 1; factor < n; i, factor = i+1, factor*10 {
		number += fmt.Sprintf(" + %d * d%d.d", factor, i)
		from += fmt.Sprintf(", %s d%d", digits, i)
	}
	s.exec(t,
		"CREATE TABLE parents (id INT PRIMARY KEY)",
		"INSERT INTO parents SELECT d FROM "+digits+" p UNION ALL SELECT 1000",
		"CREATE TABLE items (id INT NOT NULL, parent INT NOT NULL, note VARCHAR(40) NULL, price DECIMAL(10,2) NOT NULL, "+
			"at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"+primary+", KEY (parent), KEY (at), "+
			"FOREIGN KEY (parent) REFERENCES parents (id) ON UPDATE CASCADE)",
		"INSERT INTO items SELECT n, IF(n BETWEEN 400 AND 449, 1000, n % 10), IF(n % 7 = 0, NULL, CONCAT('note, ', n)), n / 100, '2024-01-01' + INTERVAL n SECOND "+
			"FROM (SELECT "+number+" AS n FROM "+strings.TrimPrefix(from, ", ")+") s")
}

// plant changes the source in ways that a cursor does not see.
func plant(t *testing.T, s *shop, n int) {
	t.Helper()
	s.exec(t,
		"DELETE FROM items WHERE id BETWEEN 100 AND 199",
		"UPDATE items SET note = CONCAT('changed ', id), at = at WHERE id BETWEEN 200 AND 299",
		"UPDATE parents SET id = 1001 WHERE id = 1000", // 50 items refer to it
		fmt.Sprintf("INSERT INTO items SELECT id + %d, parent, note, price, '2024-01-01 00:00:01' FROM items WHERE id BETWEEN 500 AND 599", n))
}

// tamper takes the items 600 to 609 out of the lake, and doubles the items 700 to 709.
func tamper(t *testing.T, lake string) {
	t.Helper()
	db, err := duckdb.Open(t.Context(), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = filepath.WalkDir(filepath.Join(lake, "shop"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		rows := "SELECT * FROM read_parquet(" + duckdb.Literal(path) + ") WHERE id "
		statement := fmt.Sprintf("COPY (%s NOT BETWEEN 600 AND 609 UNION ALL %s BETWEEN 700 AND 709) TO %s (FORMAT parquet, FIELD_IDS {id: 1, parent: 2, note: 3, price: 4, \"at\": 5})", rows, rows, duckdb.Literal(path+".new"))
		if err := db.Exec(t.Context(), statement); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkPlanted wants the planted differences, all of them and no others.
func checkPlanted(t *testing.T, r *run.VerifyReport, key bool) {
	t.Helper()
	n := verifyRows()
	want := map[verify.Kind][]int{
		verify.Missing: append(span(n+500, n+599), span(600, 609)...), verify.Doubled: span(700, 709), verify.Deleted: span(100, 199),
		verify.Different: append(span(200, 299), span(400, 449)...),
	}
	if !key { // a changed row is another row
		want[verify.Missing] = append(want[verify.Missing], want[verify.Different]...)
		want[verify.Deleted] = append(want[verify.Deleted], want[verify.Different]...)
		delete(want, verify.Different)
	}
	got := map[verify.Kind]map[int]verify.Row{}
	for _, row := range r.Rows {
		id, err := strconv.Atoi(*row.Key[0].Value)
		if err != nil || row.Key[0].Column != "id" {
			t.Fatalf("row %+v: %v", row, err)
		}
		if got[row.Kind] == nil {
			got[row.Kind] = map[int]verify.Row{}
		}
		got[row.Kind][id] = row
	}
	for _, kind := range verify.Kinds {
		for _, id := range want[kind] {
			row, found := got[kind][id]
			if !found {
				t.Errorf("%s: item %d was not found", kind, id)
			}
			column := map[bool]string{true: "note", false: "parent"}[id < 300]
			if kind == verify.Different && (len(row.Differ) != 1 || row.Differ[0].Column != column) {
				t.Errorf("item %d: differs in %+v, want %s", id, row.Differ, column)
			}
			delete(got[kind], id)
		}
		if len(got[kind]) > 0 || r.Found[kind] != int64(len(want[kind])) {
			t.Errorf("%s: %d rows, want %d; too many: %v", kind, r.Found[kind], len(want[kind]), got[kind])
		}
	}
	if r.Partial != 0 {
		t.Errorf("%d parts were left", r.Partial)
	}
}

func span(from, to int) (ids []int) {
	for id := from; id <= to; id++ {
		ids = append(ids, id)
	}
	return ids
}

// TestVerifyBesideWriters: what writers do meanwhile is the next run's business, and no difference.
func TestVerifyBesideWriters(t *testing.T) {
	for _, way := range verifyWays {
		t.Run(fmt.Sprintf("%s %s, key %v", way.format, way.mode, way.key), func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			fillForVerify(t, s, 20_000, way.key)
			s.mustRun(t)
			s.exec(t, "DELETE FROM items WHERE id BETWEEN 100 AND 104")
			ctx, stop := context.WithCancel(t.Context())
			var writers sync.WaitGroup
			db := s.server.DB(t, s.database)
			for w := range 2 {
				writers.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						_, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO items (id, parent, price) VALUES (%d, 1, 1)", 100_000*(w+1)+i))
						if err == nil && way.key { // without a key an older version counts as deleted
							_, err = db.ExecContext(ctx, fmt.Sprintf("UPDATE items SET price = price + 1 WHERE id = %d", 1000+(i*7919+w)%10_000))
						}
						if err != nil && ctx.Err() == nil {
							t.Error(err)
						}
					}
				})
			}
			for range 5 {
				r := s.verified(t, run.VerifyOptions{})
				if r.Found[verify.Deleted] != 5 || r.Total() != 5 {
					t.Errorf("found %v, want the 5 deleted rows: %+v", r.Found, r.Rows)
				}
			}
			stop()
			writers.Wait()
			s.mustRun(t)
			s.mustRun(t)
			if r := s.verified(t, run.VerifyOptions{}); r.Found[verify.Deleted] != 5 || r.Total() != 5 {
				t.Errorf("after the last run: %v %+v", r.Found, r.Rows)
			}
		})
	}
}

// TestVerifyStopsWhenEnoughIsNamed: where everything differs, nobody wants to read it all.
func TestVerifyStopsWhenEnoughIsNamed(t *testing.T) {
	s := newShop(t, itemsPipeline("iceberg", "merge"))
	fillForVerify(t, s, 20_000, true)
	s.mustRun(t)
	s.exec(t, "UPDATE items SET price = price + 1, at = at")
	r := s.verified(t, run.VerifyOptions{Limit: 10})
	if len(r.Rows) != 10 || r.Found[verify.Different] < 10 || r.Found[verify.Different] > 6_000 || r.Partial == 0 || r.Clean() {
		t.Errorf("%d rows named, found %v, %d parts left", len(r.Rows), r.Found, r.Partial)
	}
}

// verifyTypes has the tables of all types compared: no row below settled may look different.
func (s *shop) verifyTypes(t *testing.T, tables []typeTable) {
	t.Helper()
	rows := map[string]int64{}
	for _, table := range tables {
		names := []string{}
		for _, c := range table.columns {
			if !c.generated() {
				names = append(names, backquoted(c.name))
			}
		}
		list := strings.Join(names, ", ")
		// All rows share one value of the cursor; one more lifts settled above it.
		s.exec(t, "SET sql_mode = 'ALLOW_INVALID_DATES'", "USE "+s.database, fmt.Sprintf("INSERT INTO %[1]s (id, %[2]s, %[3]s) SELECT 1000, '2024-02-01', %[3]s FROM %[1]s WHERE id = 1",
			backquoted(table.name), backquoted(table.cursor), list))
		for _, format := range typeFormats {
			rows[format+"-"+table.target] = int64(table.rows())
		}
	}
	s.mustRun(t)
	r, err := run.Load(s.file, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Verify(context.Background(), nil, run.VerifyOptions{}, func(v run.Verification) {
		if v.Err != nil {
			t.Errorf("verify %s: %v", v.Pipeline, v.Err)
			return
		}
		if want := rows[string(v.Pipeline)]; v.Report.Differing > 0 || v.Report.SourceRows != want || v.Report.LakeRows != want {
			t.Errorf("verify %s: %d parts differ, %d and %d rows, want 0 and %d: %+v", v.Pipeline, v.Report.Differing, v.Report.SourceRows, v.Report.LakeRows, want, v.Report.Rows)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestVerifyInBucket: the data files are fetched from an S3 server.
func TestVerifyInBucket(t *testing.T) {
	s3 := testenv.S3(t)
	for name, value := range map[string]string{
		"TIDEMARK_CONNECTIONS_LAKE_TYPE": "s3", "TIDEMARK_CONNECTIONS_LAKE_URL": "s3://" + s3.Bucket + "/lake", "TIDEMARK_CONNECTIONS_LAKE_ENDPOINT": s3.Endpoint,
		"TIDEMARK_CONNECTIONS_LAKE_REGION": s3.Region, "TIDEMARK_CONNECTIONS_LAKE_PATH_STYLE": "true", "LAKE_KEY": s3.AccessKey, "LAKE_SECRET": s3.SecretKey,
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	s := newShop(t, itemsPipeline("iceberg", "merge"))
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	lake := "    type: s3\n    url: s3://from-environment\n    access_key: ${env:LAKE_KEY}\n    secret_key: ${env:LAKE_SECRET}\n"
	if err := os.WriteFile(s.file, []byte(strings.Replace(string(text), "    type: file\n    path: lake\n", lake, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	fillForVerify(t, s, 10_000, true)
	s.mustRun(t)
	s.exec(t, "UPDATE items SET price = 0 WHERE id < 50", "DELETE FROM items WHERE id = 60")
	s.mustRun(t) // the merge writes deletes
	if r := s.verified(t, run.VerifyOptions{}); r.Found[verify.Deleted] != 1 || r.Total() != 1 || r.LakeRows == 0 {
		t.Errorf("found %v, want one deleted row: %+v", r.Found, r)
	}
}

// TestVerifyEmbedded: the server of the demo knows the functions that a comparison needs.
func TestVerifyEmbedded(t *testing.T) {
	server := testenv.Embedded(t)
	t.Setenv(passwordVariable, server.Password)
	dir := t.TempDir()
	s := &shop{server: server, database: "retail_db", lake: filepath.Join(dir, "lake"), file: filepath.Join(dir, "tidemark.yaml")}
	s.configure(t, `  orders:
    source: {connection: shop, table: retail_db.orders, cursor: order_last_updated}
    target: {connection: lake, table: shop.orders, format: parquet, mode: append}
`)
	s.mustRun(t)
	if r := s.verified(t, run.VerifyOptions{}); !r.Clean() || r.SourceRows < 60_000 {
		t.Errorf("%+v", r)
	}
}
