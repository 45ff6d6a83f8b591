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

	// What tidemark serve goes by.
	Server serverSpec `yaml:"server"`

	// Whom tidemark serve tells that pipelines fail or are late, by name.
	Notifications map[string]notificationSpec `yaml:"notifications"`

	// What pipelines share. A key that a pipeline has itself wins.
	Defaults defaultsSpec `yaml:"defaults"`

	// What is loaded, by name: one table, or with "tables" one pipeline for each table that matches. The name is
	// for good: the watermark in the lake is kept under it.
	Pipelines map[string]pipelineSpec `yaml:"pipelines"`
}

// catalogSpec is the list of the lake's tables.
type catalogSpec struct {
	// folder keeps each table's metadata beside its data, in the lake, with no server and no local state. sqlite
	// keeps the list in one local file, for one machine. glue keeps it in the AWS Glue Data Catalog, where Athena,
	// Redshift and EMR find the tables. rest keeps it in a server that speaks Iceberg's REST protocol.
	Type string `yaml:"type" enum:"folder,sqlite,glue,rest" default:"folder"`

	// The file of a sqlite catalog, relative to this file.
	Path string `yaml:"path"`

	// The address of a rest catalog, below which /v1 is, such as https://catalog.example.com/api/catalog.
	URI string `yaml:"uri"`

	// What the server calls the catalog, for a rest catalog. The default is the server's own.
	Warehouse string `yaml:"warehouse"`

	// A reference to a bearer token for a rest catalog.
	Token Secret `yaml:"token"`

	// The name by which a rest catalog, or its token_url, knows this client of OAuth2.
	ClientID string `yaml:"client_id"`

	// A reference to the secret that goes with client_id.
	ClientSecret Secret `yaml:"client_secret"`

	// What the token of client_id is asked for. The default is catalog.
	Scope string `yaml:"scope"`

	// Where client_id gets its token. The default is the rest catalog's own endpoint.
	TokenURL string `yaml:"token_url"`

	// The service of AWS for which requests to a rest catalog are signed: glue for Glue's REST endpoint. It goes with
	// region, and with access_key or the AWS environment.
	Sign string `yaml:"sign"`

	// A PEM file of the certificates that a rest catalog's own is signed by, relative to this file. The default is what the
	// machine trusts.
	CA string `yaml:"ca"`

	// The AWS region of a glue catalog, or of a rest catalog with sign. The default is that of the AWS environment.
	Region string `yaml:"region"`

	// Another address of Glue, such as a VPC endpoint.
	Endpoint string `yaml:"endpoint"`

	// The account that owns a glue catalog. The default is that of the credentials.
	CatalogID string `yaml:"catalog_id"`

	// What the names of databases in a glue catalog begin with: the table shop.orders is in the database shop
	// without, and in lake_shop with lake_.
	DatabasePrefix string `yaml:"database_prefix"`

	// References to a pair of keys for a glue catalog, or a rest catalog with sign. The default is what the AWS environment gives, not the keys of
	// the lake's connection.
	AccessKey Secret `yaml:"access_key"`

	// The second half of access_key.
	SecretKey Secret `yaml:"secret_key"`

	// The role to assume for all access to a glue catalog, or a rest catalog with sign.
	RoleARN string `yaml:"role_arn"`

	// What the role's owner asks for in the assume-role call.
	ExternalID string `yaml:"external_id"`
}

// secretsSpec is the access to AWS Secrets Manager.
type secretsSpec struct {
	// The region of AWS Secrets Manager. The default is that of the AWS environment.
	Region string `yaml:"region"`

	// Another address of AWS Secrets Manager, such as a VPC endpoint.
	Endpoint string `yaml:"endpoint"`
}

