package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestAuditLog: what was done, and what was not, stands in it, the newest first.
func TestAuditLog(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	ann := Identity{"ann", tidemark.RoleAdmin, KindUser}
	secret := s.login("ann", annsPassword)
	_, _, err := s.Login(ctx, "bob", "wrong", addr("::ffff:203.0.113.9"))
	s.is("login", err, tidemark.ErrDenied)
	_, _, err = s.Login(ctx, "eve", "wrong", addr("2001:db8::1"))
	s.is("login", err, tidemark.ErrDenied)
	_, err = s.AddToken(ctx, ann, "ci", tidemark.RoleOperator, time.Time{}, s.home)
	s.must(err)
	s.is("demote", s.SetRole(ctx, ann, "ann", tidemark.RoleViewer, s.home), tidemark.ErrConflict)
	s.must(s.SetRole(ctx, ann, "bob", tidemark.RoleOperator, s.home))
	s.must(s.Note(ctx, Identity{"ci", tidemark.RoleOperator, KindToken}, netip.Addr{}, "run start", "orders", "a\tb", nil))
	s.must(s.Note(ctx, Identity{"ci", tidemark.RoleOperator, KindToken}, s.home, "run cancel", strings.Repeat("ö", maxText), "", tidemark.ErrNotFound))
	s.must(s.Logout(ctx, secret, s.home))
	acts, err := s.Acts(ctx, s.root, tidemark.ActFilter{})
	s.must(err)
	var got []string
	for i, a := range acts {
		if a.N != int64(len(acts)-i) || !a.At.Equal(dawn) {
			t.Errorf("entry %d is number %d, at %s", i, a.N, a.At)
		}
		got = append(got, fmt.Sprintf("%s/%s %s %s: %s (%s) %s", a.Kind, a.Who, a.Action, a.Object, a.Outcome, a.Detail, a.Address))
	}
	want := []string{
		"user/ann logout ann: done () 192.0.2.1",
		"token/ci run cancel " + strings.Repeat("ö", maxText/2) + ": not found () 192.0.2.1",
		"token/ci run start orders: done (a b) ",
		"user/ann user role bob: done (role operator) 192.0.2.1",
		"user/ann user role ann: conflict (role viewer) 192.0.2.1",
		"user/ann token add ci: done (role operator) 192.0.2.1",
		"/ login : denied (no such user) 2001:db8::1",
		"/ login bob: denied () 203.0.113.9",
		"user/ann login ann: done () 192.0.2.1",
		"local/root user add bob: done (role viewer) ",
		"local/root user add ann: done (role admin) ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAuditFilter: entries are found by who, what, on what and how it ended, and by all of these.
func TestAuditFilter(t *testing.T) {
	s := newStage(t)
	ci := Identity{"ci", tidemark.RoleOperator, KindToken}
	for _, a := range []struct{ action, object string }{{"run start", "orders"}, {"run cancel", "r1"}, {"trigger fire", "orders/night"}} {
		s.must(s.Note(t.Context(), ci, s.home, a.action, a.object, "", nil))
	}
	s.must(s.Note(t.Context(), ci, s.home, "run start", "100%", "", tidemark.ErrNotFound))
	for _, c := range []struct {
		filter tidemark.ActFilter
		want   int
	}{
		{tidemark.ActFilter{Who: "ci"}, 4},
		{tidemark.ActFilter{Who: "c"}, 0},
		{tidemark.ActFilter{Action: "run"}, 3},
		{tidemark.ActFilter{Action: "run start"}, 2},
		{tidemark.ActFilter{Object: "orders"}, 2},
		{tidemark.ActFilter{Object: "%"}, 1},
		{tidemark.ActFilter{Refused: true}, 1},
		{tidemark.ActFilter{Who: "ci", Action: "run", Object: "o"}, 1},
		{tidemark.ActFilter{Who: "ci", Limit: 2}, 2},
	} {
		acts, err := s.Acts(t.Context(), s.root, c.filter)
		s.must(err)
		if len(acts) != c.want {
			t.Errorf("%+v: %d entries, want %d", c.filter, len(acts), c.want)
		}
	}
}

// TestAuditPages: pages follow one another without gaps, also while entries come and old ones go.
func TestAuditPages(t *testing.T) {
	s := newStage(t)
	for i := range 95 {
		s.clock.move(24 * time.Hour)
		s.must(s.Note(t.Context(), s.root, s.home, "run start", fmt.Sprint(i), "", nil))
	}
	var seen []int64
	for before := int64(0); ; {
		page, err := s.Acts(t.Context(), s.root, tidemark.ActFilter{Before: before, Limit: 10})
		s.must(err)
		if len(page) == 0 {
			break
		}
		for _, a := range page {
			seen = append(seen, a.N)
		}
		before = page[len(page)-1].N
		s.must(s.Note(t.Context(), s.root, s.home, "run start", "later", "", nil))
	}
	for i, n := range seen {
		if n != int64(97-i) {
			t.Fatalf("entry %d is number %d", i, n)
		}
	}
	if len(seen) != 97 {
		t.Errorf("%d entries were seen, want 97", len(seen))
	}
	s.clock.move(dawn.Add(keepActs + 50*24*time.Hour + time.Hour).Sub(s.now()))
	s.must(s.Prune(t.Context()))
	all, err := s.Acts(t.Context(), s.root, tidemark.ActFilter{Limit: 1000})
	s.must(err)
	if first := all[len(all)-1]; first.Object != "50" {
		t.Errorf("the oldest entry is %+v", first)
	}
	s.clock.move(2 * keepActs)
	s.must(s.Prune(t.Context()))
	s.must(s.Note(t.Context(), s.root, s.home, "run start", "new", "", nil))
	if rest, err := s.Acts(t.Context(), s.root, tidemark.ActFilter{}); err != nil || len(rest) != 1 || rest[0].N != all[0].N+1 {
		t.Errorf("the log is %+v, %v; want a number that was never given", rest, err)
	}
}

// TestTogether: all at once, as a server has it.
func TestTogether(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	token, err := s.AddToken(ctx, s.root, "ci", tidemark.RoleViewer, time.Time{}, s.home)
	s.must(err)
	secret := s.login("ann", annsPassword)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprint("user", i)
			for _, err := range []error{
				s.AddUser(ctx, s.root, name, "one two three four", tidemark.RoleOperator, s.home),
				s.SetRole(ctx, s.root, name, tidemark.RoleViewer, s.home),
				s.Note(ctx, s.root, s.home, "run start", name, "", nil),
				s.Prune(ctx),
				s.RemoveUser(ctx, s.root, name, s.home),
			} {
				if err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				s.clock.move(10 * time.Second)
				_, err := s.ByToken(ctx, token)
				_, other := s.BySession(ctx, secret)
				if err := errors.Join(err, other); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if users, err := s.Users(ctx, s.root); err != nil || len(users) != 2 {
		t.Errorf("%d users are left, %v", len(users), err)
	}
}
