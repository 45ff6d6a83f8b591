// Package mysql is the Source that reads MySQL, MariaDB and what speaks their protocol.
//
// It promises three things that a general driver does not. What it reads does not depend on the server's global
// settings, because every connection sets what matters and reads it back (session.go). A result that was cut short is
// never taken for the whole one (wire.go, read.go). And a row goes from the packet into an Arrow batch with nothing
// allocated in between (decode.go), which is what the product's speed rests on.
//
// The path of a row: [Open], Schema (schema.go, kind.go), Splits (split.go), Read (read.go: one prepared statement per
// split, stmt.go), the packets (wire.go), the columns of the batch (decode.go). Login and its cryptography are go-mysql's
// (login.go); from then on the connection is ours.
package mysql
