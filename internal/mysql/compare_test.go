package mysql

import (
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// sameTexts compares, column by column and row by row, what the server makes of a table with what Texts makes of the
// rows that were read.
func sameTexts(t *testing.T, server *testenv.Server, source *Source) {
	t.Helper()
	table, err := source.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	order := " FROM " + identTable(table.name) + " ORDER BY id"
	for i := range table.columns {
		c := &table.columns[i]
		var want []string
		err := source.with(t.Context(), func(conn *conn) error {
			res, err := conn.query(t.Context(), "SELECT CONCAT("+c.textSQL()+")"+order)
			want = texts(res)
			return err
		})
		if err != nil {
			t.Fatalf("%s %s: %v", c.Name, c.SourceType, err)
		}
		got := map[string]string{} // by id
		eachBatch(t, source, func(b arrow.RecordBatch) {
			text, err := source.Texts(b, []string{"id", c.Name})
			if err != nil {
				t.Fatal(err)
			}
			for row := range int(b.NumRows()) {
				id, value, _ := strings.Cut(string(text(nil, row)), ",")
				got[id] = value
			}
		})
		for row := range want {
			if g := got[strconv.Itoa(row+1)]; g != want[row] {
				t.Errorf("%s %s, row %d: %q, the server says %q", c.Name, c.SourceType, row+1, g, want[row])
			}
		}
	}
}

func eachBatch(t *testing.T, source *Source, do func(arrow.RecordBatch)) {
	t.Helper()
	splits, err := source.Splits(t.Context(), tidemark.Window{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range splits {
		for b, err := range source.Read(t.Context(), split) {
			if err != nil {
				t.Fatal(err)
			}
			do(b)
			b.Release()
		}
	}
}

func TestTextsOfAllTypes(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		cases := slices.DeleteFunc(typeCases(), func(c typeCase) bool { return c.only != "" && c.only != server.Flavor })
		database := server.NewDatabase(t)
		makeTypes(t, server, database, cases)
		sameTexts(t, server, openSource(t, configOf(server), pipelineOf(database, "all `types`")))
	})
}

// TestTextsOfManyValues looks where formats change: numbers of every magnitude, days of every kind.
func TestTextsOfManyValues(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		server.Exec(t, "USE "+database, "CREATE TABLE v (id INT PRIMARY KEY, f FLOAT, g DOUBLE, gm DOUBLE(20,4), d DECIMAL(30,12), dz DECIMAL(9,2) ZEROFILL, da DATE, dt DATETIME(4), ts TIMESTAMP(2) NULL)")
		random := rand.New(rand.NewPCG(1, 2))
		var rows []string
		for i := range 3000 {
			g := math.Float64frombits(random.Uint64())
			if i%2 == 0 { // around the ends of what is written without an exponent
				g = (random.Float64() - 0.5) * math.Pow10(random.IntN(40)-20)
			}
			if math.IsNaN(g) || math.IsInf(g, 0) || i%100 == 0 {
				g = float64(int64(math.Pow10(i % 19)))
			}
			f := float32(g)
			if math.IsInf(float64(f), 0) {
				f = 1.5
			}
			rows = append(rows, fmt.Sprintf("(%d, %s, %s, %.4f, %s, %.2f, '%04d-%02d-%02d', '%04d-%02d-%02d %02d:%02d:%02d.%04d', '%04d-%02d-%02d 12:00:00.5')",
				i+1, strconv.FormatFloat(float64(f), 'e', -1, 32), strconv.FormatFloat(g, 'e', -1, 64), (random.Float64()-0.5)*1e9,
				strconv.FormatFloat((random.Float64()-0.5)*1e12, 'f', random.IntN(12), 64), random.Float64()*1e6,
				random.IntN(10000), random.IntN(13), random.IntN(32),
				random.IntN(10000), random.IntN(13), random.IntN(32), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(10000),
				1971+random.IntN(60), 1+random.IntN(12), 1+random.IntN(28)))
		}
		db := server.DB(t, database)
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("SET sql_mode = 'ALLOW_INVALID_DATES'"); err != nil {
			t.Fatal(err)
		}
		for chunk := range slices.Chunk(rows, 500) {
			if _, err := db.Exec("INSERT INTO v VALUES " + strings.Join(chunk, ",")); err != nil {
				t.Fatal(err)
			}
		}
		sameTexts(t, server, openSource(t, configOf(server), pipelineOf(database, "v")))
	})
}

