package auth

import (
	"context"
	"time"

	"github.com/tidemark-data/tidemark"
)

// What changes something takes the act that it is, and notes both in one transaction: there is no change that the audit log
// does not have. An act without an action is not noted. Methods may be called at the same time.

// Users are the people who may log in.
type Users interface {
	// Users returns all, by name.
	Users(ctx context.Context) ([]tidemark.User, error)

	// User returns one, or ErrNotFound.
	User(ctx context.Context, name string) (tidemark.User, error)

	// AddUser adds one. ErrConflict: the name is taken.
	AddUser(ctx context.Context, u tidemark.User, a tidemark.Act) error

	// ChangeUser changes one. A new password, and that the user is disabled, end the user's sessions. ErrNotFound: there is
	// none. ErrConflict: of c.Was.
	ChangeUser(ctx context.Context, name string, c tidemark.UserChange, a tidemark.Act) error

	// RemoveUser removes one, with the sessions. ErrNotFound: there is none.
	//
	// AddUser, ChangeUser and RemoveUser refuse with ErrConflict what would leave users and none of them an admin who is not
	// disabled.
	RemoveUser(ctx context.Context, name string, a tidemark.Act) error
}

// Tokens are what programs show.
type Tokens interface {
	// Tokens returns all, by name.
	Tokens(ctx context.Context) ([]tidemark.Token, error)

	// TokenOf returns the one with a hash, or ErrNotFound.
	TokenOf(ctx context.Context, hash []byte) (tidemark.Token, error)

	// AddToken adds one. ErrConflict: the name is taken.
	AddToken(ctx context.Context, t tidemark.Token, a tidemark.Act) error

	// RemoveToken takes one back. ErrNotFound: there is none.
	RemoveToken(ctx context.Context, name string, a tidemark.Act) error

	// TouchToken notes when one was used.
	TouchToken(ctx context.Context, hash []byte, at time.Time) error
}

// Sessions are those of the people who have logged in.
type Sessions interface {
	// AddSession begins one. ErrConflict: the hash of the user's password is not verified any more, or the user is disabled
	// or gone.
	AddSession(ctx context.Context, s tidemark.Session, verified string, a tidemark.Act) error

	// SessionOf returns the one with a hash and its user, or ErrNotFound.
	SessionOf(ctx context.Context, hash []byte) (tidemark.Session, tidemark.User, error)

	// TouchSession notes when one was seen.
	TouchSession(ctx context.Context, hash []byte, at time.Time) error

	// EndSession ends one. ErrNotFound: there is none.
	EndSession(ctx context.Context, hash []byte, a tidemark.Act) error

	// PruneSessions forgets those that were begun, or last seen, before a time.
	PruneSessions(ctx context.Context, begun, seen time.Time) error
}

// Audit is the log of what was asked.
type Audit interface {
	// Note adds an entry, and numbers it.
	Note(ctx context.Context, a tidemark.Act) error

	// Acts returns the entries that pass a filter, the newest first.
	Acts(ctx context.Context, f tidemark.ActFilter) ([]tidemark.Act, error)

	// PruneActs forgets entries from before a time, and returns how many.
	PruneActs(ctx context.Context, before time.Time) (int, error)
}

// A Store keeps all of these.
type Store interface {
	Users
	Tokens
	Sessions
	Audit
}
