package tidemark_test

import (
	"errors"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// TestReachable: where machines in a cloud get their credentials nobody is sent by a connection.
func TestReachable(t *testing.T) {
	for address, reachable := range map[string]bool{
		"169.254.169.254:80": false, "169.254.1.1:3306": false, "[fe80::1]:80": false, "[fe80::1%eth0]:80": false, "[::ffff:169.254.169.254]:80": false,
		"[fd00:ec2::254]:80": false, "100.100.100.200:80": false,
		"127.0.0.1:3306": true, "10.0.0.1:3306": true, "192.0.2.1:443": true, "[fd00::1]:3306": true, "[2001:db8::1]:443": true, "/run/mysqld.sock": true, "": true,
	} {
		if err := tidemark.Reachable(address); (err == nil) != reachable || err != nil && !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("Reachable(%q) = %v", address, err)
		}
	}
}
