package testenv

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A Server is a MySQL or MariaDB that listens. The user has all rights.
type Server struct {
	Host     string
	Port     int
	User     string
	Password string
	Flavor   string // "mysql", "mariadb" or "embedded"
	Version  string // as SELECT VERSION() tells it
}

// MySQL returns the server named by TIDEMARK_TEST_MYSQL (mysql://user:password@host:port/), or else a private MariaDB.
// Either is shared with other tests: whoever needs a server to itself takes [StartMariaDB].
func MySQL(t testing.TB) *Server {
	t.Helper()
	if os.Getenv("TIDEMARK_TEST_MYSQL") != "" {
		return External(t)
	}
	return PrivateMariaDB(t)
}

// External returns the server named by TIDEMARK_TEST_MYSQL. The test is skipped when there is none.
func External(t testing.TB) *Server {
	t.Helper()
	text := os.Getenv("TIDEMARK_TEST_MYSQL")
	if text == "" {
		t.Skip("TIDEMARK_TEST_MYSQL names no server (mysql://user:password@host:port/)")
	}
	started.Lock()
	defer started.Unlock()
	if started.external == nil {
		started.external = new(outcome[*Server])
		started.external.value, started.external.err = parseServer(text)
	}
	if err := started.external.err; err != nil {
		t.Fatalf("TIDEMARK_TEST_MYSQL: %v", err)
	}
	return started.external.value
}

func parseServer(text string) (*Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	s := &Server{Host: u.Hostname(), Port: 3306, User: u.User.Username()}
	s.Password, _ = u.User.Password()
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, err
		}
	}
	return s, s.identify()
}

// identify asks a server what it is.
func (s *Server) identify() error {
	db, err := s.open("")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.QueryRow("SELECT VERSION()").Scan(&s.Version); err != nil {
		return err
	}
	s.Flavor = "mysql"
	if strings.Contains(s.Version, "MariaDB") {
		s.Flavor = "mariadb"
	}
	return nil
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// URL returns the server's address with user and without password, as a config has it: mysql://user@host:port/.
func (s *Server) URL() string {
	u := url.URL{Scheme: "mysql", User: url.User(s.User), Host: s.Addr(), Path: "/"}
	return u.String()
}

// DB opens a database of the server, "" for none; it is closed when the test ends. Sessions run in UTC. Values come as
// text where a query has no arguments, so tests scan into strings and integers.
func (s *Server) DB(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := s.open(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open uses go-sql-driver although the product speaks through go-mysql: both register as "mysql" with database/sql, and
// iceberg-go brings in the former, so that a test of the whole could not have the latter. It is also a second opinion.
func (s *Server) open(database string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd = s.User, s.Password
	config.Net, config.Addr, config.DBName = "tcp", s.Addr(), database
	config.Params = map[string]string{"time_zone": "'+00:00'"}
	config.Timeout = 10 * time.Second
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// NewDatabase creates a database with a random name and drops it when the test ends.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := "tide_" + strings.ToLower(rand.Text()[:12])
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		// An XA transaction or a connection that the test left open would make this wait.
		s.try("SET SESSION lock_wait_timeout = 5", "DROP DATABASE "+name)
	})
	return name
}

// Exec runs statements, in order, on one connection.
func (s *Server) Exec(t testing.TB, statements ...string) {
	t.Helper()
	if err := s.try(statements...); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) try(statements ...string) error {
	db, err := s.open("")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// LoadOrders fills a table with the shared data set's orders (see [Dataset]) by LOAD DATA. The table has four columns
// for order_id, order_date, order_customer_id and order_status, in this order.
func (s *Server) LoadOrders(t testing.TB, database, table, csvPath string) {
	t.Helper()
	path, err := filepath.Abs(csvPath)
	if err != nil {
		t.Fatal(err)
	}
	mysql.RegisterLocalFile(path)
	defer mysql.DeregisterLocalFile(path)
	db := s.DB(t, database)
	if s.Flavor == "mysql" { // off by default there
		if _, err := db.Exec("SET GLOBAL local_infile = 1"); err != nil {
			t.Fatal(err)
		}
	}
	load := fmt.Sprintf("LOAD DATA LOCAL INFILE '%s' INTO TABLE `%s` FIELDS TERMINATED BY ','", path, table)
	if _, err := db.Exec(load); err != nil {
		t.Fatal(err)
	}
}
