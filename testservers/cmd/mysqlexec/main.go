// Command mysqlexec runs one statement on a MySQL-compatible server and prints the rows that come back, separated
// by tabs. It stands in for the mysql client in `make demo`, which must not need one; like that client it takes the
// password from MYSQL_PWD.
package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/dolthub/vitess/go/mysql"
)

const maxRows = 100_000

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: mysqlexec mysql://USER@HOST:PORT/DATABASE STATEMENT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2], os.Getenv("MYSQL_PWD")); err != nil {
		fmt.Fprintln(os.Stderr, "mysqlexec:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, address, statement, password string) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return fmt.Errorf("port in %q: %w", address, err)
	}
	conn, err := mysql.Connect(ctx, &mysql.ConnParams{
		Host: at.Hostname(), Port: port, Uname: at.User.Username(), Pass: password,
		DbName: strings.TrimPrefix(at.Path, "/"),
	})
	if err != nil {
		return fmt.Errorf("connect to %s: %w", at.Host, err)
	}
	defer conn.Close()

	result, err := conn.ExecuteFetch(statement, maxRows, false)
	if err != nil {
		return fmt.Errorf("run %q: %w", statement, err)
	}
	for _, row := range result.Rows {
		values := make([]string, len(row))
		for i, value := range row {
			values[i] = value.ToString()
		}
		fmt.Fprintln(out, strings.Join(values, "\t"))
	}
	return nil
}
