package query

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// prunedLake has two tables of some files each, whose values lie close together in a file, as they do where rows are
// loaded in the order of a cursor, and of whose bounds some are wide, and some not known.
func prunedLake(t testing.TB, r *rand.Rand) *lake {
	l := newLake(t)
	fields := []arrow.Field{
		field(1, "id", i32), field(2, "amount", &arrow.Decimal128Type{Precision: 8, Scale: 2}), field(3, "day", arrow.FixedWidthTypes.Date32),
		field(4, "at", &arrow.TimestampType{Unit: arrow.Microsecond}), field(5, "zoned", arrow.FixedWidthTypes.Timestamp_us), field(6, "name", str), field(7, "f", arrow.PrimitiveTypes.Float64),
	}
	for _, name := range []string{"a", "b"} {
		s := l.table("shop", name, fields...)
		known := []map[string]tidemark.Bounds{}
		for n := range 8 {
			rows, bounds := prunedFile(r, n)
			s.Data = append(s.Data, l.file(fmt.Sprintf("%s/%d.parquet", name, n), int64(n+1), fields, rows...))
			s.Data[n].Rows = int64(len(rows))
			known = append(known, bounds)
		}
		if name == "b" { // rows that are deleted must not come back
			d := l.file("b/deleted.parquet", 5, fields[:1], `{"id":3}`, `{"id":14}`, `{"id":21}`, `{"id":40}`)
			d.Equality = []string{"id"}
			s.Deletes = append(s.Deletes, d)
		}
		s.Bounds = func(i int, column string) (tidemark.Bounds, bool) {
			b, ok := known[i][column]
			return b, ok
		}
	}
	return l
}

// prunedFile makes the n-th file's rows and what is known of them.
func prunedFile(r *rand.Rand, n int) (rows []string, bounds map[string]tidemark.Bounds) {
	values := map[string][]string{}
	for range 6 {
		k := 7*n + r.IntN(9)
		row := map[string]string{
			"id": fmt.Sprint(k), "amount": fmt.Sprintf("%d.%02d", k, r.IntN(100)), "day": fmt.Sprintf("2014-07-%02d", 1+k%28),
			"at": fmt.Sprintf("2014-%02d-%02d 12:00:00.000001", 1+n, 1+k%28), "zoned": fmt.Sprintf("2014-%02d-01 23:30:00", 1+n), "name": fmt.Sprintf("n%02d'é", k), "f": fmt.Sprint(k),
		}
		var members []string
		for column, v := range row {
			if r.IntN(6) == 0 || n == 6 && column == "amount" {
				v = ""
			}
			values[column] = append(values[column], v)
			switch {
			case v == "":
				v = "null"
			case column == "zoned":
				v = `"` + strings.Replace(v, " ", "T", 1) + `Z"`
			case column != "id" && column != "f":
				v = `"` + v + `"`
			}
			members = append(members, fmt.Sprintf("%q:%s", column, v))
		}
		rows = append(rows, "{"+strings.Join(members, ",")+"}")
	}
	bounds = map[string]tidemark.Bounds{}
	for column, all := range values {
		if column == "f" || r.IntN(8) == 0 {
			continue
		}
		bounds[column] = boundsOf(r, column, all)
	}
	return rows, bounds
}

func boundsOf(r *rand.Rand, column string, values []string) tidemark.Bounds {
	var b tidemark.Bounds
	less := func(a, b string) bool {
		if column == "id" || column == "amount" {
			var x, y float64
			_, _ = fmt.Sscan(a, &x)
			_, _ = fmt.Sscan(b, &y)
			return x < y
		}
		return a < b
	}
	for _, v := range values {
		if v == "" {
			b.Nulls++
			continue
		}
		if b.Lower == nil || less(v, *b.Lower) {
			b.Lower = &v
		}
		if b.Upper == nil || less(*b.Upper, v) {
			b.Upper = &v
		}
	}
	switch r.IntN(8) {
	case 0:
		b.Nulls = -1
	case 1:
		b.Lower = nil
	case 2:
		if column == "name" && b.Lower != nil { // as a long text is cut
			cut := (*b.Lower)[:2]
			b.Lower = &cut
		}
	}
	return b
}

