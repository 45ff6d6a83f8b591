package config

// This file is the reference of the YAML: the comments of the fields are what users read, in docs/config.md and as
// the descriptions in the JSON Schema, which Schema takes from this very text. Tags: yaml names the key, enum lists
// the allowed values, default says what a missing key means, variant ties a struct to a value of the key "type".

// file is the whole document.
type file struct {
	// The databases and the lakes, by name.
	Connections map[string]connectionSpec `yaml:"connections"`

	// Where the list of the lake's tables is kept.
	Catalog catalogSpec `yaml:"catalog"`

	// How ${aws-sm:…} references are looked up.
	Secrets secretsSpec `yaml:"secrets"`

	// What pipelines share. A key that a pipeline has itself wins.
	Defaults defaultsSpec `yaml:"defaults"`

	// What is loaded, by name: one table, or with "tables" one pipeline for each table that matches. The name is
	// for good: the watermark in the lake is kept under it.
	Pipelines map[string]pipelineSpec `yaml:"pipelines"`
}

// connectionSpec is a database or a lake.
type connectionSpec struct {
	// What the connection leads to: a MySQL or MariaDB server, a bucket, or a folder of this machine.
	Type string `yaml:"type" enum:"mysql,s3,file"`

	MySQL *mysqlSpec `variant:"mysql"`
	S3    *s3Spec    `variant:"s3"`
	File  *fileSpec  `variant:"file"`
}

// mysqlSpec is a MySQL or MariaDB server.
type mysqlSpec struct {
	// mysql://USER@HOST:PORT/DATABASE. The port defaults to 3306; the database serves tables that are named
	// without one. Never a password here.
	URL string `yaml:"url"`

	// A Unix socket of this machine, in place of the URL's host and port.
	Socket string `yaml:"socket"`

	// A reference to the password: ${env:NAME}, ${file:/path} or ${aws-sm:name#key}. It is looked up for each new
	// connection, so that a rotated password is found.
	Password Secret `yaml:"password"`

	// How to log in: with the password, or with a token of AWS IAM that is made for each connection.
	Auth string `yaml:"auth" enum:"password,iam" default:"password"`

	// The AWS region of an RDS instance, for auth: iam. Known from the host name of an RDS endpoint.
	Region string `yaml:"region"`

	// How the connection is encrypted.
	TLS tlsSpec `yaml:"tls"`
}

// tlsSpec is the encryption of a MySQL connection.
type tlsSpec struct {
	// verify-identity checks the certificate and the host name, verify-ca the certificate alone, required only
	// encrypts. The default is verify-identity, and disabled for this machine's own addresses.
	Mode string `yaml:"mode" enum:"verify-identity,verify-ca,required,disabled"`

	// A file with the certificates of the authority, PEM, relative to this file; or "rds" for those of Amazon RDS,
	// from the place where the system keeps them. The default is what the system trusts.
	CA string `yaml:"ca"`

	// The host name that the certificate must have, where the connection goes through a tunnel.
	ServerName string `yaml:"server_name"`
}

// s3Spec is a lake in a bucket of S3 or of a server that speaks its protocol.
type s3Spec struct {
	// s3://BUCKET/PREFIX: all tables lie below it.
	URL string `yaml:"url"`

	// The AWS region of the bucket. The default is that of the AWS environment.
	Region string `yaml:"region"`

	// The address of another server than Amazon's, such as http://127.0.0.1:9000.
	Endpoint string `yaml:"endpoint"`

	// Put the bucket into the path and not into the host name, as most other servers want it.
	PathStyle bool `yaml:"path_style" default:"false"`

	// References to a pair of keys. The default is what the AWS environment gives: variables, profile, web
	// identity, container or instance role.
	AccessKey Secret `yaml:"access_key"`

	// The second half of access_key.
	SecretKey Secret `yaml:"secret_key"`

	// The role to assume for all access to the lake.
	RoleARN string `yaml:"role_arn"`

	// What the role's owner asks for in the assume-role call.
	ExternalID string `yaml:"external_id"`

	// Encryption at rest: aes256 (SSE-S3) or kms. The default is what the bucket does.
	SSE string `yaml:"sse" enum:"aes256,kms"`

	// The key for sse: kms; the default is AWS's own.
	KMSKey string `yaml:"kms_key"`
}

// fileSpec is a lake in a folder.
type fileSpec struct {
	// file:///absolute/path of the folder, or use path.
	URL string `yaml:"url"`

	// The folder, relative to this file.
	Path string `yaml:"path"`
}

// catalogSpec is the list of the lake's tables.
type catalogSpec struct {
	// folder keeps each table's metadata beside its data, in the lake, with no server and no local state. sqlite
	// keeps the list in one local file, for one machine.
	Type string `yaml:"type" enum:"folder,sqlite" default:"folder"`

	// The file of a sqlite catalog, relative to this file.
	Path string `yaml:"path"`
}

