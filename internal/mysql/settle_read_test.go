package mysql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A read of ours that takes its time is no suspect to the other pipelines that settle meanwhile: else a first load of a
// large table would hold all of them back.
func TestSettleBesideALongRead(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *testenv.Server{"mariadb": func(t testing.TB) *testenv.Server { return testenv.PrivateMariaDB(t) }, "external": testenv.External} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			database := server.NewDatabase(t)
			server.Exec(t, "USE "+database, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, at DATETIME NOT NULL, pad VARCHAR(2000))",
				"INSERT INTO t (at, pad) VALUES ('2024-01-01', REPEAT('x', 2000))")
			for range 14 {
				server.Exec(t, "INSERT INTO "+database+".t (at, pad) SELECT at, pad FROM "+database+".t")
			}
			p := tidemark.Pipeline{
				ID: "long", Table: tidemark.TableName{Database: database, Name: "t"}, Mode: tidemark.ModeAppend,
				Nulls: tidemark.NullsLoad, Cursors: []string{"at"},
				SettleWait: time.Second, // the test's own last statement may still be ending
			}
			reading := openSource(t, configOf(server), p)
			if _, err := reading.Schema(t.Context()); err != nil {
				t.Fatal(err)
			}
			splits, err := reading.Splits(t.Context(), tidemark.Window{Nulls: tidemark.NullsLoad}, 1)
			if err != nil {
				t.Fatal(err)
			}
			for batch, err := range reading.Read(t.Context(), splits[0]) {
				if err != nil {
					t.Fatal(err)
				}
				batch.Release()
				checkNotHeldByReader(t, server, p) // while the server waits for us to take more
				break
			}
		})
	}
}

func checkNotHeldByReader(t *testing.T, server *testenv.Server, p tidemark.Pipeline) {
	t.Helper()
	s := openSource(t, configOf(server), p)
	if _, err := s.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	var running int
	if err := server.DB(t, "").QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Query', 'Execute') AND INFO LIKE 'SELECT%pad%t%' AND ID <> CONNECTION_ID()").Scan(&running); err != nil || running == 0 {
		t.Fatalf("%d reads under way, %v: the test shows nothing", running, err)
	}
	settled, err := s.Settle(t.Context(), tidemark.Watermark{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("settled by %s, held by %q", settled.By, settled.HeldBy)
	if held := fmt.Sprint(settled.HeldBy); strings.Contains(held, server.User+"@") {
		t.Errorf("held back by a reader: %s (%s)", held, settled.By)
	}
}
