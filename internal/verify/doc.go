// Package verify compares a table of the lake with its source, row by row, without moving the rows.
//
// A cursor cannot see everything: deletes, rows that were dated back, foreign keys that cascade. So an owner needs a
// way to prove that the lake holds what the source holds. Both sides are divided into some thousand parts by a hash of
// each row's key; the server sums up the checksums of its rows by part, the lake's data files are read for the same
// (sums.go), and only these sums are compared. Where a part differs, its keys are fetched from both sides (marks.go),
// and the rows that differ, or are missing on one side, are looked at as they are now (judge.go): what the next run
// will load anyway is pending and no difference.
package verify
