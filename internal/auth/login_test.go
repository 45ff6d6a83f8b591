package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/tidemark-data/tidemark"
)

// TestLogin: a password lets its user in, and nobody else.
func TestLogin(t *testing.T) {
	s := newStage(t)
	if got := s.session(s.login("ann", annsPassword)); got != "ann admin" {
		t.Errorf("ann's session is %s", got)
	}
	if _, who, err := s.Login(t.Context(), " Bob ", bobsPassword, s.home); err != nil || who != (Identity{"bob", tidemark.RoleViewer, KindUser}) {
		t.Errorf("Bob has logged in as %+v, %v", who, err)
	}
	s.must(s.AddUser(t.Context(), s.root, "gone", "one two three four", tidemark.RoleViewer, s.home))
	s.must(s.Disable(t.Context(), s.root, "gone", true, s.home))
	told := map[string]bool{}
	for i, try := range [][2]string{{"ann", bobsPassword}, {"eve", annsPassword}, {"gone", "one two three four"}, {"", ""}, {"bob", ""}, {"ann", annsPassword + strings.Repeat(" ", maxPassword)}} {
		_, who, err := s.Login(t.Context(), try[0], try[1], addr(fmt.Sprintf("192.0.2.%d", 10+i)))
		s.is(try[0], err, tidemark.ErrDenied)
		told[fmt.Sprint(err, tidemark.Hint(err), who)] = true
	}
	if len(told) != 1 {
		t.Errorf("who is refused is told apart: %v", told)
	}
}

// TestNobodyTakesAsLong: a hash is computed also where there is no such user: each waits for its turn to compute one.
func TestNobodyTakesAsLong(t *testing.T) {
	s := newStage(t)
	for range cap(s.hasher.slots) {
		s.hasher.slots <- struct{}{}
	}
	for i, name := range []string{"ann", "eve", "", strings.Repeat("x", 1000)} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _, err := s.Login(ctx, name, annsPassword, addr(fmt.Sprintf("192.0.2.%d", 10+i)))
		cancel()
		s.is(fmt.Sprintf("%q", name), err, context.DeadlineExceeded)
	}
	for range cap(s.hasher.slots) {
		<-s.hasher.slots
	}
	for range 2 * freeFailures { // what was given up is no failure
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := s.Login(ctx, "ann", annsPassword, s.home)
		s.is("given up", err, context.Canceled)
	}
	s.login("ann", annsPassword)
}