// predicate returns a random condition on the columns of a table of that alias.
func predicate(r *rand.Rand, alias string, depth int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	if depth > 0 && r.IntN(3) == 0 {
		a, b := predicate(r, alias, depth-1), predicate(r, alias, depth-1)
		return pick("("+a+" AND "+b+")", "("+a+" OR "+b+")", "(NOT "+a+")", "(("+a+") IS NOT FALSE)")
	}
	k := r.IntN(64)
	columns := map[string][]string{
		"id":     {fmt.Sprint(k), fmt.Sprintf("%d.5", k), fmt.Sprintf("'%d'", k), fmt.Sprintf("-%d", k), fmt.Sprintf("%de0", k), fmt.Sprintf("%d + 1", k), "NULL", fmt.Sprintf("CAST('%d' AS BIGINT)", k), fmt.Sprintf("CAST('%d' AS VARCHAR)", k)},
		"amount": {fmt.Sprint(k), fmt.Sprintf("%d.255", k), fmt.Sprintf("'%d.5'", k), fmt.Sprintf("%de-1", k), fmt.Sprintf("CAST(%d AS DOUBLE)", k)},
		"day":    {fmt.Sprintf("'2014-07-%02d'", 1+k%28), fmt.Sprintf("DATE '2014-07-%02d'", 1+k%28), fmt.Sprintf("TIMESTAMP '2014-07-%02d 11:00:00'", 1+k%28), fmt.Sprintf("DATE '2014-06-%02d' + INTERVAL 1 MONTH", 1+k%28)},
		"at":     {fmt.Sprintf("'2014-%02d-01'", 1+k%9), fmt.Sprintf("DATE '2014-%02d-09'", 1+k%9), fmt.Sprintf("TIMESTAMP '2014-%02d-20' - INTERVAL '3' DAY", 1+k%9), fmt.Sprintf("TIMESTAMPTZ '2014-%02d-20 00:00:00+02'", 1+k%9)},
		"zoned":  {fmt.Sprintf("'2014-%02d-02 00:00:00+02'", 1+k%9), fmt.Sprintf("TIMESTAMP '2014-%02d-01 23:30:00'", 1+k%9), fmt.Sprintf("DATE '2014-%02d-09'", 1+k%9)},
		"name":   {fmt.Sprintf("'n%02d'", k), fmt.Sprintf("'n%02d''é'", k), "''", "'z'", "CAST('n20' AS VARCHAR)"},
		"f":      {fmt.Sprint(k), "'NaN'"},
	}
	column := pick("id", "amount", "day", "at", "zoned", "name", "f")
	name := alias + "." + column
	constant := func() string { return pick(columns[column]...) }
	switch r.IntN(12) {
	case 0:
		return name + " IS NULL"
	case 1:
		return name + " IS NOT NULL"
	case 2:
		return fmt.Sprintf("%s IN (%s, %s)", name, constant(), constant())
	case 3:
		return fmt.Sprintf("%s NOT IN (%s)", name, constant())
	case 4:
		return fmt.Sprintf("%s BETWEEN %s AND %s", name, constant(), constant())
	case 5:
		return fmt.Sprintf("%s %s %s", constant(), pick("<", ">", "<=", ">=", "="), name)
	case 6:
		return pick(alias+".id % 7 = 2", alias+".name LIKE 'n1%'", alias+".id < "+alias+".f", "CAST("+alias+".id AS VARCHAR) < '3'", alias+".id + 1 = 20", name+" IS NOT DISTINCT FROM "+constant(),
			alias+".day <> '2014-07-03'", alias+".id > (SELECT min(id) FROM shop.a)")
	default:
		return fmt.Sprintf("%s %s %s", name, pick("<", ">", "<=", ">=", "=", "="), constant())
	}
}

