// Package auth says who asks a server, and what he may: people log in with a password and have a session from then on,
// programs show a token, and who has the machine itself needs neither. Who came, and what was changed, is in an audit log.
//
// Nothing is kept with which somebody could come: of passwords there is an argon2id hash, and of tokens and sessions, which are
// random and long, SHA-256. The package speaks no HTTP.
package auth