// secretsSpec is the access to AWS Secrets Manager.
type secretsSpec struct {
	// The region of AWS Secrets Manager. The default is that of the AWS environment.
	Region string `yaml:"region"`

	// Another address of AWS Secrets Manager, such as a VPC endpoint.
	Endpoint string `yaml:"endpoint"`
}

// defaultsSpec is what pipelines share.
type defaultsSpec struct {
	// Where rows come from.
	Source sourceShared `yaml:"source"`

	// Where rows go to.
	Target targetSpec `yaml:"target"`

	// Keep tables quick to read: small files and deletes are put together behind a run, and old snapshots expire, once
	// there are many. With off this happens by the command maintain alone.
	Maintenance string `yaml:"maintenance" enum:"auto,off" default:"auto"`
}

// pipelineSpec is one source table and one target table, or many of both.
type pipelineSpec struct {
	// Where rows come from.
	Source sourceSpec `yaml:"source"`

	// Steps that change the rows on their way, in their order.
	Transforms []stepSpec `yaml:"transforms"`

	// What must hold of the rows that a run publishes, by the names that columns have in the lake.
	Checks []checkSpec `yaml:"checks"`

	// Where rows go to.
	Target targetSpec `yaml:"target"`

	// Keep the table quick to read, see defaults.
	Maintenance string `yaml:"maintenance" enum:"auto,off" default:"auto"`
}

// sourceSpec is what is read.
type sourceSpec struct {
	// The table, as DATABASE.TABLE, or TABLE in the database of the connection's URL. Put a name that contains a
	// dot into backquotes.
	Table string `yaml:"table"`

	// Instead of table: patterns such as shop.* or shop.order_*, with * for any characters and ? for one. Each
	// table that matches is a pipeline of its own, named NAME.TABLE; where the database is a pattern too,
	// NAME.DATABASE.TABLE.
	Tables Strings `yaml:"tables"`

	// Patterns of tables to leave out.
	Exclude Strings `yaml:"exclude"`

	sourceShared `yaml:",inline"`
}

// sourceShared is the part of a source that defaults may hold.
type sourceShared struct {
	// The name of a mysql connection.
	Connection string `yaml:"connection"`

	// The column that orders changes: a date, a time or an integer that is set anew at every change, such as
	// updated_at. In a list, the first that the table has. Without one the mode must be replace.
	Cursor Strings `yaml:"cursor"`

	// Only these columns are read. The default is all, invisible ones included.
	Columns Strings `yaml:"columns"`

	// A condition in the source's SQL that every row must meet.
	Where string `yaml:"where"`

	// Rows whose cursor is NULL: load them, once each, or let the run fail.
	Nulls string `yaml:"nulls" enum:"load,error" default:"load"`

	// Dates that are none, such as 0000-00-00: load them as NULL and count them, or let the run fail.
	ZeroDates string `yaml:"zero_dates" enum:"null,error" default:"null"`

	// The zone of DATETIME and DATE cursors, as Europe/Berlin or +02:00. The default is the server's global zone.
	CursorZone string `yaml:"cursor_zone"`

	// A mysql connection to the primary server, when connection leads to a replica: only the primary knows which
	// transactions are still open.
	SettleOn string `yaml:"settle_on"`

	// How late a row may appear where the server cannot tell: it may carry a cursor that is this much older.
	Lateness Duration `yaml:"lateness" default:"10m"`

	// The same for an integer cursor, in units of the cursor.
	LatenessRows int64 `yaml:"lateness_rows" default:"10000"`

	// How far the clocks of applications may be ahead, where they set a time cursor themselves.
	Slack Duration `yaml:"slack" default:"10s"`

	// How long a run waits for open transactions to end before it looks back into what earlier runs saw.
	SettleWait Duration `yaml:"settle_wait" default:"250ms"`

	// How many parts of the table are read in parallel. The default is the number of processors, from 2 to 4.
	Splits int `yaml:"splits"`

	// Above this many rows to be read again, the run names the cause.
	OverlapLimit int64 `yaml:"overlap_limit" default:"5000000"`
}

// stepSpec is a step that changes rows: change_schema or sql.
type stepSpec struct {
	// What messages, plans and previews call the step. The default is its kind, with its number where there are several.
	Name string `yaml:"name"`

	// What becomes of columns, by their names. Those that are not named stay as they are.
	ChangeSchema map[string]columnSpec `yaml:"change_schema"`

	// Of change_schema, the columns that come first, by the names that they have behind it.
	Order Strings `yaml:"order"`

	// A SELECT in DuckDB's SQL over the rows of the run: they are the table "rows", and the source's table by its own
	// name. watermark() is where the run's window begins, and so is last_fetched in the table
	// fetch_details(tablename, last_fetched).
	SQL string `yaml:"sql"`

	// Of sql, other tables that it may read, by the names that it has for them.
	Lookups map[string]lookupSpec `yaml:"lookups"`
}

