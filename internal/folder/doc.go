// Package folder keeps a table as a folder of Parquet files, for those who read it with anything that can list a
// folder: DuckDB, Athena, Spark, pandas. It is a Target and a Catalog without a server and without a table format.
//
// Such readers believe every file that they see, so a file must not appear before it is committed. Data files are
// therefore staged: written whole, but invisible. The commit is one small object in a log, put under a key that must
// be free; it holds the watermark and the record of each staged file. Only then are the files completed, which any
// process can do from the log. A run that dies leaves either files that nobody sees, or a commit that the next run
// completes.
//
// A reader that lists the folder in the moment when a commit of several files is completed may see some of them
// already and others not yet; and rows twice while files are rewritten to take single rows out. Readers who need all or
// nothing take the [Catalog], or an Iceberg table.
//
// This is what lies in the lake:
//
//	<namespace>/<table>/[<column>=<value>/]<seq>-<run>-<n>.parquet    data files, committed ones only
//	_tidemark/<pipeline>/<seq, 20 digits>.json                        the log: one record for each commit
//	_tidemark/<pipeline>/newest                                       the newest commit whose files are all there
//	_tidemark/_tables/<namespace>/<table>/<version, 6 digits>.json    the table: columns, and who fills it
//	_tidemark/_staged/                                                on a disk: staged files (on S3 uploads)
//
// Log and table records are put once and never changed. The pipeline's side files lie beside its log, under names
// of their own.
package folder
