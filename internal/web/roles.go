package web

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
)

// anyone is the role that an operation takes which does not ask who comes, since it asks for a proof of its own.
const anyone tidemark.Role = ""

const (
	roleKey  = "role"
	quietKey = "quiet"
)

// operation describes one. The role is the least that may ask for it.
func operation(role tidemark.Role, method, path, id, tag, summary string) huma.Operation {
	o := huma.Operation{
		Method: method, Path: "/api/v1" + path, OperationID: id, Summary: summary, Tags: []string{tag}, Metadata: map[string]any{roleKey: role},
	}
	if role != anyone {
		o.Description = "It takes the role " + string(role) + "."
		o.Security = []map[string][]string{{"token": {}}, {"session": {}}}
		o.Errors = []int{http.StatusUnauthorized, http.StatusForbidden}
	}
	return o
}

// quiet keeps an operation out of the audit log, that changes nothing or is noted where it happens.
func quiet(o huma.Operation) huma.Operation {
	o.Metadata[quietKey] = true
	return o
}

// allow lets those ask for an operation who may, and notes in the audit log what they ask for, unless it only reads.
func (a *answers) allow(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		o, c := ctx.Operation(), callerOf(ctx.Context())
		role, known := o.Metadata[roleKey].(tidemark.Role)
		if !known {
			role = tidemark.RoleAdmin // what says nothing is for nobody else
		}
		if role != anyone {
			if code, why := refusal(c, role); code != 0 {
				if code == http.StatusUnauthorized {
					ctx.SetHeader("WWW-Authenticate", `Bearer realm="tidemark"`)
				} else if o.Method != http.MethodGet {
					a.note(ctx, c, code)
				}
				_ = huma.WriteErr(api, ctx, code, why) // who does not listen any more misses nothing
				return
			}
		}
		next(ctx)
		if o.Method != http.MethodGet && o.Metadata[quietKey] == nil && role != anyone {
			a.note(ctx, c, ctx.Status())
		}
	}
}

// refusal returns with which code and words somebody is refused; 0 when he may.
func refusal(c caller, role tidemark.Role) (code int, why string) {
	switch err := c.May(role); {
	case err == nil:
		return 0, ""
	case c.failed != nil:
		return http.StatusUnauthorized, c.failed.Error()
	case c.Kind == "":
		return http.StatusUnauthorized, "log in, or send a token as Authorization: Bearer"
	default:
		return http.StatusForbidden, err.Error()
	}
}

// note writes what was asked for, and how it ended, into the audit log.
func (a *answers) note(ctx huma.Context, c caller, code int) {
	o := ctx.Operation()
	if o.Metadata[quietKey] != nil && code < http.StatusBadRequest {
		return
	}
	var object []string
	for _, p := range o.Parameters {
		if p.In == "path" {
			object = append(object, ctx.Param(p.Name))
		}
	}
	if err := a.Guard.Note(ctx.Context(), c.Identity, c.from, o.OperationID, strings.Join(object, "/"), "", errorOf(code)); err != nil && ctx.Context().Err() == nil {
		a.Log.Error("audit log was not written", "action", o.OperationID, "err", err)
	}
}

// errorOf returns the kind of error that a code stands for; nil of success.
func errorOf(code int) error {
	switch {
	case code < http.StatusBadRequest:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return tidemark.ErrDenied
	case code == http.StatusNotFound:
		return tidemark.ErrNotFound
	case code == http.StatusConflict:
		return tidemark.ErrConflict
	case code < http.StatusInternalServerError:
		return tidemark.ErrInvalid
	default:
		return tidemark.ErrTransient
	}
}

// require lets those through to a handler that is no operation who have a role.
func require(role tidemark.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, why := refusal(callerOf(r.Context()), role); code != 0 {
			if code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="tidemark"`)
			}
			say(w, code, why+"\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}
