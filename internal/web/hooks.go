package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
)

// A Hook is a request that wants a webhook trigger to fire, with what it sends as a proof that it may.
type Hook struct {
	Token     string // of the header Authorization; "" when there is none
	Signature string // of the header X-Hub-Signature-256; "" when there is none
	Body      []byte // what was signed
	Delivery  string // its own id, the same when it is sent again; "" when it has none
}

// maxHook bounds the body of a request of a webhook, which is read to check its signature, and for nothing else.
const maxHook = 1 << 20

// errRefused says nothing of what is wrong, nor whether there is such a trigger.
var errRefused = errors.New("no webhook trigger takes this request")

// Refused returns the error for a request that does not prove that it may.
func Refused() error { return errRefused }

type hookRequest struct {
	Pipeline      string `path:"pipeline" maxLength:"300"`
	Name          string `path:"name" maxLength:"300"`
	Authorization string `header:"Authorization" maxLength:"1000" doc:"Bearer and the trigger's token"`
	Signature     string `header:"X-Hub-Signature-256" maxLength:"100" doc:"sha256= and the HMAC-SHA256 of the body with the trigger's secret"`
	Key           string `header:"Idempotency-Key" maxLength:"200" doc:"an id of what has happened: sent again, it starts nothing more"`
	GitHub        string `header:"X-GitHub-Delivery" maxLength:"200" doc:"the same, as GitHub sends it"`
	RawBody       []byte
}

func (a *answers) hooks(api huma.API) {
	hook := operation(anyone, http.MethodPost, "/hooks/{pipeline}/{name}", "call-hook", "hooks", "Let a webhook trigger fire")
	hook.DefaultStatus, hook.MaxBodyBytes = http.StatusAccepted, maxHook
	body := &huma.RequestBody{Description: "anything", Content: map[string]*huma.MediaType{"*/*": {}}}
	hook.RequestBody = body
	huma.Register(api, hook, a.hook)
	body.Required = false // which Register takes a RawBody for
}

func (a *answers) hook(ctx context.Context, q *hookRequest) (*started, error) {
	h := Hook{Signature: q.Signature, Body: q.RawBody, Delivery: q.Key}
	if scheme, token, _ := strings.Cut(q.Authorization, " "); strings.EqualFold(scheme, "Bearer") {
		h.Token = strings.TrimSpace(token)
	}
	if h.Delivery == "" {
		h.Delivery = q.GitHub
	}
	runs, err := a.Triggers.Call(ctx, tidemark.NewTriggerID(q.Pipeline, q.Name), h)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return startedRuns(runs), nil
}