// TestRehash: a password that was hashed at another cost still counts, and is hashed anew when it is known.
func TestRehash(t *testing.T) {
	s := newStage(t)
	s.hasher = New(Options{}).hasher
	old := hash{cost: cost{memory: 64, passes: 1, lanes: 1}, salt: []byte("sixteen bytes of")}
	old.key = argon2.IDKey([]byte(annsPassword), old.salt, 1, 64, 1, 32)
	s.must(s.store.ChangeUser(t.Context(), "ann", tidemark.UserChange{Hash: old.String()}, tidemark.Act{}))
	_, _, err := s.Login(t.Context(), "ann", bobsPassword, s.home)
	s.is("a wrong one", err, tidemark.ErrDenied)
	hashOf := func() string {
		u, err := s.store.User(t.Context(), "ann")
		s.must(err)
		return u.Hash
	}
	if hashOf() != old.String() {
		t.Error("a wrong password was hashed anew")
	}
	session := s.login("ann", annsPassword)
	if !strings.HasPrefix(hashOf(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", hashOf())
	}
	if got := s.session(session); got != "ann admin" {
		t.Errorf("the session is %s", got)
	}
	s.login("ann", annsPassword)
}

// TestSessionEnds: by time, by the user, and by what becomes of the user.
func TestSessionEnds(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	bob := Identity{Name: "bob", Role: tidemark.RoleViewer, Kind: KindUser}
	on := func(do func(secret string)) string {
		secret := s.login("bob", bobsPassword)
		do(secret)
		return s.session(secret)
	}
	for name, c := range map[string]struct {
		do   func(secret string)
		want string
	}{
		"nothing": {func(string) {}, "bob viewer"},
		"idle":    {func(string) { s.clock.move(sessionIdle) }, "over"},
		"almost":  {func(string) { s.clock.move(sessionIdle - time.Second) }, "bob viewer"},
		"busy for days": {func(secret string) {
			for range 2 * 6 {
				s.clock.move(sessionIdle - time.Second)
				s.session(secret)
			}
		}, "bob viewer"},
		"busy for a week": {func(secret string) {
			for range 2*7 + 1 {
				s.clock.move(sessionIdle - time.Second)
				s.session(secret)
			}
		}, "over"},
		"logout":            {func(secret string) { s.must(s.Logout(ctx, secret, s.home)) }, "over"},
		"logout of another": {func(string) { s.must(s.Logout(ctx, s.login("bob", bobsPassword), s.home)) }, "bob viewer"},
		"role": {func(string) {
			s.must(s.SetRole(ctx, s.root, "bob", tidemark.RoleOperator, s.home))
		}, "bob operator"},
		"password":        {func(string) { s.must(s.SetPassword(ctx, s.root, "bob", bobsPassword, s.home)) }, "over"},
		"own password":    {func(string) { s.must(s.ChangePassword(ctx, bob, bobsPassword, bobsPassword, s.home)) }, "over"},
		"password of ann": {func(string) { s.must(s.SetPassword(ctx, s.root, "ann", annsPassword, s.home)) }, "bob viewer"},
		"disabled":        {func(string) { s.must(s.Disable(ctx, s.root, "bob", true, s.home)) }, "over"},
		"disabled for now": {func(string) {
			s.must(s.Disable(ctx, s.root, "bob", true, s.home))
			s.must(s.Disable(ctx, s.root, "bob", false, s.home))
		}, "over"},
		"removed": {func(string) { s.must(s.RemoveUser(ctx, s.root, "bob", s.home)) }, "over"},
		"another bob": {func(string) {
			s.must(s.RemoveUser(ctx, s.root, "bob", s.home))
			s.must(s.AddUser(ctx, s.root, "bob", bobsPassword, tidemark.RoleViewer, s.home))
		}, "over"},
		"pruned": {func(string) { s.clock.move(time.Hour); s.must(s.Prune(ctx)) }, "bob viewer"},
	} {
		if got := on(c.do); got != c.want {
			t.Errorf("%s: the session is %s, want %s", name, got, c.want)
		}
		if _, err := s.store.User(ctx, "bob"); errors.Is(err, tidemark.ErrNotFound) {
			s.must(s.AddUser(ctx, s.root, "bob", bobsPassword, tidemark.RoleViewer, s.home))
		}
		s.must(s.Disable(ctx, s.root, "bob", false, s.home))
		s.must(s.SetRole(ctx, s.root, "bob", tidemark.RoleViewer, s.home))
	}
}

// TestBadSessions: what is not the secret of a session is refused, and a token is none.
func TestBadSessions(t *testing.T) {
	s := newStage(t)
	good := s.login("ann", annsPassword)
	token, err := s.AddToken(t.Context(), s.root, "ci", tidemark.RoleAdmin, time.Time{}, s.home)
	s.must(err)
	for _, secret := range []string{"", "x", sessionPrefix, good[:len(good)-1], good + "0", strings.ToUpper(good), newSecret(sessionPrefix), token, strings.Repeat(good, 100)} {
		if got := s.session(secret); got != "over" {
			t.Errorf("%q is a session of %s", secret, got)
		}
	}
	if _, err := s.ByToken(t.Context(), good); !errors.Is(err, tidemark.ErrDenied) {
		t.Errorf("a session as a token: %v, want ErrDenied", err)
	}
	s.must(s.Logout(t.Context(), "nothing", s.home))
}

// TestSeen: the time of use is kept once a minute.
func TestSeen(t *testing.T) {
	s := newStage(t)
	secret := s.login("ann", annsPassword)
	token, err := s.AddToken(t.Context(), s.root, "ci", tidemark.RoleViewer, time.Time{}, s.home)
	s.must(err)
	for _, c := range []struct{ move, seen, used time.Duration }{
		{30 * time.Second, 0, 30 * time.Second}, {29 * time.Second, 0, 30 * time.Second}, {time.Second, time.Minute, 30 * time.Second}, {time.Hour, time.Hour + time.Minute, time.Hour + time.Minute},
	} {
		s.clock.move(c.move)
		s.session(secret)
		_, err := s.ByToken(t.Context(), token)
		s.must(err)
		session, _, err := s.store.SessionOf(t.Context(), sum(secret))
		s.must(err)
		kept, err := s.store.TokenOf(t.Context(), sum(token))
		s.must(err)
		if seen, used := session.Seen.Sub(dawn), kept.Used.Sub(dawn); seen != c.seen || used != c.used {
			t.Errorf("seen at %s, used at %s; want %s, %s", seen, used, c.seen, c.used)
		}
	}
}

// TestManySessions: of one user only so many are kept, those that were begun last.
func TestManySessions(t *testing.T) {
	s := newStage(t)
	var secrets []string
	u, err := s.store.User(t.Context(), "ann")
	s.must(err)
	for range 60 {
		secret := newSecret(sessionPrefix)
		s.clock.move(time.Second)
		s.must(s.store.AddSession(t.Context(), tidemark.Session{Hash: sum(secret), User: "ann", Created: s.now(), Seen: s.now()}, u.Hash, tidemark.Act{}))
		secrets = append(secrets, secret)
	}
	for i, secret := range secrets {
		if got, want := s.session(secret), i >= 10; (got == "ann admin") != want {
			t.Errorf("session %d is %s", i, got)
		}
	}
}

// TestPasswordRace: who logs in while the password is changed has no session by the old one behind that.
func TestPasswordRace(t *testing.T) {
	s := newStage(t)
	for range 5 {
		s.must(s.SetPassword(t.Context(), s.root, "bob", bobsPassword, s.home))
		var all sync.WaitGroup
		secrets := make([]string, 4)
		for i := range secrets {
			all.Go(func() {
				secrets[i], _, _ = s.Login(t.Context(), "bob", bobsPassword, addr(fmt.Sprintf("192.0.2.%d", 10+i)))
			})
		}
		all.Go(func() { s.must(s.SetPassword(t.Context(), s.root, "bob", "quite another one", s.home)) })
		all.Wait()
		for _, secret := range secrets {
			if secret != "" && s.session(secret) != "over" {
				t.Fatal("a session by the old password is left")
			}
		}
		s.clock.move(2 * time.Hour) // failures are forgotten
	}
}

// TestChangePassword: who has a session needs the old password for a new one, and guessing it is limited.
func TestChangePassword(t *testing.T) {
	s := newStage(t)
	bob := Identity{Name: "bob", Role: tidemark.RoleViewer, Kind: KindUser}
	s.is("short", s.ChangePassword(t.Context(), bob, bobsPassword, "short", s.home), tidemark.ErrInvalid)
	s.is("a token", s.ChangePassword(t.Context(), Identity{"bob", tidemark.RoleAdmin, KindToken}, bobsPassword, "one two three four", s.home), tidemark.ErrDenied)
	s.must(s.ChangePassword(t.Context(), bob, bobsPassword, "one two three four", s.home))
	for range freeFailures {
		s.is("a wrong one", s.ChangePassword(t.Context(), bob, bobsPassword, "five six seven eight", s.home), tidemark.ErrDenied)
	}
	var wait *WaitError
	if err := s.ChangePassword(t.Context(), bob, "one two three four", "five six seven eight", s.home); !errors.As(err, &wait) {
		t.Errorf("behind wrong ones: %v, want a WaitError", err)
	}
	s.clock.move(time.Minute)
	s.login("bob", "one two three four")
}
