// Package tidemark is the vocabulary of Tidemark: it says what the program does, and every other package says with
// what. Nothing is implemented here but values and their rules.
//
// A [Pipeline] moves one table of a [Source] into one table of a [Target], again and again, each row exactly once.
// What has been loaded is its [Watermark], and the watermark lives in the target, inside the same atomic [Commit] as
// the rows. So a process that dies has either done all of a commit or nothing.
//
// A run asks the source to settle: to find a bound below which no row can appear any more, whatever transactions
// are still open. Then it reads the [Window] from the watermark's Settled to the end, in [Split]s, drops the rows
// that an earlier run has loaded (the [Overlap]), writes data files that nobody sees yet, and commits. Fresh rows
// are never held back for the sake of a stuck transaction; they are read again and recognised.
//
// The packages, in the order in which a row meets them:
//
//   - internal/config decodes the YAML file, and package run wires what it says;
//   - internal/engine executes one run in the order above; recovery is the same code;
//   - internal/mysql is the Source: schema, settle, splits, binary rows straight into Arrow batches;
//   - internal/overlap hashes rows and remembers them in a side file;
//   - internal/parquet encodes batches under a memory budget;
//   - internal/iceberg and internal/folder are the Targets;
//   - internal/blob is where bytes lie: a folder, or a bucket;
//   - internal/query and internal/duckdb answer SQL over what was committed;
//   - internal/verify compares what was committed with the source;
//   - internal/schedule starts runs by triggers, and internal/sqlite remembers them;
//   - internal/auth says who may ask that of a server;
//   - cmd/tidemark has one file per subcommand.
//
// Adapters know this package and not each other; a test keeps it so.
package tidemark
