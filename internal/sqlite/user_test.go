package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// TestUpgrade: a store of each older version is brought up to date with what is in it.
func TestUpgrade(t *testing.T) {
	for version := 1; version < len(migrations); version++ {
		path := filepath.Join(t.TempDir(), "store.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		for _, statements := range migrations[:version] {
			if _, err := db.Exec(statements); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d; INSERT INTO runs (id, pipeline, state, priority, queued) VALUES ('one', 'orders', 'queued', 0, 0)", version)); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(t.Context(), path); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
			t.Errorf("Read of version %d: %v, want ErrInvalid and a hint", version, err)
		}
		s, _ := open(t, path)
		if r, err := s.Run(t.Context(), "one"); err != nil || r.Pipeline != "orders" {
			t.Errorf("version %d: the run is %+v, %v", version, r, err)
		}
		if now, err := versionOf(t.Context(), s.read); err != nil || now != len(migrations) {
			t.Errorf("version %d has become %d, %v", version, now, err)
		}
	}
}

func addUser(t *testing.T, s *Store, name string, role tidemark.Role) {
	t.Helper()
	if err := s.AddUser(t.Context(), tidemark.User{Name: name, Role: role, Hash: "hash of " + name, Created: dawn, Changed: dawn}, tidemark.Act{At: dawn, Action: "add", Object: name}); err != nil {
		t.Fatal(err)
	}
}

// TestNotedTogether: a change and its act are both kept, or neither.
func TestNotedTogether(t *testing.T) {
	s, _ := newStore(t)
	act := tidemark.Act{At: dawn, Action: "act"}
	off := true
	addUser(t, s, "ann", tidemark.RoleAdmin)
	addUser(t, s, "bob", tidemark.RoleViewer)
	if err := s.AddToken(t.Context(), tidemark.Token{Name: "ci", Hash: []byte("x"), Role: tidemark.RoleViewer, Created: dawn}, act); err != nil {
		t.Fatal(err)
	}
	session := tidemark.Session{Hash: []byte("y"), User: "bob", Created: dawn, Seen: dawn}
	for what, do := range map[string]struct {
		do   func() error
		want error
	}{
		"user again":     {func() error { return s.AddUser(t.Context(), tidemark.User{Name: "ann"}, act) }, tidemark.ErrConflict},
		"last admin":     {func() error { return s.RemoveUser(t.Context(), "ann", act) }, tidemark.ErrConflict},
		"last admin off": {func() error { return s.ChangeUser(t.Context(), "ann", tidemark.UserChange{Disabled: &off}, act) }, tidemark.ErrConflict},
		"other hash": {func() error {
			return s.ChangeUser(t.Context(), "ann", tidemark.UserChange{Hash: "new", Was: "other"}, act)
		}, tidemark.ErrConflict},
		"no user":       {func() error { return s.ChangeUser(t.Context(), "eve", tidemark.UserChange{Hash: "new"}, act) }, tidemark.ErrNotFound},
		"remove nobody": {func() error { return s.RemoveUser(t.Context(), "eve", act) }, tidemark.ErrNotFound},
		"token again":   {func() error { return s.AddToken(t.Context(), tidemark.Token{Name: "ci", Hash: []byte("z")}, act) }, tidemark.ErrConflict},
		"same hash":     {func() error { return s.AddToken(t.Context(), tidemark.Token{Name: "cd", Hash: []byte("x")}, act) }, tidemark.ErrConflict},
		"no token":      {func() error { return s.RemoveToken(t.Context(), "cd", act) }, tidemark.ErrNotFound},
		"old password":  {func() error { return s.AddSession(t.Context(), session, "hash before", act) }, tidemark.ErrConflict},
		"session of eve": {func() error {
			return s.AddSession(t.Context(), tidemark.Session{Hash: []byte("y"), User: "eve"}, "", act)
		}, tidemark.ErrConflict},
		"no such session":  {func() error { return s.EndSession(t.Context(), []byte("y"), act) }, tidemark.ErrNotFound},
		"not looked up":    {func() error { _, err := s.TokenOf(t.Context(), []byte("y")); return err }, tidemark.ErrNotFound},
		"nobody's session": {func() error { _, _, err := s.SessionOf(t.Context(), []byte("y")); return err }, tidemark.ErrNotFound},
	} {
		if err := do.do(); !errors.Is(err, do.want) {
			t.Errorf("%s: %v, want %v", what, err, do.want)
		}
	}
	acts, err := s.Acts(t.Context(), tidemark.ActFilter{Limit: 100})
	if err != nil || len(acts) != 3 {
		t.Errorf("%d acts are noted, %v; want those of two users and a token", len(acts), err)
	}
	users, err := s.Users(t.Context())
	if err != nil || len(users) != 2 || users[0].Hash != "hash of ann" || users[0].Disabled || !users[0].Changed.Equal(dawn) {
		t.Errorf("users %+v, %v", users, err)
	}
	if err := s.AddSession(t.Context(), session, "hash of bob", act); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeUser(t.Context(), "bob", tidemark.UserChange{Disabled: &off}, act); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.SessionOf(t.Context(), session.Hash); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("the session of a user who is disabled: %v, want ErrNotFound", err)
	}
	if err := s.AddSession(t.Context(), session, "hash of bob", act); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("a session for a user who is disabled: %v, want ErrConflict", err)
	}
}
