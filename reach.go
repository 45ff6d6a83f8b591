package tidemark

import (
	"fmt"
	"net/netip"
)

// Reachable returns nil for an address, IP:PORT, where a source or a lake may be, and ErrInvalid for one where none is but
// where machines in a cloud ask for their credentials: link-local ones, and those that some clouds use in their place. Who
// may only edit a config must not get at these by the answers to a check of a connection.
func Reachable(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil // no IP address, such as a Unix socket's
	}
	ip := a.Addr().Unmap().WithZone("")
	forbidden := ip.IsLinkLocalUnicast()
	for _, other := range []string{"fd00:ec2::254", "fd20:ce::254", "100.100.100.200"} {
		forbidden = forbidden || ip == netip.MustParseAddr(other)
	}
	if forbidden {
		return fmt.Errorf("%s is a link-local or metadata address, where no server of data is: %w", ip, ErrInvalid)
	}
	return nil
}
