// Package duckdb is the only importer of DuckDB. It opens a database in memory, lets its caller set views up, and then
// locks it: from then on it reads nothing but the files that it was given, and changes nothing at all.
//
// Opening costs some tens of milliseconds and a second thread pool, so nobody does it but who has a query to run.
package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2"
)

// Options bound what a database may use.
type Options struct {
	Memory  int64  // bytes that a query may take; 0: 512 MiB
	Threads int    // 0: one per processor
	Temp    string // an own folder for what does not fit into Memory; "": such a query fails
}

const defaultMemory = 512 << 20

// A DB is a database in memory. It is used by one goroutine at a time.
type DB struct {
	pool   *sql.DB
	conn   *sql.Conn
	native bindings.Connection // the same connection
	feeds  []*feed
	made   int // names given to functions so far
	scalar map[string]bool
}

// Open starts a database. It can load no extension, and its time zone is UTC. The caller closes it.
func Open(ctx context.Context, o Options) (*DB, error) {
	settings := url.Values{}
	for _, name := range []string{"autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"} {
		settings.Set(name, "false")
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	settings.Set("memory_limit", strconv.FormatInt(o.Memory, 10)+"B")
	settings.Set("temp_directory", o.Temp)
	if o.Threads > 0 {
		settings.Set("threads", strconv.Itoa(o.Threads))
	}
	connector, err := duckdb.NewConnector("?"+settings.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	pool := sql.OpenDB(connector)
	conn, err := pool.Conn(ctx)
	if err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	db := &DB{pool: pool, conn: conn}
	err = conn.Raw(func(driverConn any) (err error) {
		db.native, err = handleOf(driverConn)
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	if err := db.Exec(ctx, "SET TimeZone = 'UTC'"); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// Exec runs a statement of the program's own, to set the database up.
func (db *DB) Exec(ctx context.Context, statement string) error {
	if _, err := db.conn.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("set duckdb up: %w", explain(ctx, err, statement))
	}
	return nil
}

// Lock takes away all access to files but those named, and to the network, and every way to get it back. The paths
// are absolute and have no symbolic links in them: DuckDB follows them before it compares.
func (db *DB) Lock(ctx context.Context, files []string) error {
	var list []string
	for _, f := range files {
		list = append(list, Literal(f))
		if p := Pattern(f); p != f {
			list = append(list, Literal(p)) // it asks for the pattern, and then for what it found
		}
	}
	for _, statement := range []string{
		"SET allowed_paths = [" + strings.Join(list, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	} {
		if err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the database. It may be called twice.
func (db *DB) Close() error {
	if db.pool == nil {
		return nil
	}
	_ = db.conn.Close() // says no more than the pool does
	err := db.pool.Close()
	db.pool = nil
	if err != nil {
		return fmt.Errorf("close duckdb: %w", err)
	}
	return nil
}

// Literal returns s as a string in SQL.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ident returns s as a name in SQL.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Pattern returns the pattern that matches the file path and no other: DuckDB takes each path for one, and would
// otherwise read "a*" and "ab" when it is told to read "a*".
func Pattern(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}
