package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tidemark-data/tidemark"
)

// migrations make the tables, one version after another; PRAGMA user_version is how many of them a file has had. One that
// has been released is never changed. All times are microseconds since 1970, UTC.
var migrations = [...]string{`
PRAGMA application_id = 0x54696465; -- applicationID

-- A run, over all its attempts. n is the order in which runs were queued.
CREATE TABLE runs (
	n          INTEGER PRIMARY KEY,
	id         TEXT NOT NULL UNIQUE,
	pipeline   TEXT NOT NULL,
	state      TEXT NOT NULL,
	priority   INTEGER NOT NULL,
	queued     INTEGER NOT NULL,
	not_before INTEGER,
	started    INTEGER,
	ended      INTEGER,
	cancel     TEXT NOT NULL DEFAULT '',
	result     TEXT, -- JSON of a RunResult
	error      TEXT NOT NULL DEFAULT '',
	hint       TEXT NOT NULL DEFAULT '',
	end_number INTEGER UNIQUE -- 1, 2, 3 … in the order in which runs ended
);
CREATE INDEX runs_by_pipeline ON runs (pipeline, n);
CREATE INDEX runs_by_both ON runs (pipeline, state, n);
CREATE INDEX runs_by_state ON runs (state, n);
CREATE INDEX runs_by_queued ON runs (queued);
CREATE INDEX runs_by_end ON runs (pipeline, end_number) WHERE end_number IS NOT NULL;
CREATE INDEX runs_by_success ON runs (pipeline, end_number) WHERE state = 'succeeded';

-- Why runs were wanted. That a cause was taken is remembered longer than its run: a repeat finds it here.
CREATE TABLE causes (
	pipeline TEXT NOT NULL,
	id       TEXT NOT NULL,
	run      TEXT NOT NULL,
	trigger  TEXT NOT NULL,
	kind     TEXT NOT NULL,
	at       INTEGER NOT NULL,
	by       TEXT NOT NULL,
	detail   TEXT NOT NULL,
	state    TEXT NOT NULL DEFAULT '', -- how its run ended, once that is forgotten
	queued   INTEGER,                  -- when that run was queued
	ended    INTEGER,
	PRIMARY KEY (pipeline, id)
) WITHOUT ROWID;
CREATE INDEX causes_by_run ON causes (run, at);

CREATE TABLE attempts (
	run        TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	n          INTEGER NOT NULL,
	commit_run TEXT NOT NULL,
	holder     TEXT NOT NULL,
	started    INTEGER NOT NULL,
	ended      INTEGER,
	kind       TEXT NOT NULL DEFAULT '',
	error      TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (run, n)
) WITHOUT ROWID;

-- Who works on which run of a pipeline. A row stays when its lease is given back: tokens only grow.
CREATE TABLE leases (
	pipeline TEXT PRIMARY KEY,
	token    INTEGER NOT NULL,
	run      TEXT, -- NULL: nobody
	expires  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE triggers (
	id      TEXT PRIMARY KEY,
	enabled INTEGER, -- what a person has said; NULL: as the config has it
	mark    TEXT NOT NULL DEFAULT '',
	fired   INTEGER,
	cause   TEXT NOT NULL DEFAULT '',
	error   TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE logs (
	run     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	n       INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	level   TEXT NOT NULL,
	text    TEXT NOT NULL,
	attrs   TEXT NOT NULL,
	PRIMARY KEY (run, n)
) WITHOUT ROWID;
`, `
-- Who may come. There is no user, or one at least is an admin who is not disabled.
CREATE TABLE users (
	name       TEXT PRIMARY KEY,
	role       TEXT NOT NULL,
	hash       TEXT NOT NULL, -- argon2id of the password, in PHC form
	disabled   INTEGER NOT NULL,
	created    INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	changed    INTEGER NOT NULL -- when the password was set
) WITHOUT ROWID;

-- hash is SHA-256 of what programs and browsers show; that itself is not kept.
CREATE TABLE tokens (
	name       TEXT PRIMARY KEY,
	hash       BLOB NOT NULL UNIQUE,
	role       TEXT NOT NULL,
	created    INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	expires    INTEGER,
	used       INTEGER
) WITHOUT ROWID;

CREATE TABLE sessions (
	hash    BLOB PRIMARY KEY,
	user    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user, created);

-- The audit log. A number is never given twice, so that pages and readers do not miss any.
CREATE TABLE acts (
	n       INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	who     TEXT NOT NULL,
	kind    TEXT NOT NULL,
	action  TEXT NOT NULL,
	object  TEXT NOT NULL,
	outcome TEXT NOT NULL,
	detail  TEXT NOT NULL,
	address TEXT NOT NULL
);
CREATE INDEX acts_by_at ON acts (at);
`, `
-- All that Recent tells is in this index, so that no results are read: it has the same expression.
CREATE INDEX runs_by_ended ON runs (pipeline, ended, id, state, started, iif(json_extract(result, '$.committed'), json_extract(result, '$.rows_new'), 0)) WHERE ended IS NOT NULL;
`}

// migrate brings a file up to date, in one transaction for each version.
func migrate(ctx context.Context, db *sql.DB) error {
	version, err := versionOf(ctx, db)
	if err != nil {
		return err
	}
	// The file remembers it. Behind the look at the version, since it changes a file that is not ours.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	for i, statements := range migrations[version:] {
		next := version + i + 1
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, statements+fmt.Sprintf("\nPRAGMA user_version = %d;", next))
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("make version %d: %w", next, err)
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("make version %d: %w", next, err)
		}
	}
	return nil
}

// applicationID tells a store from other programs' files: "Tide".
const applicationID = 0x54696465

// versionOf returns how many migrations a file has had; ErrInvalid where they are more than this program knows, and of a
// file that is no store.
func versionOf(ctx context.Context, db *sql.DB) (version int, err error) {
	var application, tables int
	err = db.QueryRowContext(ctx, "SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)").
		Scan(&version, &application, &tables)
	if err != nil {
		return 0, noDatabase(fmt.Errorf("read its version: %w", err))
	}
	if application != applicationID && (version > 0 || tables > 0) {
		return 0, tidemark.WithHint(fmt.Errorf("another program's database: %w", tidemark.ErrInvalid), "name a file of the server's own in server.store")
	}
	if version > len(migrations) {
		return 0, tidemark.WithHint(fmt.Errorf("version %d is not known: %w", version, tidemark.ErrInvalid), "a newer tidemark wrote it: update this one")
	}
	return version, nil
}

// noDatabase makes an ErrInvalid of what SQLite says of a file that it cannot read.
func noDatabase(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code()&0xff != sqlite3.SQLITE_NOTADB && e.Code()&0xff != sqlite3.SQLITE_CORRUPT {
		return err
	}
	return tidemark.WithHint(fmt.Errorf("%w: %w", err, tidemark.ErrInvalid),
		"the file is no store, or it is damaged: name another one in server.store, or move it away. What was loaded is not in it, and the history of runs is")
}

// known reports an error of a file that is not of this version.
func known(ctx context.Context, db *sql.DB) error {
	version, err := versionOf(ctx, db)
	if err == nil && version < len(migrations) {
		err = tidemark.WithHint(fmt.Errorf("version %d is old: %w", version, tidemark.ErrInvalid), "`tidemark serve` brings it up to date")
	}
	return err
}