// TestSums compares the server's sums with those of the rows, for a table with a key, in pieces, and for one without.
func TestSums(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		server.Exec(t, "USE "+database,
			"CREATE TABLE keyed (id INT NOT NULL, region VARCHAR(10) NOT NULL, at DATETIME NULL, note VARCHAR(20), PRIMARY KEY (region, id))",
			"INSERT INTO keyed SELECT n, ELT(1 + n % 3, 'eu', 'US', 'ap'), IF(n % 10 = 0, NULL, '2024-01-01' + INTERVAL n MINUTE), CONCAT('n', n) FROM ("+
				"SELECT a.n + 10 * b.n + 100 * c.n AS n FROM ("+digits+") a, ("+digits+") b, ("+digits+") c) s",
			"CREATE TABLE plain AS SELECT id, region, at, note FROM keyed", "INSERT INTO plain SELECT * FROM keyed WHERE id < 5")
		for table, key := range map[string][]string{"keyed": {"region", "id"}, "plain": nil} {
			p := pipelineOf(database, table)
			p.Mode, p.Cursors = tidemark.ModeAppend, []string{"at"}
			source := openSource(t, configOf(server), p)
			if _, err := source.Schema(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := tidemark.Comparison{Columns: []string{"id", "region", "at", "note"}, Key: key, N: 64}
			if got, want := sumsOf(t, source, c), sumsOfRows(t, source, c, func(int64, bool) bool { return true }); !slices.Equal(got, want) {
				t.Errorf("%s: the server's sums differ from those of the rows", table)
			}
			from, to := "2024-01-01 02:00:00", "2024-01-01 12:00:00"
			c.Since, c.Settled = parseCursor(t, from), parseCursor(t, to)
			within := func(micros int64, valid bool) bool {
				return valid && micros >= c.Since.Micros() && micros < c.Settled.Micros()
			}
			want := sumsOfRows(t, source, c, within)
			if got := sumsOf(t, source, c); !slices.Equal(got, want) {
				t.Errorf("%s: the sums from %s to %s differ", table, from, to)
			}
			checkMarks(t, source, c, want)
			if key != nil {
				checkFetch(t, source, c)
			}
		}
	})
}

const digits = "SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"

func parseCursor(t *testing.T, text string) tidemark.CursorValue {
	t.Helper()
	v, err := tidemark.ParseCursorValue(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sumsOf(t *testing.T, source *Source, c tidemark.Comparison) []tidemark.PartSum {
	t.Helper()
	sums, err := source.Sums(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func sumsOfRows(t *testing.T, source *Source, c tidemark.Comparison, in func(micros int64, valid bool) bool) []tidemark.PartSum {
	t.Helper()
	sums := make([]tidemark.PartSum, c.N)
	known := c.Key
	if known == nil {
		known = c.Columns
	}
	eachBatch(t, source, func(b arrow.RecordBatch) {
		row, err := source.Texts(b, c.Columns)
		if err != nil {
			t.Fatal(err)
		}
		key, err := source.Texts(b, known)
		if err != nil {
			t.Fatal(err)
		}
		at := b.Column(b.Schema().FieldIndices("at")[0]).(*array.Timestamp)
		for i := range int(b.NumRows()) {
			if in(int64(at.Value(i)), at.IsValid(i)) {
				sums[c.PartOf(crc32.ChecksumIEEE(key(nil, i)))].Add(crc32.ChecksumIEEE(row(nil, i)))
			}
		}
	})
	return sums
}

// checkMarks adds the marks of every second part up to the sums of these parts.
func checkMarks(t *testing.T, source *Source, c tidemark.Comparison, want []tidemark.PartSum) {
	t.Helper()
	parts := tidemark.NewParts(c.N)
	for part := uint32(0); part < c.N; part += 2 {
		parts.Add(part)
	}
	got := make([]tidemark.PartSum, c.N)
	for b, err := range source.Marks(t.Context(), c, parts) {
		if err != nil {
			t.Fatal(err)
		}
		sums := b.Column(int(b.NumCols()) - 1).(*array.Int64)
		var key func([]byte, int) []byte
		if c.Key != nil {
			if key, err = source.Texts(b, c.Key); err != nil {
				t.Fatal(err)
			}
		}
		for i := range int(b.NumRows()) {
			part := c.PartOf(uint32(sums.Value(i)))
			if key != nil {
				part = c.PartOf(crc32.ChecksumIEEE(key(nil, i)))
			}
			got[part].Add(uint32(sums.Value(i)))
		}
		b.Release()
	}
	for part := range want {
		if parts.Has(uint32(part)) && got[part] != want[part] {
			t.Errorf("part %d: the marks add up to %v, want %v", part, got[part], want[part])
		}
	}
}

// TestCompareInterrupted loses the connection in the midst of each kind of statement.
func TestCompareInterrupted(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		proxy := startProxy(t, server.Addr())
		config := configOf(server)
		config.Host, config.Port = proxy.host()
		source := openSource(t, config, incremental(makeWide(t, server), "keyed", "at"))
		source.pause = time.Millisecond
		if _, err := source.Schema(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := tidemark.Comparison{Columns: []string{"id", "at", "filler"}, Key: []string{"id"}, N: 16384}
		want := sumsOf(t, source, c)
		proxy.cutAfter(50_000)
		if got := sumsOf(t, source, c); !slices.Equal(got, want) {
			t.Error("after a lost connection the sums differ")
		}
		proxy.cutAfter(50_000)
		checkMarks(t, source, c, want)
		if cuts := proxy.cuts.Load(); cuts != 2 {
			t.Errorf("%d connections were cut, want 2", cuts)
		}
	})
}

// checkFetch asks for two rows by their keys, and for one that is not there.
func checkFetch(t *testing.T, source *Source, c tidemark.Comparison) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "region", Type: arrow.BinaryTypes.String}, {Name: "id", Type: arrow.PrimitiveTypes.Int32}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"US", "eu", "eu"}, nil)
	builder.Field(1).(*array.Int32Builder).AppendValues([]int32{1, 3, 5000}, nil)
	keys := builder.NewRecordBatch()
	var got []string
	for b, err := range source.Fetch(t.Context(), c, keys) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := source.Texts(b, []string{"id", "region"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			got = append(got, strings.Split(string(text(nil, i)), ",")[0])
		}
		b.Release()
	}
	if slices.Sort(got); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("fetched %v, want the rows 1 and 3", got)
	}
}
