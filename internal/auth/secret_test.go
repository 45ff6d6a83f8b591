package auth

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// TestSecret: no character of one can be another.
func TestSecret(t *testing.T) {
	secret := newSecret(tokenPrefix)
	if !regexp.MustCompile(`^tide_[0-9a-z]{58}$`).MatchString(secret) || secret == newSecret(tokenPrefix) {
		t.Errorf("a token is %q", secret)
	}
	if err := checkSecret(tokenPrefix, secret); err != nil {
		t.Error(err)
	}
	for i := len(tokenPrefix); i < len(secret)-1; i++ { // the last one has bits that do not count
		for _, c := range "0z" {
			wrong := secret[:i] + string(c) + secret[i+1:]
			if err := checkSecret(tokenPrefix, wrong); wrong != secret && !errors.Is(err, tidemark.ErrDenied) {
				t.Errorf("%s for %s: %v, want ErrDenied", wrong, secret, err)
			}
		}
	}
	for _, wrong := range []string{"", tokenPrefix, secret[1:], secret[:len(secret)-1], secret + "0", " " + secret, secret + "\n", strings.ToUpper(secret), strings.Repeat("tide_", 100)} {
		if err := checkSecret(tokenPrefix, wrong); !errors.Is(err, tidemark.ErrDenied) || strings.Contains(err.Error(), secret[10:20]) {
			t.Errorf("%q: %v, want ErrDenied, and nothing of it", wrong, err)
		}
	}
}
