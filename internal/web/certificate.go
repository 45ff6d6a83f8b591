package web

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Certificate is a pair of PEM files, which are read again when they have changed, as they are when a certificate is renewed.
// It is safe for concurrent use.
type Certificate struct {
	cert, key string

	mu     sync.Mutex
	read   *tls.Certificate
	stamp  [2]time.Time // of the files as they were read
	looked time.Time
}

// lookAfter is how long the files are not looked at again.
const lookAfter = 10 * time.Second

// LoadCertificate reads the files of a certificate, with those of the authorities between, and of its key. What cannot be used
// is ErrInvalid.
func LoadCertificate(cert, key string) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key}
	if err := c.load(); err != nil {
		return nil, tidemark.WithHint(fmt.Errorf("server.tls: %w: %w", tidemark.ErrInvalid, err), "cert and key are PEM files that belong together")
	}
	return c, nil
}

// get returns the certificate for a connection. While new files cannot be used, as between the writing of the one and of the
// other, the last good ones are.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookAfter {
		c.looked = time.Now()
		if c.changed() {
			_ = c.load()
		}
	}
	return c.read, nil
}

func (c *Certificate) changed() bool { return c.stamps() != c.stamp }

func (c *Certificate) stamps() (s [2]time.Time) {
	for i, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = info.ModTime()
		}
	}
	return s
}

func (c *Certificate) load() error {
	stamp := c.stamps()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.read, c.stamp = &pair, stamp
	return nil
}
