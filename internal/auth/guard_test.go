package auth

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const (
	annsPassword = "correct horse battery"
	bobsPassword = "staple of the day before"
)

// A stage is a guard over a store of its own, with ann, an admin, and bob, a viewer.
type stage struct {
	*Guard
	t      *testing.T
	clock  *clock
	store  *sqlite.Store
	folder string
	root   Identity // who has the machine
	home   netip.Addr
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, clock: &clock{now: dawn}, folder: t.TempDir(), root: Local("root"), home: addr("192.0.2.1")}
	store, err := sqlite.Open(t.Context(), filepath.Join(s.folder, "store.db"), sqlite.Options{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.store = store
	s.Guard = New(Options{Store: store, Now: s.clock.Now})
	s.hasher = newHasher(cheap(), cap(s.hasher.slots))
	s.must(s.AddUser(t.Context(), s.root, "ann", annsPassword, tidemark.RoleAdmin, netip.Addr{}))
	s.must(s.AddUser(t.Context(), s.root, "bob", bobsPassword, tidemark.RoleViewer, netip.Addr{}))
	return s
}

// cheap is the cost of hashes in tests that have many.
func cheap() cost { return cost{memory: 64, passes: 1, lanes: 1} }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// login logs in from home.
func (s *stage) login(name, password string) string {
	s.t.Helper()
	secret, who, err := s.Login(s.t.Context(), name, password, s.home)
	s.must(err)
	if who.Name != name || who.Kind != KindUser {
		s.t.Errorf("%s has logged in as %+v", name, who)
	}
	return secret
}

// session is the state of one: who it is, or "over".
func (s *stage) session(secret string) string {
	s.t.Helper()
	who, err := s.BySession(s.t.Context(), secret)
	if errors.Is(err, tidemark.ErrDenied) {
		return "over"
	}
	s.must(err)
	return who.Name + " " + string(who.Role)
}

// is reports an error that is not of the kind.
func (s *stage) is(what string, err, kind error) {
	s.t.Helper()
	if !errors.Is(err, kind) {
		s.t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// TestRoles: each role may do what those before it may, and nobody may do anything.
func TestRoles(t *testing.T) {
	for i, has := range append([]tidemark.Role{"", "root"}, tidemark.Roles()...) {
		for j, needed := range append([]tidemark.Role{"", "root"}, tidemark.Roles()...) {
			err := Identity{Name: "x", Role: has, Kind: KindUser}.May(needed)
			if want := j >= 2 && i >= j; (err == nil) != want || err != nil && (!errors.Is(err, tidemark.ErrDenied) || tidemark.Hint(err) == "") {
				t.Errorf("may %q do what takes %q: %v, want %t", has, needed, err, want)
			}
		}
	}
	if err := (Identity{}).May(tidemark.RoleViewer); !errors.Is(err, tidemark.ErrDenied) {
		t.Errorf("nobody: %v, want ErrDenied", err)
	}
}

// TestAdminOnly: whoever is no admin changes nothing and sees nobody, and that he tried is noted.
func TestAdminOnly(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	_, err := s.AddToken(ctx, s.root, "ci", tidemark.RoleOperator, time.Time{}, s.home)
	s.must(err)
	for i, by := range []Identity{{}, {Name: "bob", Role: tidemark.RoleViewer, Kind: KindUser}, {Name: "ci", Role: tidemark.RoleOperator, Kind: KindToken}} {
		acts := map[string]func() error{
			ActAddUser: func() error {
				return s.AddUser(ctx, by, "eve", "one two three four", tidemark.RoleAdmin, s.home)
			},
			ActSetRole:     func() error { return s.SetRole(ctx, by, "bob", tidemark.RoleAdmin, s.home) },
			ActDisableUser: func() error { return s.Disable(ctx, by, "ann", true, s.home) },
			ActEnableUser:  func() error { return s.Disable(ctx, by, "ann", false, s.home) },
			ActRemoveUser:  func() error { return s.RemoveUser(ctx, by, "ann", s.home) },
			ActSetPassword: func() error { return s.SetPassword(ctx, by, "ann", "one two three four", s.home) },
			ActAddToken: func() error {
				_, err := s.AddToken(ctx, by, "mine", tidemark.RoleAdmin, time.Time{}, s.home)
				return err
			},
			ActRemoveToken: func() error { return s.RemoveToken(ctx, by, "ci", s.home) },
		}
		for action, do := range acts {
			s.is(action, do(), tidemark.ErrDenied)
			last, err := s.Acts(ctx, s.root, tidemark.ActFilter{Limit: 1})
			s.must(err)
			if a := last[0]; a.Action != action || a.Outcome != "denied" || a.Who != by.Name || a.Kind != string(by.Kind) || a.Address != "192.0.2.1" {
				t.Errorf("%s by %d is noted as %+v", action, i, a)
			}
		}
		_, err := s.Users(ctx, by)
		s.is("Users", err, tidemark.ErrDenied)
		_, err = s.Tokens(ctx, by)
		s.is("Tokens", err, tidemark.ErrDenied)
		_, err = s.Acts(ctx, by, tidemark.ActFilter{Limit: 1})
		s.is("Acts", err, tidemark.ErrDenied)
	}
	users, err := s.Users(ctx, s.root)
	s.must(err)
	if len(users) != 2 || users[0].Role != tidemark.RoleAdmin || users[0].Disabled || users[1].Role != tidemark.RoleViewer || users[1].CreatedBy != "root" {
		t.Errorf("users %+v", users)
	}
}

// TestUsersRefused: names, roles and passwords that are none.
func TestUsersRefused(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		name, password string
		role           tidemark.Role
		want           error
	}{
		{"eve", "one two three four", "owner", tidemark.ErrInvalid},
		{"eve", "one two three four", "", tidemark.ErrInvalid},
		{"", "one two three four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"Eve", "one two three four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"e ve", "one two three four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve\n", "one two three four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{strings.Repeat("e", 65), "one two three four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve", "short", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve", "", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve", "éééééééééé", tidemark.RoleViewer, tidemark.ErrInvalid}, // characters count, not bytes
		{"eve", "aaaaaaaaaaaaaaaa", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve", strings.Repeat("abc", 400), tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve", "one two three \xff four", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"eve.of.lands.end", "1Eve.of.lands.End", tidemark.RoleViewer, tidemark.ErrInvalid},
		{"bob", "one two three four", tidemark.RoleViewer, tidemark.ErrConflict},
		{"eve.of-the+lands_end@example.com", "one two three four", tidemark.RoleViewer, nil},
	} {
		if err := s.AddUser(t.Context(), s.root, c.name, c.password, c.role, s.home); !errors.Is(err, c.want) {
			t.Errorf("%q with %q as %q: %v, want %v", c.name, c.password, c.role, err, c.want)
		}
	}
	s.is("role of nobody", s.SetRole(t.Context(), s.root, "eve", tidemark.RoleViewer, s.home), tidemark.ErrNotFound)
	s.is("no role", s.SetRole(t.Context(), s.root, "bob", "", s.home), tidemark.ErrInvalid)
	s.is("remove nobody", s.RemoveUser(t.Context(), s.root, "eve", s.home), tidemark.ErrNotFound)
	s.is("password of nobody", s.SetPassword(t.Context(), s.root, "eve", "one two three four", s.home), tidemark.ErrNotFound)
}

// TestLastAdmin: while there are users, one of them is an admin who can come.
func TestLastAdmin(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	last := func() {
		t.Helper()
		s.is("demote", s.SetRole(ctx, s.root, "ann", tidemark.RoleOperator, s.home), tidemark.ErrConflict)
		s.is("disable", s.Disable(ctx, s.root, "ann", true, s.home), tidemark.ErrConflict)
		s.is("remove", s.RemoveUser(ctx, s.root, "ann", s.home), tidemark.ErrConflict)
	}
	last()
	s.must(s.SetRole(ctx, s.root, "bob", tidemark.RoleAdmin, s.home))
	s.must(s.Disable(ctx, s.root, "bob", true, s.home))
	last() // an admin who cannot come is none
	s.must(s.Disable(ctx, s.root, "bob", false, s.home))
	s.must(s.RemoveUser(ctx, s.root, "ann", s.home))
	s.must(s.RemoveUser(ctx, s.root, "bob", s.home)) // the last of all
	if guarded, err := s.Guarded(ctx); guarded || err != nil {
		t.Errorf("without users it is guarded: %t, %v", guarded, err)
	}
	s.is("the first user is a viewer", s.AddUser(ctx, s.root, "eve", "one two three four", tidemark.RoleViewer, s.home), tidemark.ErrConflict)
	_, err := s.AddToken(ctx, s.root, "ci", tidemark.RoleViewer, time.Time{}, s.home)
	s.must(err)
	if guarded, err := s.Guarded(ctx); !guarded || err != nil {
		t.Errorf("with a token it is guarded: %t, %v", guarded, err)
	}
}

// TestLastAdminAtOnce: two admins who remove each other at the same time do not both go.
func TestLastAdminAtOnce(t *testing.T) {
	s := newStage(t)
	for range 10 {
		s.must(s.SetRole(t.Context(), s.root, "bob", tidemark.RoleAdmin, s.home))
		var all sync.WaitGroup
		for _, name := range []string{"ann", "bob"} {
			all.Go(func() { _ = s.SetRole(t.Context(), s.root, name, tidemark.RoleViewer, s.home) })
		}
		all.Wait()
		users, err := s.Users(t.Context(), s.root)
		s.must(err)
		admins := 0
		for _, u := range users {
			if u.Role == tidemark.RoleAdmin {
				admins++
			}
		}
		if admins != 1 {
			t.Fatalf("%d admins are left, want 1", admins)
		}
		s.must(s.SetRole(t.Context(), s.root, "ann", tidemark.RoleAdmin, s.home))
	}
}

// TestSecretsNotKept: nothing of what people and programs show is in the store's files, nor in what it tells.
func TestSecretsNotKept(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	token, err := s.AddToken(ctx, s.root, "ci", tidemark.RoleOperator, time.Time{}, s.home)
	s.must(err)
	secrets := []string{annsPassword, bobsPassword, token, s.login("ann", annsPassword), "another one of ann", "typed into the name"}
	_, err = s.ByToken(ctx, token)
	s.must(err)
	_, _, err = s.Login(ctx, "typed into the name", "x", s.home)
	s.is("a password for a name", err, tidemark.ErrDenied)
	s.is("a password for a name", s.AddUser(ctx, s.root, "typed into the name", annsPassword, tidemark.RoleViewer, s.home), tidemark.ErrInvalid)
	s.must(s.SetPassword(ctx, s.root, "ann", "another one of ann", s.home))
	for _, err := range []error{errors.New("password=" + annsPassword), nil} {
		s.must(s.Note(ctx, s.root, s.home, "run start", "orders\nevil", "", err))
	}
	files, err := filepath.Glob(filepath.Join(s.folder, "*"))
	s.must(err)
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		s.must(err)
		all.Write(content)
	}
	if !strings.Contains(all.String(), "run start") || !strings.Contains(all.String(), "orders evil") {
		t.Error("what is kept is not in the files")
	}
	for _, secret := range secrets {
		if strings.Contains(all.String(), secret) || strings.Contains(all.String(), strings.TrimPrefix(secret, tokenPrefix)) {
			t.Errorf("%q is in the store", secret)
		}
	}
}
