package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
)

type loginRequest struct {
	Body struct {
		Name     string `json:"name" maxLength:"300"`
		Password string `json:"password" maxLength:"2000" writeOnly:"true"`
	}
}

// An identity is who asks.
type identity struct {
	auth.Identity
	Open bool `json:"open" doc:"there are neither users nor tokens: whoever is at this machine is an admin"`
}

type loggedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   identity
}

type loggedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

type oneIdentity struct{ Body identity }

type passwordRequest struct {
	Body struct {
		Old string `json:"old" maxLength:"2000" writeOnly:"true"`
		New string `json:"new" maxLength:"2000" writeOnly:"true"`
	}
}

func (a *answers) sessions(api huma.API) {
	huma.Register(api, quiet(operation(anyone, http.MethodPost, "/session", "log-in", "session", "Log in by name and password")), a.logIn)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/session", "get-session", "session", "Tell who asks"), a.session)
	huma.Register(api, quiet(operation(anyone, http.MethodDelete, "/session", "log-out", "session", "Log out")), a.logOut)
	huma.Register(api, quiet(operation(tidemark.RoleViewer, http.MethodPut, "/session/password", "change-password", "session", "Change one's own password, which ends all sessions")), a.changePassword)
}

func (a *answers) logIn(ctx context.Context, q *loginRequest) (*loggedIn, error) {
	c := callerOf(ctx)
	secret, who, err := a.Guard.Login(ctx, q.Body.Name, q.Body.Password, c.from)
	if errors.Is(err, tidemark.ErrDenied) {
		return nil, huma.Error401Unauthorized(err.Error())
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	in := &loggedIn{Cookie: cookie(c, secret), Body: identity{Identity: who}}
	in.Cookie.Expires = a.Guard.SessionEnds()
	return in, nil
}

// cookie returns what keeps a session in a browser. A page of another site cannot read it, nor send it with a request that
// changes something.
func cookie(c caller, secret string) http.Cookie {
	return http.Cookie{Name: sessionCookie, Value: secret, Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode}
}

func (a *answers) session(ctx context.Context, _ *struct{}) (*oneIdentity, error) {
	c := callerOf(ctx)
	return &oneIdentity{identity{Identity: c.Identity, Open: c.Kind == auth.KindLocal}}, nil
}

func (a *answers) logOut(ctx context.Context, _ *struct{}) (*loggedOut, error) {
	c := callerOf(ctx)
	if c.secret != "" {
		if err := a.Guard.Logout(ctx, c.secret, c.from); err != nil {
			return nil, a.problem(ctx, err)
		}
	}
	out := &loggedOut{Cookie: cookie(c, "")}
	out.Cookie.MaxAge = -1
	return out, nil
}

func (a *answers) changePassword(ctx context.Context, q *passwordRequest) (*struct{}, error) {
	c := callerOf(ctx)
	err := a.Guard.ChangePassword(ctx, c.Identity, q.Body.Old, q.Body.New, c.from)
	if errors.Is(err, tidemark.ErrDenied) {
		return nil, huma.Error403Forbidden(err.Error())
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return nil, nil
}