// serverSpec is what tidemark serve goes by.
type serverSpec struct {
	// The address of the API and of the catalog for other engines, as HOST:PORT. One that other machines can reach takes users or
	// tokens first, see `tidemark user` and `tidemark token`.
	Listen string `yaml:"listen" default:"127.0.0.1:8080"`

	// Names by which the server may be asked, besides localhost, as people write them in a browser. The default is any address,
	// and no name.
	Hosts Strings `yaml:"hosts"`

	// Addresses or networks, such as 10.0.0.0/8, of proxies that stand before the server: what they say of where a request comes
	// from, by X-Forwarded-For and X-Forwarded-Proto, is believed.
	Proxies Strings `yaml:"proxies"`

	// Encrypt connections to the server.
	TLS serverTLSSpec `yaml:"tls"`

	// The file that keeps runs, their logs, and up to where triggers have looked, relative to this file. What was loaded is not
	// in it.
	Store string `yaml:"store" default:".tidemark/store.db"`

	// How many runs there are at the same time.
	Parallel int `yaml:"parallel" default:"4"`

	// How long runs that have ended are kept, with their logs, at least 1h. The last one of each pipeline stays, and the last that succeeded.
	KeepRuns Duration `yaml:"keep_runs" default:"90d"`

	// How long the end of the server waits for runs to finish, before it stops them. They begin again with the server.
	StopTimeout Duration `yaml:"stop_timeout" default:"1m"`

	// Where people reach the server, such as https://tidemark.example.com, for links in notifications.
	URL string `yaml:"url"`

	// Where runs are told of as OpenLineage events.
	Lineage lineageSpec `yaml:"lineage"`
}

// serverTLSSpec is how connections to the server are encrypted. The files are read again when they change.
type serverTLSSpec struct {
	// A PEM file with the certificate, and those of the authorities between, relative to this file.
	Cert string `yaml:"cert"`

	// The PEM file of the certificate's key.
	Key string `yaml:"key"`
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

	runShared `yaml:",inline"`
}

// runShared is the part of a pipeline about runs that tidemark serve starts, which defaults may hold.
type runShared struct {
	// How many further attempts a run of tidemark serve gets that has ended by a fault that may pass, such as a server that is
	// not there. The pause before them grows from 10 s to 10 min.
	Retries int `yaml:"retries" default:"3"`

	// How long a run of tidemark serve may take, over all its attempts. The default is no limit.
	Timeout Duration `yaml:"timeout"`

	// Of the runs of tidemark serve that wait, those of a higher priority begin first.
	Priority int `yaml:"priority" default:"0"`

	// How far behind its source the lake may be: the time since the last complete run began to read. A server tells once when
	// it is more, in its log and by notifications, and once when all is well again. The default is not to watch it.
	Freshness Duration `yaml:"freshness"`
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

	// What starts runs, while tidemark serve is running. Those of a pipeline that covers many tables start them all.
	Triggers []triggerSpec `yaml:"triggers"`

	runShared `yaml:",inline"`
}

// triggerSpec is what starts runs, of one kind.
type triggerSpec struct {
	// What messages call the trigger, and under which is kept what it has started. The default is its kind, with its number
	// where there are several.
	Name string `yaml:"name"`

	// With false it starts nothing.
	Enabled bool `yaml:"enabled" default:"true"`

	// Times of the calendar in five fields: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly,
	// @monthly, @yearly.
	Cron string `yaml:"cron"`

	// Of cron, the zone of its times, as Europe/Berlin. The default is UTC.
	Zone string `yaml:"zone"`

	// Of cron, what becomes of times that passed while no server was running: none is made up for, one run stands for all, or
	// each gets its own.
	CatchUp string `yaml:"catch_up" enum:"none,one,all" default:"one"`

	// The time from one run to the next. The first comes at once.
	Every Duration `yaml:"every"`

	// Pipelines: a run starts when runs of theirs have ended.
	After Strings `yaml:"after"`

	// Of after, which ends count.
	On string `yaml:"on" enum:"success,failure,end" default:"success"`

	// Of after, whether the end of any of the pipelines starts a run, or all must have ended since the last time.
	Of string `yaml:"of" enum:"any,all" default:"any"`

	// New objects start a run: they are looked for in a lake, or S3 tells of them in a queue.
	Object objectSpec `yaml:"object"`

	// How often the largest value of the cursor is looked up in the source: a run starts when the lake has not loaded it, and
	// while transactions are open that the last run had to leave out. It takes an index on the cursor.
	Source Duration `yaml:"source"`

	// A request to POST /api/v1/hooks/PIPELINE/NAME of the server starts a run. It proves by one of the two that it may.
	Webhook webhookSpec `yaml:"webhook"`
}

