package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/query"
	"github.com/tidemark-data/tidemark/run"
)

type queryOptions struct {
	lake       string
	tables     bool
	format     string
	output     string
	force      bool
	memory     config.Size
	cacheLimit config.Size
	timeout    config.Duration

	engine    string
	workgroup string // of Athena
	location  string // likewise, of its results
}

// The formats of an answer.
const (
	formatTable   = "table"
	formatCSV     = "csv"
	formatJSON    = "json"
	formatParquet = "parquet"
)

// The engines that answer.
const (
	engineDuckDB = "duckdb"
	engineAthena = "athena"
)

// queryTimeout is Athena's, too.
const queryTimeout = 30 * time.Minute

func newQueryCommand(a *app) *cobra.Command {
	o := queryOptions{memory: 512 << 20, cacheLimit: 2 << 30, timeout: config.Duration(queryTimeout)}
	cmd := &cobra.Command{
		Use:   "query [SQL]",
		Short: "Ask the lake in SQL",
		Long: help(`
Answers one SELECT over the tables of the lake, as they were committed: NAMESPACE.TABLE, or TABLE alone where that is
clear. The SQL is DuckDB's. It only reads. With --tables it lists what there is to ask.

Without SQL it is a shell at a terminal, with history and completion; .help tells more. Elsewhere it answers the statements on
standard input, each with a semicolon behind it, up to the first that is wrong.

A table can be read as it was: FROM shop.orders FOR VERSION AS OF 3, by the number of a commit or the id of a snapshot;
or FOR TIMESTAMP AS OF TIMESTAMP '2024-07-31 17:50:00', in UTC. watermark('PIPELINE') is how far a pipeline has come, and the
view fetch_details(tablename, last_fetched) says it for all.

Files of which the statistics prove that no row meets the WHERE are not read. What was is printed on standard error behind
the answer; --quiet leaves that out.

With --engine athena the same SQL goes to Amazon Athena, which reads the tables that the Glue catalog has, and charges for what it
reads; the SQL is Athena's then. Ctrl-C stops it there.

With --json there is one object per row, or per table.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark query --tables
  tidemark query "SELECT count(*) FROM shop.orders"
  tidemark query "SELECT count(*) FROM shop.orders FOR VERSION AS OF 1"
  tidemark query --output orders.parquet "SELECT * FROM shop.orders WHERE status = 'CLOSED'"
  tidemark query --json "SELECT status, count(*) AS n FROM shop.orders GROUP BY ALL"
  tidemark query
  tidemark query < statements.sql
  tidemark query --engine athena --workgroup etl "SELECT count(*) FROM shop.orders"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.tables {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.tables {
				return runQueryTables(cmd.Context(), a, o)
			}
			if len(args) == 0 {
				return runShell(cmd.Context(), a, o)
			}
			return runQuery(cmd.Context(), a, o, args[0])
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.tables, "tables", "t", false, "list the tables, in place of an answer")
	f.StringVarP(&o.lake, "lake", "l", "", "the `CONNECTION` to ask, where the config has more than one lake")
	f.StringVar(&o.format, "format", "", "print the answer as a table, csv, json (an object per line) or parquet; the default is the ending of --output, else table")
	f.StringVarP(&o.output, "output", "o", "", "write the answer into this `FILE`, which is there when it is whole")
	f.BoolVar(&o.force, "force", false, "replace the file of --output")
	f.TextVar(&o.memory, "memory", o.memory, "the `SIZE` of memory that the query may take; what does not fit goes to disk, or fails")
	f.TextVar(&o.timeout, "timeout", o.timeout, "the `TIME` that the query may take; 0 for any")
	f.TextVar(&o.cacheLimit, "cache-limit", o.cacheLimit, "the `SIZE` of a bucket's files that stay on this machine for the next query")
	f.StringVar(&o.engine, "engine", engineDuckDB, "who answers: duckdb, which is built in, or athena")
	f.StringVar(&o.workgroup, "workgroup", "", "the `NAME` of Athena's workgroup; the default is Athena's own")
	f.StringVar(&o.location, "output-location", "", "the `S3-URL` where Athena puts its result; the default is the workgroup's, else the lake's _tidemark/athena/")
	return cmd
}

func (o queryOptions) run() run.QueryOptions {
	return run.QueryOptions{
		Lake: o.lake, Memory: int64(o.memory), Timeout: time.Duration(o.timeout), CacheLimit: int64(o.cacheLimit),
	}
}

// check finds mistakes in the flags and the format that is meant.
func (o *queryOptions) check(a *app) error {
	if err := o.checkEngine(); err != nil {
		return err
	}
	if o.memory < 16<<20 {
		return fmt.Errorf("--memory %s: a query wants at least 16MiB", o.memory)
	}
	switch known := []string{formatTable, formatCSV, formatJSON, formatParquet}; {
	case o.format != "" && !slices.Contains(known, o.format):
		return tidemark.WithHint(fmt.Errorf("--format %s is not known", o.format), "there are "+strings.Join(known, ", "))
	case o.format == "" && a.json:
		o.format = formatJSON
	case o.format == "":
		o.format = formatOf(o.output)
	case a.json && o.format != formatJSON && o.output == "":
		return fmt.Errorf("--json and --format %s: use one of them", o.format)
	}
	if o.format == formatParquet && o.output == "" {
		return tidemark.WithHint(errors.New("a Parquet file cannot be printed"), "say where it goes with --output FILE")
	}
	return nil
}

// checkEngine finds flags that are not for the engine.
func (o *queryOptions) checkEngine() error {
	switch {
	case o.engine != engineDuckDB && o.engine != engineAthena:
		return tidemark.WithHint(fmt.Errorf("--engine %s is not known", o.engine), "there are duckdb and athena")
	case o.engine == engineDuckDB && o.workgroup+o.location != "":
		return errors.New("--workgroup and --output-location are for --engine athena")
	case o.engine == engineAthena && (o.format == formatParquet || o.format == "" && formatOf(o.output) == formatParquet):
		return tidemark.WithHint(errors.New("an answer of Athena cannot be written as a Parquet file here"), "use csv or json; or UNLOAD in Athena itself")
	case o.location != "" && !strings.HasPrefix(o.location, "s3://"):
		return fmt.Errorf("--output-location %s: want s3://BUCKET/PREFIX/", o.location)
	}
	return nil
}

// checkShell is check for statements that come one by one: their answers are printed, each behind the other.
func (o *queryOptions) checkShell(a *app) error {
	if o.engine == engineAthena {
		return tidemark.WithHint(errors.New("--engine athena wants the SQL as an argument"), "the shell asks the built-in engine")
	}
	if o.output != "" {
		return tidemark.WithHint(errors.New("--output wants the SQL as an argument"), "without one, redirect the output")
	}
	if o.format == formatParquet {
		return tidemark.WithHint(errors.New("a Parquet file cannot be printed"), "give the SQL as an argument, and --output FILE")
	}
	return o.check(a)
}

func formatOf(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return formatCSV
	case ".json", ".jsonl", ".ndjson":
		return formatJSON
	case ".parquet", ".pq":
		return formatParquet
	}
	return formatTable
}

func runQuery(ctx context.Context, a *app, o queryOptions, statement string) error {
	if err := o.check(a); err != nil {
		return usage(err)
	}
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	if o.engine == engineDuckDB {
		boundMemory(int64(o.memory))
	}
	began := time.Now()
	to, err := openAnswer(a.out, o.output, o.force)
	if err != nil {
		return err
	}
	defer to.discard()
	var got answer
	switch {
	case o.engine == engineAthena:
		got, err = queryAthena(ctx, r, o, statement, to)
	case o.format == formatParquet:
		got, err = queryParquet(ctx, r, o, statement, to.part)
	default:
		got, err = queryText(ctx, r, o, statement, to)
	}
	if err != nil {
		return queryError(err, statement)
	}
	if err := to.keep(); err != nil {
		return err
	}
	got.took = time.Since(began)
	return a.printAnswer(got, o.output)
}

// queryText prints the answer, or writes it into a file, row by row.
func queryText(ctx context.Context, r *run.Runner, o queryOptions, statement string, to io.Writer) (answer, error) {
	result, err := r.QueryWith(ctx, statement, o.run())
	if err != nil {
		return answer{}, err
	}
	got := answer{read: result.Read}
	err = o.print(to, result.Columns, counted(result.Rows(), &got.rows))
	return got, errors.Join(err, result.Close())
}

// queryAthena is queryText with Athena.
func queryAthena(ctx context.Context, r *run.Runner, o queryOptions, statement string, to io.Writer) (answer, error) {
	result, err := r.QueryAthena(ctx, statement, run.AthenaOptions{
		Lake: o.lake, Workgroup: o.workgroup, Output: o.location, Timeout: time.Duration(o.timeout),
	})
	if err != nil {
		return answer{}, err
	}
	got := answer{athena: result.ID, scanned: result.Scanned}
	return got, o.print(to, result.Columns, counted(result.Rows(ctx), &got.rows))
}

// print prints rows in the format that is wanted.
func (o queryOptions) print(to io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) (err error) {
	out := newBuffer(to)
	switch o.format {
	case formatJSON:
		err = printObjects(out, columns, rows)
	case formatCSV:
		err = query.WriteCSV(out, columns, rows)
	default:
		err = printTable(out, columns, rows)
	}
	return errors.Join(err, out.Flush())
}

func queryParquet(ctx context.Context, r *run.Runner, o queryOptions, statement, path string) (answer, error) {
	w, err := r.QueryToParquet(ctx, statement, path, o.run())
	return answer{rows: w.Rows, read: w.Read}, err
}

// queryError marks what is wrong with a statement, which is a part of the command line.
func queryError(err error, statement string) error {
	if !errors.Is(err, tidemark.ErrInvalid) {
		return err
	}
	if words := strings.Fields(statement); len(words) > 0 && strings.EqualFold(words[0], "show") {
		err = tidemark.WithHint(err, "`tidemark query --tables` lists the tables, `DESCRIBE NAMESPACE.TABLE` the columns of one")
	}
	return usage(err)
}

// runQueryTables lists the tables of the lake.
func runQueryTables(ctx context.Context, a *app, o queryOptions) error {
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	tables, err := r.Tables(ctx, o.lake)
	if err != nil {
		return err
	}
	for _, id := range tables {
		if a.json {
			err = a.printJSON(id)
		} else {
			_, err = fmt.Fprintln(a.out, printable(id.String()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
