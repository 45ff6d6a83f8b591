// Command mysqlserver is a MySQL-compatible server in one process, with the orders table of `make demo` in it. It
// is there so that the demo needs no database on the machine; nothing of it is part of the product, whose tests run
// against real servers. All data is in memory and ends with the process.
//
// The first line that it prints is the address it listens on; from then on it takes connections, until SIGINT or
// SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/sirupsen/logrus"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "listen on this loopback `address`; port 0 takes a free one")
	user := flag.String("user", "demo", "`name` of the only user, who has all privileges")
	password := flag.String("password", "", "the user's `password`; needed")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *user, *password); err != nil {
		fmt.Fprintln(os.Stderr, "mysqlserver:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, addr, user, password string) error {
	s, err := start(ctx, addr, user, password)
	if err != nil {
		return err
	}
	fmt.Println(s.Listener.Addr())
	done := context.AfterFunc(ctx, s.Listener.Close)
	defer done()
	return s.Start()
}

// start returns a server that listens, with the table filled. Its Start takes connections.
func start(ctx context.Context, addr, user, password string) (*server.Server, error) {
	if password == "" {
		return nil, errors.New("the user needs a password: give -password")
	}
	logrus.SetLevel(logrus.ErrorLevel) // the library reports each connection otherwise

	provider := memory.NewDBProvider(memory.NewDatabase(database))
	engine := sqle.NewDefault(provider)
	session := sql.NewContext(ctx, sql.WithSession(memory.NewSession(sql.NewBaseSession(), provider)))
	session.SetCurrentDatabase(database)
	for statement := range statements() {
		if err := execute(session, engine, statement); err != nil {
			return nil, err
		}
	}

	// From here on nobody gets in without the password.
	users := engine.Analyzer.Catalog.MySQLDb
	editor := users.Editor()
	users.AddSuperUser(editor, user, "%", password)
	editor.Close()

	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	config := server.Config{Protocol: "tcp", Address: listener.Addr().String(), Listener: listener}
	return server.NewServer(config, engine, sql.NewContext, memory.NewSessionBuilder(provider), nil)
}

func execute(ctx *sql.Context, engine *sqle.Engine, statement string) error {
	_, rows, _, err := engine.Query(ctx, statement)
	if err == nil {
		_, err = sql.RowIterToRows(ctx, rows)
	}
	if err != nil {
		return fmt.Errorf("run %.60q: %w", statement, err)
	}
	return nil
}
