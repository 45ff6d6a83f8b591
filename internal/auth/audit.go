package auth

import (
	"context"
	"net/netip"
	"strings"
	"unicode"

	"github.com/tidemark-data/tidemark"
)

// The actions that this package notes. Others come from those who ask Note.
const (
	ActLogin       = "login"
	ActLogout      = "logout"
	ActAddUser     = "user add"
	ActRemoveUser  = "user remove"
	ActSetRole     = "user role"
	ActSetPassword = "user password"
	ActDisableUser = "user disable"
	ActEnableUser  = "user enable"
	ActAddToken    = "token add"
	ActRemoveToken = "token remove"
)

// Note adds to the audit log that somebody has asked for something that is not kept by this package, such as a run, and how it ended:
// err is nil where it was done. Neither object nor detail is a secret; of the error only the kind is kept, since its text may have one.
func (g *Guard) Note(ctx context.Context, by Identity, from netip.Addr, action, object, detail string, err error) error {
	a := g.act(by, from, action, plain(object))
	a.Detail = plain(detail)
	if err != nil {
		a.Outcome = tidemark.KindOf(err)
	}
	return g.store.Note(ctx, a)
}

// maxText is how many bytes of a text the audit log keeps.
const maxText = 500

// plain makes one short line of a text, whoever has written it.
func plain(s string) string {
	s = strings.ToValidUTF8(cut(s, maxText), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// Acts returns the entries of the audit log that pass a filter, the newest first. It takes an admin.
func (g *Guard) Acts(ctx context.Context, by Identity, f tidemark.ActFilter) ([]tidemark.Act, error) {
	if err := by.May(tidemark.RoleAdmin); err != nil {
		return nil, err
	}
	f.Limit = min(f.Limit, maxActs)
	return g.store.Acts(ctx, f)
}

const maxActs = 1000 // in one answer
