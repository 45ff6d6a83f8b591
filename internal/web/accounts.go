package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
)

type userList struct {
	Body struct {
		Users []tidemark.User `json:"users"`
	}
}

type addUserRequest struct {
	Body struct {
		Name     string        `json:"name" maxLength:"300" doc:"small letters, digits, and . _ - + @"`
		Role     tidemark.Role `json:"role" enum:"viewer,operator,admin" doc:"the first user is an admin"`
		Password string        `json:"password" maxLength:"2000" writeOnly:"true" doc:"at least 12 characters"`
	}
}

type userPath struct {
	Name string `path:"name" maxLength:"300"`
}

type changeUserRequest struct {
	Name string `path:"name" maxLength:"300"`
	Body struct {
		Role     *tidemark.Role `json:"role,omitempty" enum:"viewer,operator,admin"`
		Disabled *bool          `json:"disabled,omitempty" doc:"true ends the user's sessions"`
		Password *string        `json:"password,omitempty" maxLength:"2000" writeOnly:"true" doc:"ends the user's sessions"`
	}
}

type tokenList struct {
	Body struct {
		Tokens []tidemark.Token `json:"tokens"`
	}
}

type addTokenRequest struct {
	Body struct {
		Name    string        `json:"name" maxLength:"300"`
		Role    tidemark.Role `json:"role" enum:"viewer,operator,admin"`
		Expires *time.Time    `json:"expires,omitempty" doc:"none: never"`
	}
}

type newToken struct {
	Body struct {
		Token string `json:"token" doc:"for the header Authorization, behind Bearer; it cannot be had again"`
	}
}

type auditQuery struct {
	Who     string `query:"who" maxLength:"300" doc:"only what this user or token asked for"`
	Action  string `query:"action" maxLength:"300" doc:"only actions that begin so: run, run start"`
	Object  string `query:"object" maxLength:"300" doc:"only what was done to something with this in its name"`
	Refused bool   `query:"refused" doc:"only what was not done"`
	Before  int64  `query:"before" minimum:"0" doc:"go on behind this entry, the last of a page"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type auditLog struct {
	Body struct {
		Acts []tidemark.Act `json:"acts" doc:"the newest first"`
		Next int64          `json:"next,omitempty" doc:"for before, where there may be more"`
	}
}

// accounts are noted in the audit log by the guard, in the transactions that change them.
func (a *answers) accounts(api huma.API) {
	const admin = tidemark.RoleAdmin
	created := func(o huma.Operation) huma.Operation { o.DefaultStatus = http.StatusCreated; return quiet(o) }
	huma.Register(api, operation(admin, http.MethodGet, "/users", "list-users", "accounts", "List users"), a.listUsers)
	huma.Register(api, created(operation(admin, http.MethodPost, "/users", "add-user", "accounts", "Let somebody log in")), a.addUser)
	huma.Register(api, quiet(operation(admin, http.MethodPatch, "/users/{name}", "change-user", "accounts", "Change a user's role or password, or keep the user out")), a.changeUser)
	huma.Register(api, quiet(operation(admin, http.MethodDelete, "/users/{name}", "remove-user", "accounts", "Remove a user")), a.removeUser)
	huma.Register(api, operation(admin, http.MethodGet, "/tokens", "list-tokens", "accounts", "List tokens"), a.listTokens)
	huma.Register(api, created(operation(admin, http.MethodPost, "/tokens", "add-token", "accounts", "Make a token for a program")), a.addToken)
	huma.Register(api, quiet(operation(admin, http.MethodDelete, "/tokens/{name}", "remove-token", "accounts", "Take a token back")), a.removeToken)
	huma.Register(api, operation(admin, http.MethodGet, "/audit", "list-audit", "accounts", "List what was asked of the server"), a.listAudit)
}

func (a *answers) listUsers(ctx context.Context, _ *struct{}) (*userList, error) {
	users, err := a.Guard.Users(ctx, callerOf(ctx).Identity)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(userList)
	list.Body.Users = append([]tidemark.User{}, users...)
	return list, nil
}

func (a *answers) addUser(ctx context.Context, q *addUserRequest) (*struct{}, error) {
	c := callerOf(ctx)
	if err := a.Guard.AddUser(ctx, c.Identity, q.Body.Name, q.Body.Password, q.Body.Role, c.from); err != nil {
		return nil, a.problem(ctx, err)
	}
	return nil, nil
}

// changeUser changes one thing after the other. Where one is refused, what came before it has been done.
func (a *answers) changeUser(ctx context.Context, q *changeUserRequest) (*struct{}, error) {
	c, b := callerOf(ctx), q.Body
	var err error
	if b.Password != nil {
		err = a.Guard.SetPassword(ctx, c.Identity, q.Name, *b.Password, c.from)
	}
	if err == nil && b.Role != nil {
		err = a.Guard.SetRole(ctx, c.Identity, q.Name, *b.Role, c.from)
	}
	if err == nil && b.Disabled != nil {
		err = a.Guard.Disable(ctx, c.Identity, q.Name, *b.Disabled, c.from)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return nil, nil
}

func (a *answers) removeUser(ctx context.Context, p *userPath) (*struct{}, error) {
	c := callerOf(ctx)
	if err := a.Guard.RemoveUser(ctx, c.Identity, p.Name, c.from); err != nil {
		return nil, a.problem(ctx, err)
	}
	return nil, nil
}

func (a *answers) listTokens(ctx context.Context, _ *struct{}) (*tokenList, error) {
	tokens, err := a.Guard.Tokens(ctx, callerOf(ctx).Identity)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(tokenList)
	list.Body.Tokens = append([]tidemark.Token{}, tokens...)
	return list, nil
}

func (a *answers) addToken(ctx context.Context, q *addTokenRequest) (*newToken, error) {
	c := callerOf(ctx)
	var expires time.Time
	if q.Body.Expires != nil {
		expires = q.Body.Expires.UTC()
	}
	secret, err := a.Guard.AddToken(ctx, c.Identity, q.Body.Name, q.Body.Role, expires, c.from)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	made := new(newToken)
	made.Body.Token = secret
	return made, nil
}

func (a *answers) removeToken(ctx context.Context, p *userPath) (*struct{}, error) {
	c := callerOf(ctx)
	if err := a.Guard.RemoveToken(ctx, c.Identity, p.Name, c.from); err != nil {
		return nil, a.problem(ctx, err)
	}
	return nil, nil
}

func (a *answers) listAudit(ctx context.Context, q *auditQuery) (*auditLog, error) {
	acts, err := a.Guard.Acts(ctx, callerOf(ctx).Identity, tidemark.ActFilter(*q))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	log := new(auditLog)
	log.Body.Acts = append([]tidemark.Act{}, acts...)
	if len(acts) == q.Limit {
		log.Body.Next = acts[len(acts)-1].N
	}
	return log, nil
}