// statements are the ways to put a condition on x, which may be on y too, into a statement.
var prunedStatements = []string{
	"SELECT x.* FROM shop.b x WHERE %[1]s",
	"SELECT x.* FROM shop.b x WHERE %[1]s",
	"SELECT count(*), sum(id), min(name) FROM shop.a x WHERE %[1]s",
	"SELECT x.id, y.id FROM shop.a x JOIN shop.b y ON x.id = y.id WHERE %[1]s AND %[2]s",
	"SELECT x.id, y.id FROM shop.a x, shop.b y WHERE x.id = y.id AND %[1]s",
	"SELECT x.id, y.id FROM shop.a x LEFT JOIN shop.b y ON x.id = y.id WHERE %[1]s AND %[2]s",
	"SELECT x.id, y.id FROM shop.a y RIGHT JOIN shop.b x ON x.id = y.id WHERE %[1]s AND %[2]s",
	"SELECT x.id, y.id FROM shop.a x FULL JOIN shop.b y ON x.id = y.id WHERE %[1]s AND %[2]s",
	"SELECT id, x.name, y.name FROM shop.a x LEFT JOIN shop.b y USING (id) WHERE id < 20 AND %[1]s AND (y.id IS NULL OR %[2]s)",
	"SELECT x.id FROM shop.a x SEMI JOIN shop.b y ON x.id = y.id WHERE %[1]s",
	"SELECT x.id FROM shop.a x ANTI JOIN shop.b y ON x.id = y.id WHERE %[1]s",
	"SELECT x.id, y.id FROM shop.a x ASOF JOIN (SELECT DISTINCT id FROM shop.b y WHERE %[2]s) y ON x.id >= y.id WHERE %[1]s",
	"SELECT x.id, y.at FROM shop.a x ASOF LEFT JOIN shop.b y ON x.at >= y.at WHERE x.id IS NOT NULL AND (y.at IS NULL OR y.at > '2014-03-01') AND %[1]s",
	"WITH x AS (SELECT * FROM shop.b x WHERE %[1]s) SELECT count(*) FROM x UNION ALL SELECT count(*) FROM shop.b",
	"SELECT (SELECT count(*) FROM shop.b y WHERE y.id < x.id AND %[2]s) AS n, id FROM shop.a x WHERE %[1]s",
	"SELECT id FROM shop.a x WHERE id IN (SELECT id FROM shop.b y WHERE %[2]s) OR %[1]s",
	"SELECT id FROM shop.a x WHERE %[1]s EXCEPT SELECT id FROM shop.a y WHERE %[2]s",
	"SELECT day, count(*) FROM shop.b x WHERE %[1]s GROUP BY day HAVING count(*) > 1",
	"SELECT id, count(*) OVER () FROM shop.b AS x WHERE %[1]s QUALIFY row_number() OVER (ORDER BY id, at) < 9",
	"SELECT c1, c2 FROM shop.b AS x(c1, c2, id) WHERE id > '2014-07-10'",
	"SELECT name AS id, id AS name FROM shop.b x WHERE id < 15 AND name > 'n05' AND %[1]s",
	"SELECT shop.b.id FROM shop.b, (SELECT 3 AS low) WHERE shop.b.id > 20 AND b.id > low",
}

// TestLeftOutFilesChangeNothing: random conditions, with and without leaving files out, have the same answers.
func TestLeftOutFilesChangeNothing(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	saved, failed, asked := 0, 0, 0
	for range rounds {
		l := prunedLake(t, r)
		for _, form := range prunedStatements {
			statement := fmt.Sprintf(form, predicate(r, "x", 2), predicate(r, "y", 1))
			if i := strings.Index(statement, "%!(EXTRA"); i >= 0 {
				statement = statement[:i]
			}
			o := l.options()
			o.Threads = 1
			got, read, err := sortedRows(t, o, statement)
			o.everyFile = true
			want, _, werr := sortedRows(t, o, statement)
			if (err == nil) != (werr == nil) {
				t.Errorf("seed %d: %s: %v, and with all files %v", seed, statement, err, werr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("seed %d: %s: (-all files +needed)\n%s", seed, statement, diff)
			}
			asked++
			if err != nil {
				failed++
			}
			if read.Files < read.Of {
				saved++
			}
		}
	}
	t.Logf("%d statements, %d of which read less, %d fail", asked, saved, failed)
	if saved < asked/6 || failed > asked/4 {
		t.Errorf("of %d statements %d read less and %d fail: this shows nothing", asked, saved, failed)
	}
}

func sortedRows(t *testing.T, o Options, statement string) ([]string, Read, error) {
	t.Helper()
	r, err := Run(t.Context(), o, statement)
	if err != nil {
		return nil, Read{}, err
	}
	defer r.Close()
	var b bytes.Buffer
	if err := WriteCSV(&b, r.Columns, r.Rows()); err != nil {
		return nil, r.Read, err
	}
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines)
	return lines, r.Read, nil
}

