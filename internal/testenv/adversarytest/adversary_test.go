package adversarytest_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/internal/testenv/adversarytest"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// TestControl shows that the adversary bites: a reader by MAX(cursor) loses rows, and the account says which.
func TestControl(t *testing.T) {
	for _, kind := range []adversarytest.CursorKind{adversarytest.Datetime, adversarytest.Timestamp, adversarytest.Integer} {
		t.Run(string(kind), func(t *testing.T) {
			s := testenv.MySQL(t)
			database := s.NewDatabase(t)
			a := adversarytest.Start(t, s, database, "t", adversarytest.Options{
				Cursor: kind, Pause: 300 * time.Millisecond, Early: time.Second, Monitor: time.Second,
			})
			c := adversarytest.StartControl(t, s, database, "t", kind, 50*time.Millisecond)
			time.Sleep(4 * time.Second) // for the writers to write
			o := a.Stop()
			verdict := o.Judge(c.Stop())
			versions, rows := o.Committed()
			t.Logf("%d versions, %d rows, %d lost, %d doubled", versions, rows, len(verdict.Lost), len(verdict.Doubled))
			if len(verdict.Lost) == 0 {
				t.Error("nothing was lost")
			}
			if len(verdict.Phantom) > 0 {
				t.Errorf("loaded and never committed: %q", verdict.Phantom)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	s := testenv.MySQL(t)
	database := s.NewDatabase(t)
	a := adversarytest.Start(t, s, database, "t", adversarytest.Options{Pause: 10 * time.Millisecond})
	time.Sleep(200 * time.Millisecond)
	o := a.Stop()
	all := everyRow(t, s, database)
	if v := o.Judge(all); !v.OK() {
		t.Fatalf("all rows once: %+v", v)
	}
	stranger := adversarytest.Version{ID: -1, Number: -1}
	v := o.Judge(append([]adversarytest.Version{stranger, all[1]}, all[1:]...))
	if got, want := []int{len(v.Lost), len(v.Doubled), len(v.Phantom)}, []int{1, 1, 1}; !cmp.Equal(got, want) {
		t.Errorf("one lost, one doubled, one phantom: got %v in %+v", got, v)
	}
}

func everyRow(t *testing.T, s *testenv.Server, database string) (all []adversarytest.Version) {
	t.Helper()
	rows, err := s.DB(t, database).Query("SELECT id, version FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v adversarytest.Version
		if err := rows.Scan(&v.ID, &v.Number); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil || len(all) < 2 {
		t.Fatalf("%d rows: %v", len(all), err)
	}
	return all
}
