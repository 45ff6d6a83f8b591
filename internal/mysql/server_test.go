package mysql

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// onServers runs a test on a private MariaDB, and on the server that the environment names.
func onServers(t *testing.T, test func(t *testing.T, s *testenv.Server)) {
	t.Helper()
	t.Run("private", func(t *testing.T) { test(t, testenv.PrivateMariaDB(t)) })
	t.Run("external", func(t *testing.T) { test(t, testenv.External(t)) })
}

// configOf returns the way to a test server as a user would configure it.
func configOf(s *testenv.Server) Config {
	return Config{
		Host: s.Host, Port: s.Port, User: s.User,
		Password: func(context.Context) (string, error) { return s.Password, nil },
	}
}

// connectTo returns a connection that is closed when the test ends.
func connectTo(t testing.TB, s *testenv.Server) *conn {
	t.Helper()
	c, err := connect(t.Context(), configOf(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// pipelineOf returns a pipeline that reads a table whole, without a cursor.
func pipelineOf(database, table string) tidemark.Pipeline {
	return tidemark.Pipeline{
		ID: "test", Table: tidemark.TableName{Database: database, Name: table}, Mode: tidemark.ModeReplace, Splits: 1,
		Nulls: tidemark.NullsLoad,
	}
}

// openSource returns a source that is closed when the test ends.
func openSource(t testing.TB, config Config, p tidemark.Pipeline) *Source {
	t.Helper()
	s, err := Open(t.Context(), config, p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