// TestLeftOutFiles: which files are read for conditions of all kinds.
func TestLeftOutFiles(t *testing.T) {
	l := newLake(t)
	fields := []arrow.Field{field(1, "id", i32), field(2, "day", arrow.FixedWidthTypes.Date32), field(3, "name", str)}
	s := l.table("shop", "a", fields...)
	known := []map[string]tidemark.Bounds{}
	for n := range 10 {
		day := fmt.Sprintf("2014-07-%02d", n+1)
		low, high, name := fmt.Sprint(10*n), fmt.Sprint(10*n+9), fmt.Sprintf("n%d", n)
		s.Data = append(s.Data, l.file(fmt.Sprintf("a/%d.parquet", n), int64(n+1), fields,
			fmt.Sprintf(`{"id":%s,"day":"%s","name":"%s"}`, low, day, name), fmt.Sprintf(`{"id":%s,"day":"%s","name":null}`, high, day)))
		nulls := int64(1)
		if n == 3 {
			nulls = 2 // so it says
		}
		known = append(known, map[string]tidemark.Bounds{"id": {Lower: &low, Upper: &high}, "day": {Lower: &day, Upper: &day}, "name": {Lower: &name, Upper: &name, Nulls: nulls}})
	}
	s.Bounds = func(i int, column string) (tidemark.Bounds, bool) { b, ok := known[i][column]; return b, ok }
	l.marks = watermarks(t) // 42 of items
	for condition, want := range map[string]int{
		"id = 25":                                    1,
		"ID = 25":                                    1,
		"a.id = 25 AND name = 'n9'":                  0,
		"id IN (5, 95, 1000)":                        2,
		"id BETWEEN 25 AND 31":                       2,
		"id < 10 OR day >= '2014-07-10'":             2,
		"day = DATE '2014-06-03' + INTERVAL 1 MONTH": 1,
		"40 > id":                                    4,
		"id >= 90.5":                                 1,
		"id = '25'":                                  1,
		"name IS NULL":                               10,
		"id IS NULL":                                 0,
		"name IS NOT NULL":                           9,
		"name >= 'n8'":                               2,
		"id > -5 AND id < -1":                        0,
		"id % 10 = 5":                                10,
		"NOT id < 50":                                5, // DuckDB makes id >= 50 of it
		"id < 30 AND random() < 2":                   3,
		"id > watermark('items')":                    6,
		"id::VARCHAR = '25'":                         10,
		"name < 5 OR id < 10":                        10, // fails, or reads all
	} {
		r, err := Run(t.Context(), l.options(), "SELECT * FROM shop.a WHERE "+condition)
		if err != nil {
			if !strings.HasPrefix(condition, "name < 5") {
				t.Errorf("%s: %v", condition, err)
			}
			continue
		}
		if r.Read.Files != want || r.Read.Of != 10 || r.Read.Bytes > r.Read.OfBytes {
			t.Errorf("%s: %+v, want %d files", condition, r.Read, want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLeftOutFilesAreNotFetched: what is not needed stays in the bucket.
func TestLeftOutFilesAreNotFetched(t *testing.T) {
	l, store := bucketLake(t)
	l.tables[0].Bounds = func(i int, column string) (tidemark.Bounds, bool) {
		n := fmt.Sprint(i)
		return tidemark.Bounds{Lower: &n, Upper: &n}, column == "n"
	}
	l.check("SELECT sum(n) FROM a.b WHERE n BETWEEN 3 AND 5", "12")
	if n := store.gets.Load(); n != 3 {
		t.Errorf("%d files were fetched, want 3", n)
	}
}
