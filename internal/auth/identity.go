package auth

import (
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// A Kind says how somebody has shown who he is.
type Kind string

const (
	KindUser  Kind = "user"  // by a password
	KindToken Kind = "token" // by a token
	KindLocal Kind = "local" // by having the machine, and so the store
)

// An Identity is who asks. The zero value is nobody, and may do nothing.
type Identity struct {
	Name string        `json:"name"`
	Role tidemark.Role `json:"role"`
	Kind Kind          `json:"kind"`
}

// Local returns who may do everything because he has the machine: the one who runs a command beside the store, or who asks
// a server that has no users from the machine itself.
func Local(name string) Identity {
	return Identity{Name: name, Role: tidemark.RoleAdmin, Kind: KindLocal}
}

// May returns nil where the role allows what takes role needed, and else ErrDenied.
func (i Identity) May(needed tidemark.Role) error {
	if i.Role.Allows(needed) {
		return nil
	}
	if i.Kind == "" {
		return fmt.Errorf("nobody has logged in: %w", tidemark.ErrDenied)
	}
	return tidemark.WithHint(fmt.Errorf("%s %q has the role %s, and this takes %s: %w", i.Kind, i.Name, i.Role, needed, tidemark.ErrDenied),
		"an admin can change the role of a user, or make another token")
}