// webhookSpec is how a request proves that it may start a run.
type webhookSpec struct {
	// A reference to what the request sends with the header "Authorization: Bearer", of at least 16 characters.
	Token Secret `yaml:"token"`

	// A reference to the key of the request's signature, of at least 16 characters. The signature is in the header
	// X-Hub-Signature-256, "sha256=" and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub sends it.
	Secret Secret `yaml:"secret"`
}

// objectSpec is where new objects are looked for.
type objectSpec struct {
	// The name of a s3 or file connection. With queue it is one of type s3 or left out: then only objects of this lake count, and
	// the connection's credentials are those for the queue.
	Connection string `yaml:"connection"`

	// What the keys of the objects begin with, in the lake. With queue and without connection they are whole keys of any bucket.
	Prefix string `yaml:"prefix"`

	// The URL of an SQS queue to which S3 sends notifications of new objects, by itself, by SNS or by EventBridge. Nothing is
	// listed then. The queue is for this trigger alone: messages that were read are deleted, whatever object they tell of.
	Queue string `yaml:"queue"`

	// How often objects are listed.
	Every Duration `yaml:"every" default:"1m"`
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

	// A table in which another process has kept how far each table was fetched: with the columns tablename and last_fetched, such
	// as db2.fetch_details. A pipeline that has loaded nothing yet goes on from there. Its name alone stands for a section with table.
	WatermarkTable watermarkTableSpec `yaml:"watermark_table"`

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

// watermarkTableSpec is a table of (tablename, last_fetched).
type watermarkTableSpec struct {
	// The table, as DATABASE.TABLE, or TABLE in the database of the connection's URL.
	Table string `yaml:"table" short:"true"`

	// The mysql connection by which runs insert a row, once they have committed, and by which the table is read then. Its user needs
	// SELECT and INSERT on the table. Without it the table is only read, by the source's connection.
	Connection string `yaml:"connection"`

	// What tablename says in the rows of this source; {database} and {table} stand for those of the source.
	Name string `yaml:"name" default:"{table}"`

	// Where a pipeline begins that has loaded nothing yet: after the largest last_fetched, from it on, so that rows at that very value
	// are loaded too, or, with none, at the beginning. Without a row for the source it is the beginning.
	First string `yaml:"first" enum:"after,from,none" default:"after"`

	// With false no rows are inserted, whatever connection is there.
	Insert bool `yaml:"insert" default:"true"`
}

// stepSpec is a step that changes rows: change_schema, sql or go.
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

	// The name of a Go func that the program which runs the pipeline brings along, see docs/go.md. The binary tidemark has
	// none, and refuses such a pipeline.
	Go string `yaml:"go"`
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

	// What a value does that does not fit into the type: stop ends the run, and quarantine sets the row aside, as with checks.
	OnFail string `yaml:"on_fail" enum:"stop,quarantine" default:"stop"`

	// Leave the column out.
	Drop bool `yaml:"drop" default:"false"`
}

// checkSpec is a check, of one kind.
type checkSpec struct {
	// What messages call the check. The default is its kind and its columns.
	Name string `yaml:"name"`

	// What a failed check does: stop ends the run with exit code 3 before anything is published, warn says so, and quarantine
	// puts the rows that fail into the table of the same name with __rejected behind it, and publishes the others.
	OnFail string `yaml:"on_fail" enum:"stop,warn,quarantine" default:"stop"`

	// Columns of which none may be NULL.
	NotNull Strings `yaml:"not_null"`

	// Columns whose values no two rows share. A row with NULL in one of them shares none.
	Unique Strings `yaml:"unique"`

	// Of unique, among which rows: those of the run, or all that the table holds behind it.
	In string `yaml:"in" enum:"run,table" default:"run"`

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

	// A SELECT that must return no row, in DuckDB's SQL over the rows of the run as they land: they are the table "rows",
	// and the source's table by its own name. watermark() and fetch_details are there as in a transform.
	SQL string `yaml:"sql"`

	// Of sql, other tables that it may read, by the names that it has for them.
	Lookups map[string]lookupSpec `yaml:"lookups"`
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
