package mysql

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// Commands of the protocol.
const (
	comQuit        = 0x01
	comQuery       = 0x03
	comPing        = 0x0e
	comStmtPrepare = 0x16
	comStmtExecute = 0x17
	comStmtClose   = 0x19
)

const (
	maxColumns         = 4096 // of a table, by the server's own limit
	statusCursorExists = 0x0040
	cursorNone         = 0x00 // the flags of COM_STMT_EXECUTE: send all rows at once
)

// A field describes a column of a result.
type field struct {
	name     string
	charset  uint16 // 63 is binary
	length   uint32 // in bytes as shown; for DECIMAL it tells the precision
	typ      byte
	flags    uint16
	decimals byte
}

func (f field) notNull() bool  { return f.flags&1 != 0 }
func (f field) unsigned() bool { return f.flags&32 != 0 }
func (f field) binary() bool   { return f.charset == 63 }

// A statement is prepared on one connection. Its rows come in the binary protocol: the text protocol shortens FLOAT,
// where 16777216 arrives as 16777200.
type statement struct {
	sql    string
	id     uint32
	params int
	fields []field
}

// prepare has the server parse a statement with ? for values. It does not watch a context; its callers do.
func (c *conn) prepare(sql string) (*statement, error) {
	if err := c.command(comStmtPrepare, []byte(sql)); err != nil {
		return nil, err
	}
	payload, err := c.next()
	if err != nil {
		return nil, err
	}
	if err := failure(payload); err != nil {
		return nil, err
	}
	if len(payload) < 12 || payload[0] != okHeader {
		return nil, malformed("the answer to a prepare")
	}
	s := &statement{
		sql: sql, id: binary.LittleEndian.Uint32(payload[1:]),
		params: int(binary.LittleEndian.Uint16(payload[7:])),
	}
	columns := int(binary.LittleEndian.Uint16(payload[5:]))
	if s.params > 0 {
		if _, err := c.readFields(s.params); err != nil {
			return nil, err
		}
	}
	if columns > 0 {
		if s.fields, err = c.readFields(columns); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readFields reads n column definitions and the EOF behind them.
func (c *conn) readFields(n int) ([]field, error) {
	fields := make([]field, n)
	for i := range fields {
		payload, err := c.next()
		if err != nil {
			return nil, err
		}
		if err := failure(payload); err != nil {
			return nil, err
		}
		if fields[i], err = parseField(payload); err != nil {
			return nil, err
		}
	}
	payload, err := c.next()
	if err != nil {
		return nil, err
	}
	if err := failure(payload); err != nil {
		return nil, err
	}
	if !isEOF(payload) || len(payload) < 5 {
		return nil, malformed("more columns than announced")
	}
	if binary.LittleEndian.Uint16(payload[3:])&statusCursorExists != 0 {
		return nil, fmt.Errorf("the server opened a cursor that nobody asked for: %w", tidemark.ErrInvalid)
	}
	return fields, nil
}

func parseField(p []byte) (field, error) {
	var name []byte
	ok := true
	for i := 0; i < 6 && ok; i++ { // catalog, schema, table, original table, name, original name
		var part []byte
		part, p, ok = lengthEncodedBytes(p)
		if i == 4 {
			name = part
		}
	}
	if !ok || len(p) < 11 {
		return field{}, malformed("a column definition")
	}
	return field{
		name: string(name), charset: binary.LittleEndian.Uint16(p[1:]), length: binary.LittleEndian.Uint32(p[3:]),
		typ: p[7], flags: binary.LittleEndian.Uint16(p[8:]), decimals: p[10],
	}, nil
}

// execute sends a statement with its values. The rows follow, to be read with nextRow to their end.
//
// The flags ask for no cursor. One that is opened all the same would hold back the rows, and its empty first answer
// looks like an empty table: that is an error.
func (c *conn) execute(s *statement, args []value) error {
	if err := c.send(s, args); err != nil {
		return err
	}
	payload, err := c.next()
	if err != nil {
		return err
	}
	if err := failure(payload); err != nil {
		return err
	}
	count, n := lengthEncoded(payload)
	if n == 0 || count == 0 || count > maxColumns {
		return malformed("the number of columns")
	}
	fields, err := c.readFields(int(count))
	if err != nil {
		return err
	}
	s.fields = fields // not always those of the prepare: the table may have changed since
	return nil
}

// send sends a statement with its values; the answer is not read yet.
func (c *conn) send(s *statement, args []value) error {
	if len(args) != s.params {
		return fmt.Errorf("%s: %d values for %d placeholders: %w", brief(s.sql), len(args), s.params, tidemark.ErrInvalid)
	}
	head := binary.LittleEndian.AppendUint32(nil, s.id)
	head = append(head, cursorNone, 1, 0, 0, 0)
	return c.command(comStmtExecute, head, encodeArguments(args))
}

// nextRow returns the next row of an executed statement, valid until the following call, or nil when the server has
// said that there are no more.
func (c *conn) nextRow() ([]byte, error) {
	payload, err := c.next()
	if err != nil {
		return nil, err
	}
	if len(payload) > 0 && payload[0] == okHeader {
		return payload, nil
	}
	if isEOF(payload) {
		return nil, nil
	}
	if err := failure(payload); err != nil {
		return nil, err
	}
	return nil, malformed("a packet that is neither a row nor the end")
}

// closeStatement lets the server forget a statement; it does not answer.
func (c *conn) closeStatement(s *statement) error {
	return c.command(comStmtClose, binary.LittleEndian.AppendUint32(nil, s.id))
}
