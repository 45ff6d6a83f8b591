package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestHash: the PHC form goes both ways, and no two hashes of a password are the same.
func TestHash(t *testing.T) {
	h := newHasher(costNow(), 1)
	one, err := h.fresh(t.Context(), annsPassword)
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.fresh(t.Context(), annsPassword)
	if err != nil {
		t.Fatal(err)
	}
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashes %s and %s", one, two)
	}
	if read, err := readHash(one); err != nil || read.String() != one || read.cost != costNow() || len(read.salt) != saltBytes || len(read.key) != keyBytes {
		t.Errorf("%s is read as %s, %v", one, read, err)
	}
	for _, c := range []struct {
		password, hash string
		yes            bool
	}{{annsPassword, one, true}, {annsPassword, two, true}, {bobsPassword, one, false}, {"", one, false}, {annsPassword + " ", one, false}, {annsPassword, "", false}, {"", "", false}} {
		if yes, old, err := h.matches(t.Context(), c.password, c.hash); yes != c.yes || old || err != nil {
			t.Errorf("%q matches %q: %t, old %t, %v; want %t", c.password, c.hash, yes, old, err, c.yes)
		}
	}
}

// TestKnownHash: a hash that another program made, the command argon2 of the reference implementation, counts.
func TestKnownHash(t *testing.T) {
	// printf password | argon2 somesalt -id -t 2 -m 16 -p 1
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := newHasher(costNow(), 1)
	if yes, old, err := h.matches(t.Context(), "password", known); !yes || !old || err != nil {
		t.Errorf("matches: %t, old %t, %v", yes, old, err)
	}
}

// TestBadHash: what a doctored store may have is refused before anything is computed.
func TestBadHash(t *testing.T) {
	const good = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if _, err := readHash(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=64", "m=4294967295"}, {"m=64", "m=262145"}, {"m=64", "m=7"}, {"m=64", "m=-1"}, {"t=1", "t=0"}, {"t=1", "t=17"}, {"p=1", "p=0"},
		{"p=1", "p=255"}, {"m=64,", ""}, {"c29tZXNhbHQ", ""}, {"c29tZXNhbHQ", "!"}, {"c29tZXNhbHQ", strings.Repeat("c29t", 30)}, {"CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFh"}, {"$argon2id", ""}, {good, "x"}, {good, good + "$"},
	} {
		if h, err := readHash(strings.Replace(good, c[0], c[1], 1)); !errors.Is(err, tidemark.ErrInvalid) || strings.Contains(err.Error(), "c29t") {
			t.Errorf("%s for %s: %v, %v; want ErrInvalid, and nothing of the hash in it", c[1], c[0], h, err)
		}
	}
}

// TestHashesAtOnce: only so many are computed at the same time, and who waits too long, or goes away, is told so.
func TestHashesAtOnce(t *testing.T) {
	h := newHasher(costNow(), 1)
	h.slots <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := h.fresh(ctx, annsPassword); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another one is computed: %v", err)
	}
	<-h.slots
	if _, err := h.fresh(t.Context(), annsPassword); err != nil {
		t.Errorf("behind it: %v", err)
	}
	if len(h.slots) != 0 {
		t.Error("the place was not given back")
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(costNow(), 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.fresh(b.Context(), annsPassword); err != nil {
			b.Fatal(err)
		}
	}
}
