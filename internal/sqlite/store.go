package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Store is one file. Its methods may be called at the same time, by one process at a time; another one may read
// meanwhile.
type Store struct {
	write *sql.DB // one connection: transactions that write come one after another
	read  *sql.DB // they do not wait for those
	now   func() time.Time
	claim *os.File
}

// Options of a Store. The zero value is good.
type Options struct {
	Now func() time.Time // nil: the machine's clock
}

// Open opens the store at path, and makes it and its folder where they are not there. The store is this process's until
// Close, or until it dies: one that another process has is ErrConflict.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	path, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	claim, err := claim(path + ".lock")
	if err != nil {
		return nil, err
	}
	return openAt(ctx, path, claim, o)
}

func openAt(ctx context.Context, path string, claim *os.File, o Options) (*Store, error) {
	s := &Store{now: o.Now, claim: claim}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Beside opens the store at path for users, tokens and the audit log alone, whoever has it: these are changed in
// transactions of their own, and a server reads them at each request. Runs and triggers are not to be changed by it. A store
// that is not there is made.
func Beside(ctx context.Context, path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	path, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return openAt(ctx, path, nil, o)
}

// Read opens a store to look into it, whoever has it. Methods that write fail. A file that is not there is ErrNotFound.
func Read(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("store %s: %w", path, tidemark.ErrNotFound)
	}
	s := &Store{now: time.Now}
	db, err := pool(path, 2, "query_only(ON)")
	if err == nil {
		s.read, s.write = db, db
		err = known(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	// The file is made by us, so that nobody else can read the logs that are in it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.write, err = pool(path, 1); err != nil {
		return err
	}
	if s.read, err = pool(path, max(2, runtime.GOMAXPROCS(0))); err != nil {
		return err
	}
	return migrate(ctx, s.write)
}

// pool opens connections. A commit is on the disk when it returns: a cause that was taken must not be lost with the
// power.
func pool(path string, n int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}}
	for _, pragma := range append([]string{"busy_timeout(10000)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)"}, pragmas...) {
		q.Add("_pragma", pragma)
	}
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(url.PathEscape(path), "%2F", "/")+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// Close ends all connections and gives the store free. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.claim != nil {
		if err := s.claim.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// change runs a transaction that writes.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // of one that was committed it says so
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// stamp is now, as the store keeps it.
func (s *Store) stamp() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// micros is a time as the file has it: microseconds since 1970, UTC; NULL for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// timeOf reads what micros wrote.
func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

// noRun is the error of a run that is not there.
func noRun(id tidemark.RunID) error { return fmt.Errorf("run %q: %w", id, tidemark.ErrNotFound) }
