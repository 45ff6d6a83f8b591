package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// tokenPrefix lets people, and programs that look for lost secrets, see what a token is.
const tokenPrefix = "tide_"

const (
	secretBytes = 32
	sumBytes    = 4
)

// crockford's alphabet has no letters to be confused.
func crockford() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
}

// newSecret returns what a browser or a program shows: 32 random bytes and a checksum of them, behind a prefix.
func newSecret(prefix string) string {
	raw := make([]byte, secretBytes, secretBytes+sumBytes)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return prefix + crockford().EncodeToString(binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw)))
}

// checkSecret refuses with ErrDenied what cannot come from newSecret: what was cut, mistyped or made up does not reach the
// store.
func checkSecret(prefix, secret string) error {
	rest, found := strings.CutPrefix(secret, prefix)
	if !found || len(rest) != crockford().EncodedLen(secretBytes+sumBytes) {
		return fmt.Errorf("not one of ours: %w", tidemark.ErrDenied)
	}
	raw, err := crockford().DecodeString(rest)
	if err != nil || len(raw) != secretBytes+sumBytes || crc32.ChecksumIEEE(raw[:secretBytes]) != binary.BigEndian.Uint32(raw[secretBytes:]) {
		return fmt.Errorf("it is not whole: %w", tidemark.ErrDenied)
	}
	return nil
}

// sum is what is kept of a secret. It has 256 random bits, so that nothing slower than SHA-256 is called for; and it is looked
// up by the sum, so that the time which that takes tells nothing of it.
func sum(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
