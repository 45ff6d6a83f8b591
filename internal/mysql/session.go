package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// family is whose server it is: they differ in variables, views and types.
type family uint8

const (
	familyMySQL family = iota // MySQL, Percona, RDS, Aurora
	familyMariaDB
	familyDolt // go-mysql-server, which the demo embeds: it has few variables and no performance_schema
)

func (f family) String() string { return [...]string{"MySQL", "MariaDB", "Dolt"}[f] }

// server is what a connection finds at its other end.
type server struct {
	family  family
	version string // as the server writes it
	major   int
	minor   int
	id      string // identifies the data: server_uuid, server_uid, or failing these the address
}

// atLeast reports whether the server's version is major.minor or later.
func (s server) atLeast(major, minor int) bool {
	return s.major > major || s.major == major && s.minor >= minor
}

// identify asks the server who it is.
func identify(ctx context.Context, c *conn, config Config) (server, error) {
	row, err := c.queryRow(ctx, "SELECT VERSION(), @@version_comment")
	if err != nil {
		return server{}, err
	}
	s := server{version: row[0].text}
	switch {
	case strings.Contains(strings.ToLower(row[0].text+row[1].text), "mariadb"):
		s.family = familyMariaDB
	case strings.Contains(row[1].text, "Dolt"):
		s.family = familyDolt
	}
	number := strings.TrimPrefix(s.version, "5.5.5-") // how MariaDB introduces itself to old replicas
	if _, err := fmt.Sscanf(number, "%d.%d", &s.major, &s.minor); err != nil {
		return server{}, fmt.Errorf("server version %q: %w", s.version, tidemark.ErrInvalid)
	}
	s.id, err = identity(ctx, c, s.family, config)
	return s, err
}

// identity returns what tells this server's data from another's. MariaDB before 10.11 has nothing of its own: there
// the address stands in, which survives a failover behind one name.
func identity(ctx context.Context, c *conn, f family, config Config) (string, error) {
	variable := "@@server_uuid"
	if f == familyMariaDB {
		variable = "@@server_uid"
	}
	row, err := c.queryRow(ctx, "SELECT "+variable)
	switch {
	case codeOf(err) == codeUnknownVariable:
		return config.Address(), nil
	case err != nil:
		return "", err
	case row[0].text == "":
		return config.Address(), nil
	default:
		return row[0].text, nil
	}
}

// A setting is a session variable and the value that it must have.
type setting struct{ name, value string }

// settings returns what a session must be for its results to mean the same on every server. Each of them has been
// seen, or is documented, to change or cut results when it is set globally to something else. A session that writes is
// strict in place of read-only: a value that does not fit is an error.
func (s server) settings(writes bool) []setting {
	if s.family == familyDolt {
		return []setting{{"time_zone", "+00:00"}, {"autocommit", "1"}}
	}
	mode, locked := "", "1"
	if writes {
		mode, locked = "STRICT_ALL_TABLES", "0"
	}
	common := []setting{
		{"time_zone", "+00:00"},
		{"sql_mode", mode},                           // PAD_CHAR_TO_FULL_LENGTH, ANSI_QUOTES and REAL_AS_FLOAT change results
		{"sql_select_limit", "18446744073709551615"}, // cuts results without a word
		{"sql_big_selects", "1"},
		{"sql_auto_is_null", "0"}, // makes "id IS NULL" mean something else
		{"autocommit", "1"},
		{"net_write_timeout", "3600"}, // how long the server waits for a slow reader
		{"net_read_timeout", "600"},
		{"lock_wait_timeout", "5"},
		{"innodb_lock_wait_timeout", "5"},
	}
	isolation, readOnly := "transaction_isolation", "transaction_read_only"
	switch {
	case s.family == familyMariaDB && !s.atLeast(11, 1), s.family == familyMySQL && !s.atLeast(8, 0):
		isolation, readOnly = "tx_isolation", "tx_read_only"
	}
	common = append(common, setting{isolation, "REPEATABLE-READ"}, setting{readOnly, locked})
	if s.family == familyMariaDB {
		return append(common, setting{"max_statement_time", "0"}, setting{"system_versioning_asof", "DEFAULT"})
	}
	return append(common, setting{"max_execution_time", "0"})
}

// pin sets the session's variables and reads them back: a proxy may swallow a SET, and a variable may be refused.
func pin(ctx context.Context, c *conn, writes bool) error {
	if err := c.exec(ctx, "SET NAMES utf8mb4"); err != nil {
		return err
	}
	settings := c.server.settings(writes)
	assignments := make([]string, len(settings))
	names := make([]string, len(settings))
	for i, s := range settings {
		assignments[i] = "SESSION " + s.name + " = " + s.literal()
		names[i] = "@@SESSION." + s.name
	}
	if err := c.exec(ctx, "SET "+strings.Join(assignments, ", ")); err != nil {
		return nameRefused(ctx, c, settings, assignments, err)
	}
	row, err := c.queryRow(ctx, "SELECT "+strings.Join(names, ", "))
	if err != nil {
		return err
	}
	for i, s := range settings {
		if !s.equals(row[i].text) {
			return tidemark.WithHint(
				fmt.Errorf("session variable %s: set to %q, read back as %q: %w", s.name, s.value, row[i].text, tidemark.ErrInvalid),
				"a proxy between here and the server may drop SET statements: connect to the server itself")
		}
	}
	return nil
}

// nameRefused finds the variable that the server does not take.
func nameRefused(ctx context.Context, c *conn, settings []setting, assignments []string, err error) error {
	if isLost(err) || ctx.Err() != nil {
		return err
	}
	for i, s := range settings {
		if one := c.exec(ctx, "SET "+assignments[i]); one != nil {
			return tidemark.WithHint(fmt.Errorf("session variable %s = %q: %w", s.name, s.value, one),
				"results would depend on the server's global settings, so this connection is not used")
		}
	}
	return err
}

func (s setting) literal() string {
	if s.value == "DEFAULT" {
		return s.value
	}
	if _, err := strconv.ParseUint(s.value, 10, 64); err == nil {
		return s.value
	}
	return "'" + s.value + "'"
}

// equals compares with what was read back: 0 may come as 0.000000.
func (s setting) equals(got string) bool {
	want, err1 := strconv.ParseFloat(s.value, 64)
	have, err2 := strconv.ParseFloat(got, 64)
	if err1 == nil && err2 == nil && s.value != "18446744073709551615" {
		return want == have
	}
	return s.value == got
}
