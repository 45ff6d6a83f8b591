// Package iceberg keeps tables of a lake as Apache Iceberg v2 tables: it is a tidemark.Target and a tidemark.Catalog.
//
// It is here because an Iceberg table can publish rows and a watermark in one act. A commit of a table is one
// compare-and-swap: a new metadata file takes the place of the one that it was made from, or nothing happens. So data
// files, equality deletes, and the watermark (a property of the table, and a part of the snapshot's summary) become
// visible together, and a process that dies has done all of it or nothing.
//
// A reader should begin with commit.go, which is the protocol in the order in which it must survive crashes. stage.go
// builds the snapshot that a commit publishes, history.go finds what earlier commits have left in a table, and
// folder.go and pointers.go are the two places where the swap itself happens, the latter for sqlite.go and glue.go. prepare.go and schema.go make and evolve
// tables; write.go turns batches into data files. maintain.go keeps tables quick to read: inventory.go plans what is put
// together, rewrite.go does it, expire.go and leftover.go remove what nobody needs.
//
// The package iceberg-go reads and writes the format. Its I/O runs on internal/blob (io.go), so that endpoint,
// encryption and role are configured once.
package iceberg
