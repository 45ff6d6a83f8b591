package tidemark

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// NewRunID returns a fresh RunID for a run that starts at now.
func NewRunID(now time.Time) RunID {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(id[6:]) // never fails, see crypto/rand
	return RunID(crockford.EncodeToString(id[:]))
}

// crockford's alphabet in lower case keeps the order of the bytes and has no letters to be confused.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
