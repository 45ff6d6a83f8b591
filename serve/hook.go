package serve

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/web"
)

// minSecret is how long a token or a key must be, in bytes, so that nobody finds it by trying.
const minSecret = 16

// Call implements web.Triggers. A request that is sent again under the same id starts nothing more.
func (b *backend) Call(ctx context.Context, id tidemark.TriggerID, h web.Hook) ([]tidemark.Run, error) {
	w, found := b.current.Load().cfg.Webhooks[id]
	if !found {
		return nil, web.Refused()
	}
	switch proven, err := proves(ctx, w, h); {
	case err != nil:
		b.log.Error("webhook cannot be checked", "trigger", id, "err", err)
		return nil, web.Refused()
	case !proven:
		b.log.Warn("webhook was refused", "trigger", id)
		return nil, web.Refused()
	}
	return b.scheduler.Fire(ctx, id, h.Delivery, "webhook", "")
}

// proves reports whether a request proves that it may let the trigger fire.
func proves(ctx context.Context, w config.Webhook, h web.Hook) (bool, error) {
	secret, signed := w.Token, w.Token.IsZero()
	if signed {
		secret = w.Key
	}
	text, err := secret.Resolve(ctx)
	if err != nil {
		return false, err
	}
	if len(text) < minSecret {
		return false, fmt.Errorf("its secret has %d characters, want at least %d: %w", len(text), minSecret, tidemark.ErrInvalid)
	}
	if !signed {
		return subtle.ConstantTimeCompare([]byte(h.Token), []byte(text)) == 1, nil
	}
	digits, ok := strings.CutPrefix(h.Signature, "sha256=")
	got, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return false, nil
	}
	mac := hmac.New(sha256.New, []byte(text))
	mac.Write(h.Body)
	return hmac.Equal(got, mac.Sum(nil)), nil
}
