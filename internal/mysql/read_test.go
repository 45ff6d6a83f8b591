package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// TestLongValues reads values that go over several packets, between short ones.
func TestLongValues(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		const long = 40_000_000 // two packets and a half
		server.Exec(t, "USE "+database, "CREATE TABLE long_values (id INT PRIMARY KEY, b LONGBLOB, s LONGTEXT)",
			"INSERT INTO long_values VALUES (1, 'a', 'a')",
			fmt.Sprintf("INSERT INTO long_values VALUES (2, REPEAT('x', %d), 'b')", long),
			"INSERT INTO long_values VALUES (3, REPEAT('y', 16777207), 'c'), (4, NULL, REPEAT('é', 5000000)), (5, '', '')")
		source := openSource(t, configOf(server), pipelineOf(database, "long_values"))
		got := readRows(t, source, tidemark.Window{}, 1)
		if len(got) != 5 {
			t.Fatalf("%d rows", len(got))
		}
		if got[1][1] != strings.Repeat("78", long) || got[2][1] != strings.Repeat("79", 16777207) || got[3][2] != strings.Repeat("é", 5000000) {
			t.Error("a long value came out different")
		}
		if got[0][1] != "61" || got[3][1] != "NULL" || got[4][1] != "" || got[4][2] != "" {
			t.Error("a short value came out different")
		}
	})
}

// TestBatches checks the bounds of a batch, and that batches do not share memory.
func TestBatches(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		server.Exec(t, "USE "+database, "CREATE TABLE d (d INT)", "INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
			"CREATE TABLE many (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL)",
			"INSERT INTO many SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d + 100000*g.d, CONCAT('n', a.d) FROM d a, d b, d c, d e, d f, d g WHERE g.d < 2")
		source := openSource(t, configOf(server), pipelineOf(database, "many"))
		splits, err := source.Splits(t.Context(), tidemark.Window{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		var batches []arrow.RecordBatch
		for batch, err := range source.Read(t.Context(), splits[0]) {
			if err != nil {
				t.Fatal(err)
			}
			batches = append(batches, batch) // kept until all have come
		}
		next := 0
		for i, batch := range batches {
			if i < len(batches)-1 && batch.NumRows() != maxBatchRows {
				t.Errorf("batch %d has %d rows", i, batch.NumRows())
			}
			ids, names := batch.Column(0).(*array.Int32), batch.Column(1).(*array.String)
			for row := range int(batch.NumRows()) {
				if int(ids.Value(row)) != next || names.Value(row) != fmt.Sprintf("n%d", next%10) {
					t.Fatalf("row %d is %d, %q", next, ids.Value(row), names.Value(row))
				}
				next++
			}
			batch.Release()
		}
		if next != 200_000 {
			t.Errorf("%d rows", next)
		}
	})
}

// TestParallelSplits reads all splits at the same time.
func TestParallelSplits(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		source := openSource(t, configOf(server), incremental(database, "pair", "n"))
		splits := splitsOf(t, source, 6)
		counts := make([]int64, len(splits))
		var g errgroup.Group
		for i, sp := range splits {
			g.Go(func() error {
				for batch, err := range source.Read(t.Context(), sp) {
					if err != nil {
						return err
					}
					counts[i] += batch.NumRows()
					batch.Release()
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, n := range counts {
			sum += n
		}
		if sum != 1000 || slices.Min(counts) == 0 {
			t.Errorf("rows by split: %v", counts)
		}
	})
}

// TestIdleConnection: a connection that the server has ended meanwhile is replaced without a word.
func TestIdleConnection(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := makeShop(t, server)
		source := openSource(t, configOf(server), incremental(database, "nokey", "at"))
		server.Exec(t, fmt.Sprintf("KILL CONNECTION %d", source.idle[0].id))
		if rows := readRows(t, source, tidemark.Window{}, 1); len(rows) != 3 {
			t.Errorf("%d rows", len(rows))
		}
	})
}

func TestClosedSource(t *testing.T) {
	server := testenv.MySQL(t)
	database := makeShop(t, server)
	source := openSource(t, configOf(server), incremental(database, "nokey", "at"))
	for range 2 {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := source.Schema(t.Context()); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("schema of a closed source: %v", err)
	}
}

func TestErrorKinds(t *testing.T) {
	for code, kind := range map[uint16]error{
		1045: tidemark.ErrDenied, 1044: tidemark.ErrDenied, 1142: tidemark.ErrDenied, 1227: tidemark.ErrDenied,
		1146: tidemark.ErrNotFound, 1049: tidemark.ErrNotFound, 1054: tidemark.ErrNotFound,
		1205: tidemark.ErrTransient, 1213: tidemark.ErrTransient, 1317: tidemark.ErrTransient, 1053: tidemark.ErrTransient, 1040: tidemark.ErrTransient,
		1412: tidemark.ErrRestart, 1064: tidemark.ErrInvalid,
	} {
		payload := append([]byte{errHeader, byte(code), byte(code >> 8)}, "#HY000why"...)
		if err := failure(payload); !errors.Is(err, kind) || !strings.HasSuffix(err.Error(), "(HY000): why") {
			t.Errorf("error %d is %v, want %v", code, err, kind)
		}
	}
}

// TestCivilDays compares with the standard library, day by day over four centuries, and at the ends.
func TestCivilDays(t *testing.T) {
	for day := time.Date(1799, 12, 31, 0, 0, 0, 0, time.UTC); day.Year() < 2201; day = day.AddDate(0, 0, 1) {
		checkDay(t, day)
	}
	checkDay(t, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	checkDay(t, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
}

func checkDay(t *testing.T, day time.Time) {
	t.Helper()
	got, ok := clock{year: day.Year(), month: int(day.Month()), day: day.Day()}.days()
	if want := day.Unix() / 86400; !ok || int64(got) != want {
		t.Fatalf("%s is day %d, %t, want %d", day.Format(time.DateOnly), got, ok, want)
	}
	next := day.AddDate(0, 0, 1)
	if _, ok := (clock{year: day.Year(), month: int(day.Month()), day: day.Day() + 1}).days(); ok != (next.Month() == day.Month()) {
		t.Fatalf("the day after %s exists: %t", day.Format(time.DateOnly), ok)
	}
}
