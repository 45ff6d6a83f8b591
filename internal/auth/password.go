package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/tidemark-data/tidemark"
)

// A cost is what one hash takes. The one that new hashes have is what OWASP asks for at least of argon2id. More memory is
// what a process that loads tables too has no room for: RFC 9106's second choice takes 64 MiB for each login.
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

func costNow() cost { return cost{memory: 19 * 1024, passes: 2, lanes: 1} }

const (
	saltBytes = 16
	keyBytes  = 32

	// maxMemory (KiB) and maxPasses bound what a hash in the store may ask for, whoever wrote it there.
	maxMemory = 256 * 1024
	maxPasses = 16

	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

// A hash is what is kept of a password. As text it is in PHC form, which has the cost in it, so that the cost can grow
// while old hashes still count: $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
type hash struct {
	cost      cost
	salt, key []byte
}

func (h hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.passes, h.cost.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// readHash reads what String wrote; ErrInvalid for anything else.
func readHash(text string) (h hash, err error) {
	wrong := func(what string) (hash, error) {
		return hash{}, fmt.Errorf("hash of a password: %s: %w", what, tidemark.ErrInvalid) // never the hash itself
	}
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return wrong("not argon2id in PHC form")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return wrong("version not known")
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.passes, &h.cost.lanes); err != nil || n != 3 {
		return wrong("cost not readable")
	}
	if h.cost.lanes < 1 || h.cost.passes < 1 || h.cost.passes > maxPasses || h.cost.memory < 8*uint32(h.cost.lanes) || h.cost.memory > maxMemory {
		return wrong("cost out of bounds")
	}
	b64 := base64.RawStdEncoding.Strict()
	if h.salt, err = b64.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return wrong("salt not readable")
	}
	if h.key, err = b64.DecodeString(parts[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return wrong("key not readable")
	}
	return h, nil
}

// A hasher computes hashes, a few at a time: each takes the memory of its cost, and whoever asks can make somebody compute
// one.
type hasher struct {
	cost  cost // of new hashes
	slots chan struct{}
	dummy hash // of no password
}

// maxWait is how long a hash waits for its turn.
const maxWait = 10 * time.Second

func newHasher(c cost, atOnce int) *hasher {
	h := &hasher{cost: c, slots: make(chan struct{}, atOnce), dummy: hash{cost: c, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}}
	_, _ = rand.Read(h.dummy.salt) // never fails, see crypto/rand
	_, _ = rand.Read(h.dummy.key)
	return h
}

// key computes. ErrTransient: too many others wait.
func (h *hasher) key(ctx context.Context, password string, of hash) ([]byte, error) {
	late, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-late.Done():
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("too many logins at the same time: %w", tidemark.ErrTransient)
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), of.salt, of.cost.passes, of.cost.memory, of.cost.lanes, uint32(len(of.key))), nil
}

// fresh returns the hash of a password in PHC form.
func (h *hasher) fresh(ctx context.Context, password string) (string, error) {
	n := hash{cost: h.cost, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	_, _ = rand.Read(n.salt)
	key, err := h.key(ctx, password, n)
	if err != nil {
		return "", err
	}
	n.key = key
	return n.String(), nil
}

// matches reports whether text is the hash of a password, and whether it was made at another cost than new ones are. An
// empty text is of no password, and takes as long to find that out.
func (h *hasher) matches(ctx context.Context, password, text string) (yes, old bool, err error) {
	kept := h.dummy
	if text != "" {
		if kept, err = readHash(text); err != nil {
			return false, false, err
		}
	}
	key, err := h.key(ctx, password, kept)
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(key, kept.key) == 1
	return same && text != "", kept.cost != h.cost, nil
}

// checkPassword refuses with ErrInvalid what is no good password for a user. Length is what makes one hard to guess, so
// that nothing is asked of its characters.
func checkPassword(name, password string) error {
	short := ""
	switch {
	case !utf8.ValidString(password):
		short = "it is not UTF-8"
	case utf8.RuneCountInString(password) < minPassword:
		short = fmt.Sprintf("it has fewer than %d characters", minPassword)
	case len(password) > maxPassword:
		short = fmt.Sprintf("it has more than %d bytes", maxPassword)
	case strings.Contains(strings.ToLower(password), strings.ToLower(name)) && utf8.RuneCountInString(password)-utf8.RuneCountInString(name) < minPassword/2:
		short = "it is hardly more than the name"
	case strings.Count(password, password[:1]) == len(password):
		short = "it is one character again and again"
	default:
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("password refused: %s: %w", short, tidemark.ErrInvalid), "take some words, or let a password manager make one")
}