// lookupSpec is a table that sql may read, whole, beside the rows.
type lookupSpec struct {
	// The name of a connection: a mysql one, or the pipeline's lake.
	Connection string `yaml:"connection"`

	// The table: DATABASE.TABLE of a mysql connection, NAMESPACE.TABLE of a lake.
	Table string `yaml:"table"`
}

// columnSpec is what change_schema makes of a column.
type columnSpec struct {
	// The column's new name.
	Rename string `yaml:"rename"`

	// The column's new type: boolean, int, bigint, float, double, decimal(P,S), string, binary, date, timestamp or
	// timestamptz. A value that does not fit stops the run.
	Type string `yaml:"type"`

	// Leave the column out.
	Drop bool `yaml:"drop" default:"false"`
}

// checkSpec is a check, of one kind.
type checkSpec struct {
	// What messages call the check. The default is its kind and its columns.
	Name string `yaml:"name"`

	// What a failed check does: stop ends the run with exit code 3 before anything is published, warn says so.
	OnFail string `yaml:"on_fail" enum:"stop,warn" default:"stop"`

	// Columns of which none may be NULL.
	NotNull Strings `yaml:"not_null"`

	// Columns whose values no two rows of the run share. A row with NULL in one of them shares none.
	Unique Strings `yaml:"unique"`

	// The only values that a column may have, beside NULL.
	AcceptedValues acceptedSpec `yaml:"accepted_values"`

	// The least and the greatest value that a column may have, NULL aside.
	Range rangeSpec `yaml:"range"`

	// An expression, in the syntax of RE2, that the whole of each text of a column matches, NULL aside.
	Regex regexSpec `yaml:"regex"`

	// How many rows a run publishes. A run without news has none.
	RowCount rowCountSpec `yaml:"row_count"`

	// How old the newest row may be, by its cursor, when a run ends, whether it found rows or not.
	Freshness Duration `yaml:"freshness"`
}

// acceptedSpec is what a column may hold.
type acceptedSpec struct {
	// The column.
	Column string `yaml:"column"`

	// The values.
	Values Literals `yaml:"values"`
}

// rangeSpec bounds a column. One of both bounds may be left out.
type rangeSpec struct {
	// The column.
	Column string `yaml:"column"`

	// The least value.
	Min Literal `yaml:"min"`

	// The greatest value.
	Max Literal `yaml:"max"`
}

// regexSpec is what the texts of a column look like.
type regexSpec struct {
	// The column.
	Column string `yaml:"column"`

	// The expression.
	Pattern string `yaml:"pattern"`
}

// rowCountSpec bounds a number of rows. One of both bounds may be left out.
type rowCountSpec struct {
	// The least number.
	Min int64 `yaml:"min"`

	// The greatest number.
	Max int64 `yaml:"max"`
}

// targetSpec is what is written.
type targetSpec struct {
	// The name of an s3 or file connection.
	Connection string `yaml:"connection"`

	// The table in the lake, as NAMESPACE.TABLE. {database} and {table} stand for the names in the source, in
	// lower case and with _ for what a path cannot hold.
	Table string `yaml:"table" default:"{database}.{table}"`

	// Iceberg, or a folder of Parquet files, whose readers may see a part of a commit while it is made.
	Format string `yaml:"format" enum:"iceberg,parquet" default:"iceberg"`

	// append keeps every version of a row, merge the newest by key (Iceberg only), replace loads the whole table
	// in each run.
	Mode string `yaml:"mode" enum:"append,merge,replace" default:"append"`

	// The columns that identify a row for mode: merge. The default is the primary key of the source.
	Key Strings `yaml:"key"`

	// What becomes of rows that the source has deleted, which no cursor sees: keep leaves them; with sweep and mark runs
	// compare the keys of both sides, and take the rows out or note the time in mark_column.
	Deletes string `yaml:"deletes" enum:"keep,sweep,mark" default:"keep"`

	// How often runs look for deleted rows at most: the server reads the index of the key each time.
	SweepEvery Duration `yaml:"sweep_every" default:"24h"`

	// Of deletes: mark, the column of the lake that has a time in rows that are gone, and NULL in the others.
	MarkColumn string `yaml:"mark_column" default:"deleted_at"`

	// How the table is partitioned: a column, or year, month, day or hour of one, bucket(N, column),
	// truncate(N, column). A folder of Parquet files has a folder for each value.
	PartitionBy Strings `yaml:"partition_by"`

	// What new columns and wider types in the source do: evolve takes them over, freeze stops the run. Nothing is
	// ever narrowed.
	Schema string `yaml:"schema" enum:"evolve,freeze" default:"evolve"`

	// The size that data files should have.
	FileSize Size `yaml:"file_size" default:"256MiB"`
}
