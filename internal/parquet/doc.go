// Package parquet is the bounded encoder: it turns Arrow batches into Parquet data files with statistics, and never
// holds more than a fixed amount of memory, whatever the size of the table or the width of a row.
//
// Both targets write through it, so a row looks the same in an Iceberg table and in a folder. A [Writer] makes one
// file. [WriteFiles] makes as many as the rows need, each of about the wanted size. Where the bytes go is the
// target's business: a [Sink].
//
// What bounds the memory: a Writer closes its row group when the encoded pages reach [Options].RowGroupBytes, and the
// pages that are still open are small, the smaller the more columns there are.
package parquet
