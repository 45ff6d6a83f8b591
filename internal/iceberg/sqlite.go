package iceberg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/apache/iceberg-go/table"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tidemark-data/tidemark"
)

// sqlitePointers is the SQLite catalog: a row for each table names its newest metadata file. It is for one machine, and
// the file is a part of the lake's truth: who loses it must register the tables again.
//
// The tables of the file are those of Iceberg's JDBC catalog, which iceberg-go's, Java's and Python's SQL catalogs
// share, so these tools open it. iceberg-go's own is not used here because it takes its file I/O from a registry of
// the process, by the scheme of the URL, where a lake's store cannot be.
type sqlitePointers struct{ db *sql.DB }

// catalogName is the value of catalog_name in all rows.
const catalogName = "tidemark"

const sqliteSchema = `
CREATE TABLE IF NOT EXISTS iceberg_tables (
	catalog_name VARCHAR NOT NULL,
	table_namespace VARCHAR NOT NULL,
	table_name VARCHAR NOT NULL,
	iceberg_type VARCHAR,
	metadata_location VARCHAR,
	previous_metadata_location VARCHAR,
	PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
	catalog_name VARCHAR NOT NULL,
	namespace VARCHAR NOT NULL,
	property_key VARCHAR NOT NULL,
	property_value VARCHAR,
	PRIMARY KEY (catalog_name, namespace, property_key)
);`

func openSQLite(ctx context.Context, file string) (*sqlitePointers, error) {
	if file == "" {
		return nil, fmt.Errorf("catalog %q needs the path of its file: %w", CatalogSQLite, tidemark.ErrInvalid)
	}
	dsn := url.URL{Scheme: "file", Opaque: url.PathEscape(file), RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}, "_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", file, err)
	}
	if _, err := db.ExecContext(ctx, sqliteSchema); err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", file, errors.Join(sqliteKind(err), db.Close()))
	}
	return &sqlitePointers{db: db}, nil
}

func (s *sqlitePointers) find(ctx context.Context, id tidemark.TableID) (string, error) {
	var location string
	err := s.db.QueryRowContext(ctx, `SELECT metadata_location FROM iceberg_tables
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`,
		catalogName, id.Namespace, id.Name).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("find table %s in the catalog: %w", id, sqliteKind(err))
	}
	return location, nil
}

func (s *sqlitePointers) point(ctx context.Context, id tidemark.TableID, old, location string, _ table.Metadata) (bool, error) {
	changed, err := s.move(ctx, id, old, location)
	return changed, sqliteKind(err)
}

// move is the swap: one statement that changes the row if it still names old.
func (s *sqlitePointers) move(ctx context.Context, id tidemark.TableID, old, location string) (bool, error) {
	if old == "" {
		return s.insert(ctx, id, location)
	}
	result, err := s.db.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?, iceberg_type = 'TABLE'
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
		location, old, catalogName, id.Namespace, id.Name, old)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// insert makes the row of a new table, and its namespace, which other tools want to find.
func (s *sqlitePointers) insert(ctx context.Context, id tidemark.TableID, location string) (inserted bool, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	if _, err = tx.ExecContext(ctx, `INSERT INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING`,
		catalogName, id.Namespace); err != nil {
		return false, err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES (?, ?, ?, 'TABLE', ?) ON CONFLICT DO NOTHING`, catalogName, id.Namespace, id.Name, location)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, err
	}
	return n == 1, tx.Commit()
}

func (s *sqlitePointers) unpoint(ctx context.Context, id tidemark.TableID, location string) (bool, error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
		catalogName, id.Namespace, id.Name, location)
	if err != nil {
		return false, sqliteKind(err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func (s *sqlitePointers) list(ctx context.Context) (tables []place, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT table_namespace, table_name, COALESCE(metadata_location, '') FROM iceberg_tables
		WHERE catalog_name = ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`, catalogName)
	if err != nil {
		return nil, fmt.Errorf("list tables of the catalog: %w", sqliteKind(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one := place{size: -1}
		if err := rows.Scan(&one.id.Namespace, &one.id.Name, &one.metadata); err != nil {
			return nil, fmt.Errorf("list tables of the catalog: %w", sqliteKind(err))
		}
		tables = append(tables, one)
	}
	return tables, sqliteKind(rows.Err())
}

func (s *sqlitePointers) close() error { return s.db.Close() }

// sqliteKind gives SQLite's errors one of our kinds.
func sqliteKind(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the rest refines
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", tidemark.ErrTransient, err)
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH:
		return fmt.Errorf("%w: %w", tidemark.ErrDenied, err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	return err
}
