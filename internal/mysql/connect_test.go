package mysql

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestQuery(t *testing.T) {
	onServers(t, func(t *testing.T, s *testenv.Server) {
		c := connectTo(t, s)
		odd := "x'`\\\x00 é"
		row, err := c.queryRow(t.Context(), "SELECT CAST(? AS UNSIGNED), ?, CAST(? AS SIGNED), ?, CAST('2024-02-29 10:11:12.000340' AS DATETIME(6)), CAST('-30:00:01.5' AS TIME(1))",
			uint64(1<<64-1), odd, -5, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"18446744073709551615", odd, "-5", "", "2024-02-29 10:11:12.000340", "-30:00:01.5"}
		var got []string
		for _, cell := range row {
			got = append(got, cell.text)
		}
		if diff := cmp.Diff(want, got); diff != "" || !row[3].null {
			t.Errorf("null %t, (-want +got):\n%s", row[3].null, diff)
		}
	})
}

// TestPinned sets everything globally to what harms, and looks at what a session then has.
func TestPinned(t *testing.T) {
	harmful := []string{
		"SET GLOBAL sql_select_limit = 10", "SET GLOBAL sql_mode = 'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'",
		"SET GLOBAL time_zone = '-03:00'", "SET GLOBAL sql_auto_is_null = 1", "SET GLOBAL net_write_timeout = 1",
	}
	s := testenv.StartMariaDB(t)
	s.Exec(t, harmful...)
	c := connectTo(t, s)
	for _, setting := range c.server.settings(false) {
		row, err := c.queryRow(t.Context(), "SELECT @@SESSION."+setting.name)
		if err != nil {
			t.Fatal(err)
		}
		if !setting.equals(row[0].text) {
			t.Errorf("%s = %q, want %q", setting.name, row[0].text, setting.value)
		}
	}
}

func TestRefusedVariableIsNamed(t *testing.T) {
	onServers(t, func(t *testing.T, s *testenv.Server) {
		c := connectTo(t, s)
		c.server.family = 1 - c.server.family // the other's variables
		err := pin(t.Context(), c, false)
		if err == nil || !strings.Contains(err.Error(), "session variable max_") && !strings.Contains(err.Error(), "session variable tx_") &&
			!strings.Contains(err.Error(), "session variable transaction_") {
			t.Errorf("pin = %v, want the variable's name", err)
		}
	})
}

func TestCanceledContextEndsAQuery(t *testing.T) {
	onServers(t, func(t *testing.T, s *testenv.Server) {
		c := connectTo(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if _, err := c.query(ctx, "SELECT SLEEP(20)"); !errors.Is(err, context.Canceled) {
			t.Errorf("query = %v, want the context's error", err)
		}
		if !c.broken {
			t.Error("a connection with an unread answer counts as good")
		}
	})
}

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		url, password, problem string
		want                   Config
	}{
		{url: "mysql://etl@shop.example.com:3307/db2", want: Config{Host: "shop.example.com", Port: 3307, User: "etl", Database: "db2"}},
		{url: "mysql://etl:p%40ss@[::1]/", password: "p@ss", want: Config{Host: "::1", User: "etl"}},
		{url: "mysql://etl:canary-secret@host:99999/", problem: "port 99999"},
		{url: "mysql://etl:canary-secret%@host/", problem: "not a URL"},
		{url: "postgres://etl:canary-secret@host/", problem: "mysql://"},
		{url: "mysql://etl:canary-secret@/db", problem: "host is missing"},
		{url: "mysql://host/db", problem: "user is missing"},
		{url: "mysql://etl:canary-secret@host/a/b", problem: "more than one"},
		{url: "mysql://etl:canary-secret@host/a?tls=true", problem: "options"},
	} {
		got, password, err := ParseURL(c.url)
		if c.problem != "" {
			if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "canary") {
				t.Errorf("ParseURL(%q) = %v, want ErrInvalid about %q", c.url, err, c.problem)
			}
			continue
		}
		if err != nil || password != c.password || got.Address() != c.want.Address() || got.User != c.want.User || got.Database != c.want.Database {
			t.Errorf("ParseURL(%q) = %+v, %q, %v", c.url, got, password, err)
		}
	}
}
