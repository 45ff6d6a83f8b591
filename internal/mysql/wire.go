package mysql

import (
	"encoding/binary"
	"net"
)

const (
	maxPacket    = 1<<24 - 1 // a payload of this length goes on in the next packet
	readBuffer   = 256 << 10 // what a connection keeps; grows for a longer packet and shrinks again
	headerLength = 4         // length and sequence number
	okHeader     = 0x00      // also begins each binary row
	localInFile  = 0xfb      // a request to send a file, which is never answered
	eofHeader    = 0xfe      // with at most 8 bytes behind it; else the length of a value
	errHeader    = 0xff
)

// A wire exchanges packets with the server once login is done. It is written for one purpose: to hand out the rows
// of a long result at the cost of one read from the socket per buffer, without a copy and without an allocation.
// It is not for concurrent use.
type wire struct {
	net  net.Conn
	buf  []byte
	r, w int    // buf[r:w] is read from the socket and not yet handed out
	big  []byte // a payload put together from several packets
	out  []byte
	seq  uint8
}

func newWire(c net.Conn) *wire { return &wire{net: c, buf: make([]byte, readBuffer)} }

// next returns the next payload, which is valid until the following call. A connection that ends is an error here,
// wherever it ends: only the caller can know that a result is complete, from the packet that says so.
func (c *wire) next() ([]byte, error) {
	payload, err := c.packet()
	if err != nil || len(payload) < maxPacket {
		return payload, err
	}
	c.big = append(c.big[:0], payload...)
	for len(payload) == maxPacket {
		if payload, err = c.packet(); err != nil {
			return nil, err
		}
		c.big = append(c.big, payload...)
	}
	payload = c.big
	c.big = nil // a row of this size is rare: do not keep its memory
	return payload, nil
}

func (c *wire) packet() ([]byte, error) {
	if c.w-c.r < headerLength {
		if err := c.fill(headerLength); err != nil {
			return nil, err
		}
	}
	header := c.buf[c.r : c.r+headerLength]
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if header[3] != c.seq {
		return nil, malformed("a packet is out of order")
	}
	c.seq++
	if c.w-c.r < headerLength+length {
		if err := c.fill(headerLength + length); err != nil {
			return nil, err
		}
	}
	start := c.r + headerLength
	c.r = start + length
	return c.buf[start:c.r:c.r], nil
}

// fill reads until n bytes lie in the buffer.
func (c *wire) fill(n int) error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if len(c.buf)-c.r < n {
		into := c.buf
		switch {
		case len(into) < n:
			into = make([]byte, n)
		case len(into) > readBuffer && n <= readBuffer:
			into = make([]byte, readBuffer)
		}
		c.w = copy(into, c.buf[c.r:c.w])
		c.buf, c.r = into, 0
	}
	for c.w-c.r < n {
		read, err := c.net.Read(c.buf[c.w:])
		c.w += read
		if err != nil && c.w-c.r < n {
			return lost(err)
		}
	}
	return nil
}

// command sends a command and its arguments; the answer is read with next.
func (c *wire) command(code byte, arguments ...[]byte) error {
	length := 1
	for _, a := range arguments {
		length += len(a)
	}
	if length >= maxPacket {
		return malformed("a statement is longer than a packet")
	}
	c.seq = 0
	c.out = binary.LittleEndian.AppendUint32(c.out[:0], uint32(length))
	c.out = append(c.out, code)
	for _, a := range arguments {
		c.out = append(c.out, a...)
	}
	if _, err := c.net.Write(c.out); err != nil {
		return lost(err)
	}
	c.seq = 1
	return nil
}

// isEOF reports whether a payload that is no binary row ends a list of rows or columns.
func isEOF(payload []byte) bool {
	return len(payload) < 9 && len(payload) > 0 && payload[0] == eofHeader
}

// failure returns the error in an error packet, nil for any other.
func failure(payload []byte) error {
	if len(payload) == 0 {
		return malformed("an empty packet")
	}
	if payload[0] != errHeader {
		return nil
	}
	if len(payload) < 3 {
		return malformed("a cut error packet")
	}
	e := &serverError{code: binary.LittleEndian.Uint16(payload[1:]), state: "HY000"}
	rest := payload[3:]
	if len(rest) >= 6 && rest[0] == '#' {
		e.state, rest = string(rest[1:6]), rest[6:]
	}
	e.message = string(rest)
	return e
}

// lengthEncoded reads a length-encoded integer. The second result is the number of bytes it takes, 0 when the
// payload is too short or the integer is none.
func lengthEncoded(p []byte) (uint64, int) {
	switch {
	case len(p) == 0:
		return 0, 0
	case p[0] < 0xfb:
		return uint64(p[0]), 1
	case p[0] == 0xfc && len(p) >= 3:
		return uint64(p[1]) | uint64(p[2])<<8, 3
	case p[0] == 0xfd && len(p) >= 4:
		return uint64(p[1]) | uint64(p[2])<<8 | uint64(p[3])<<16, 4
	case p[0] == 0xfe && len(p) >= 9:
		return binary.LittleEndian.Uint64(p[1:]), 9
	default:
		return 0, 0
	}
}

// lengthEncodedBytes reads a length-encoded string and returns what follows it; false when the payload is too short.
func lengthEncodedBytes(p []byte) (value, rest []byte, ok bool) {
	length, n := lengthEncoded(p)
	if n == 0 || length > uint64(len(p)-n) {
		return nil, nil, false
	}
	end := n + int(length)
	return p[n:end], p[end:], true
}

func appendLengthEncoded(to []byte, n uint64) []byte {
	switch {
	case n < 0xfb:
		return append(to, byte(n))
	case n < 1<<16:
		return append(to, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(to, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	default:
		return binary.LittleEndian.AppendUint64(append(to, 0xfe), n)
	}
}
