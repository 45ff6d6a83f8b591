package tidemark

import (
	"slices"
	"time"
)

// A Role says what somebody may ask of a server. Each role may also do what those before it may.
type Role string

const (
	RoleViewer   Role = "viewer"   // looks: pipelines, runs, logs, tables
	RoleOperator Role = "operator" // starts and cancels runs, turns triggers on and off
	RoleAdmin    Role = "admin"    // says who may come: users, tokens; reads the audit log
)

// Roles are all roles, the one that may least first.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleAdmin} }

// Allows reports whether who has role r may do what takes role needed. A role that does not exist allows nothing, and is
// allowed by none.
func (r Role) Allows(needed Role) bool {
	has, needs := slices.Index(Roles(), r), slices.Index(Roles(), needed)
	return needs >= 0 && has >= needs
}

// A User is a person who may log in to a server.
type User struct {
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Hash      string    `json:"-"` // of the password, in PHC form
	Disabled  bool      `json:"disabled,omitempty"`
	Created   time.Time `json:"created"` // UTC, as all times
	CreatedBy string    `json:"created_by,omitempty"`
	Changed   time.Time `json:"password_changed"` // when the password was set
}

// A UserChange is what becomes of a user. What is zero stays as it is.
type UserChange struct {
	Role     Role
	Disabled *bool
	Hash     string // of a new password, which ends the user's sessions

	// Was is the hash that Hash replaces, if it is of the same password by other parameters: sessions stay. Where the user
	// has another hash meanwhile, nothing changes.
	Was string
}

// A Token lets a program ask a server, as long as nobody takes it back. What the program shows is not kept.
type Token struct {
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Hash      []byte    `json:"-"` // SHA-256 of what the program shows
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by,omitempty"`
	Expires   time.Time `json:"expires,omitzero"` // zero: never
	Used      time.Time `json:"used,omitzero"`    // the last time, to a minute
}

// A Session is that somebody has logged in.
type Session struct {
	Hash    []byte // SHA-256 of what the browser shows
	User    string
	Created time.Time
	Seen    time.Time // the last time, to a minute
}

// An Act is an entry in the audit log of a server: what somebody asked of it. What people do to watermarks is an Event, and
// lies in the lake.
type Act struct {
	N       int64     `json:"n"` // in the order in which they were noted
	At      time.Time `json:"at"`
	Who     string    `json:"who"`  // "" of somebody unknown
	Kind    string    `json:"kind"` // user, token or local
	Action  string    `json:"action"`
	Object  string    `json:"object,omitempty"` // what it was done to; never a secret
	Outcome string    `json:"outcome"`          // ActDone, or the kind of the error, as KindOf has it
	Detail  string    `json:"detail,omitempty"` // never a secret
	Address string    `json:"address,omitempty"`
}

// An ActFilter says which acts are listed. The zero value lists all, the newest first.
type ActFilter struct {
	Who     string // this name alone
	Action  string // that begins with this
	Object  string // that has this in it
	Refused bool   // only those that were not done
	Before  int64  // only those with a lower number, to go on from a page; 0: from the newest on
	Limit   int    // at most so many; 0 means 100
}

// ActDone is the outcome of an act that was done.
const ActDone = "done"
