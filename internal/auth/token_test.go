package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestTokens: a token lets a program in until it expires or is taken back.
func TestTokens(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	add := func(name string, role tidemark.Role, expires time.Time) string {
		t.Helper()
		secret, err := s.AddToken(ctx, Identity{"ann", tidemark.RoleAdmin, KindUser}, name, role, expires, s.home)
		s.must(err)
		return secret
	}
	ever, short := add("ci", tidemark.RoleOperator, time.Time{}), add("short", tidemark.RoleViewer, dawn.Add(time.Hour))
	for secret, want := range map[string]Identity{ever: {"ci", tidemark.RoleOperator, KindToken}, short: {"short", tidemark.RoleViewer, KindToken}} {
		if who, err := s.ByToken(ctx, secret); err != nil || who != want {
			t.Errorf("%+v, %v; want %+v", who, err, want)
		}
	}
	for _, secret := range []string{"", newSecret(tokenPrefix), ever[:len(ever)-1] + "!", strings.Replace(ever, tokenPrefix, sessionPrefix, 1)} {
		who, err := s.ByToken(ctx, secret)
		if !errors.Is(err, tidemark.ErrDenied) || who != (Identity{}) {
			t.Errorf("%q: %+v, %v; want ErrDenied", secret, who, err)
		}
	}
	s.clock.move(time.Hour - time.Microsecond)
	if _, err := s.ByToken(ctx, short); err != nil {
		t.Errorf("just before it expires: %v", err)
	}
	s.clock.move(time.Microsecond)
	if _, err := s.ByToken(ctx, short); !errors.Is(err, tidemark.ErrDenied) || tidemark.Hint(err) == "" {
		t.Errorf("when it has expired: %v, want ErrDenied and a hint", err)
	}
	tokens, err := s.Tokens(ctx, s.root)
	s.must(err)
	if len(tokens) != 2 || tokens[0].Name != "ci" || tokens[0].CreatedBy != "ann" || !tokens[0].Created.Equal(dawn) || !tokens[0].Expires.IsZero() || !tokens[1].Expires.Equal(dawn.Add(time.Hour)) || !tokens[0].Used.Equal(dawn) {
		t.Errorf("tokens %+v", tokens)
	}
	s.must(s.RemoveToken(ctx, s.root, "ci", s.home))
	_, err = s.ByToken(ctx, ever)
	s.is("taken back", err, tidemark.ErrDenied)
	s.is("taken back twice", s.RemoveToken(ctx, s.root, "ci", s.home), tidemark.ErrNotFound)
}

// TestTokensRefused: what is no name, role or time of one.
func TestTokensRefused(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		name    string
		role    tidemark.Role
		expires time.Time
		want    error
	}{
		{"ci", tidemark.RoleViewer, time.Time{}, nil}, {"ci", tidemark.RoleViewer, time.Time{}, tidemark.ErrConflict}, {"", tidemark.RoleViewer, time.Time{}, tidemark.ErrInvalid},
		{"other", "owner", time.Time{}, tidemark.ErrInvalid}, {"other", tidemark.RoleViewer, dawn, tidemark.ErrInvalid}, {"other", tidemark.RoleViewer, dawn.Add(time.Second), nil},
	} {
		secret, err := s.AddToken(t.Context(), s.root, c.name, c.role, c.expires, s.home)
		if !errors.Is(err, c.want) || (secret == "") != (c.want != nil) {
			t.Errorf("%+v: %q, %v", c, secret, err)
		}
	}
}
