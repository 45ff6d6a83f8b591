// Command bench measures how fast and in how much memory the tidemark binary loads tables, beside what the same server
// can send to its own client: the raw stream. Both run as whole processes, alternating in one session, so that the
// ratio holds on any machine. It is not a test: nothing fails when a number is bad.
//
// It starts a private MariaDB, or uses the server at -url, and writes a Markdown report.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

type options struct {
	narrow, wide, increment int64
	rounds                  int
	url, client             string
	tidemark, s3server      string
	dir, out                string
	library                 string
}

func main() {
	var o options
	flag.Int64Var(&o.narrow, "narrow", 10_000_000, "`rows` of the orders table; 0 leaves it out")
	flag.Int64Var(&o.wide, "wide", 2_000_000, "`rows` of the table with 25 columns; 0 leaves it out")
	flag.Int64Var(&o.increment, "increment", 100_000, "new `rows` that the incremental run finds")
	flag.IntVar(&o.rounds, "rounds", 3, "how `often` each measurement is taken; the median is reported")
	flag.StringVar(&o.url, "url", "", "a server as mysql://USER@HOST:PORT/ (password in MYSQL_PWD, database bench is replaced) in place of a private MariaDB")
	flag.StringVar(&o.client, "client", "mariadb", "the server's own client, a `command`")
	flag.StringVar(&o.tidemark, "tidemark", "bin/tidemark", "the `binary` to measure")
	flag.StringVar(&o.s3server, "s3server", "bin/s3server", "the local S3 server's `binary`; empty leaves S3 out")
	flag.StringVar(&o.dir, "dir", "", "a `folder` for data, some GB; a temporary one by default")
	flag.StringVar(&o.out, "out", "docs/performance.md", "the `page` whose results are replaced; - prints them")
	flag.StringVar(&o.library, "library", "", "answer this `SQL` by the DuckDB library alone, and measure nothing: what a query is compared with")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.library != "" {
		return ask(ctx, o.library)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "tidemark-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	if o.tidemark, err = filepath.Abs(o.tidemark); err != nil {
		return err
	}
	db, stop, err := openDatabase(ctx, o)
	if err != nil {
		return err
	}
	defer stop()
	lakes, stopLakes, err := openLakes(ctx, o)
	if err != nil {
		return err
	}
	defer stopLakes()

	r := report{machine: describeMachine(), server: db.version}
	if r.tidemark, err = output(ctx, o.tidemark, "version"); err != nil {
		return err
	}
	for _, t := range []table{narrowTable(o.narrow), wideTable(o.wide)} {
		if t.rows == 0 {
			continue
		}
		b := bench{options: o, db: db, lakes: lakes, table: t}
		result, err := b.run(ctx)
		if err != nil {
			return err
		}
		r.tables = append(r.tables, result)
	}
	return r.write(o.out)
}

// bench measures one table.
type bench struct {
	options
	db    *database
	lakes []lake
	table table
}

// result is what was measured of one table.
type result struct {
	table  table
	raw    sample
	loads  []sample // in the order of the lakes
	idle   []sample // runs without news
	growth []sample // incremental runs
	asked  []answer // in the order of the lakes
	lakes  []lake
	added  int64
}

func (b *bench) run(ctx context.Context) (result, error) {
	r := result{table: b.table, lakes: b.lakes, added: b.increment}
	progress("filling %s with %d rows", b.table.name, b.table.rows)
	if err := b.db.fill(ctx, b.table); err != nil {
		return r, err
	}
	raw := make([]sample, b.rounds)
	loads := make([][]sample, len(b.lakes))
	for round := range b.rounds {
		var err error
		if raw[round], err = b.measureRaw(ctx); err != nil {
			return r, err
		}
		for i, l := range b.lakes {
			s, err := b.load(ctx, l)
			if err != nil {
				return r, err
			}
			loads[i] = append(loads[i], s)
		}
	}
	r.raw = median(raw)
	for i, l := range b.lakes {
		r.loads = append(r.loads, median(loads[i]))
		if err := b.verify(ctx, l); err != nil {
			return r, err
		}
		s, err := b.repeat(ctx, l)
		if err != nil {
			return r, err
		}
		r.idle = append(r.idle, s)
		a, err := b.query(ctx, l)
		if err != nil {
			return r, err
		}
		r.asked = append(r.asked, a)
	}
	progress("adding %d rows", b.increment)
	if err := b.db.insert(ctx, b.table, b.table.rows, b.increment); err != nil {
		return r, err
	}
	for _, l := range b.lakes {
		s, err := b.tidemarkRun(ctx, l, "increment")
		if err != nil {
			return r, err
		}
		r.growth = append(r.growth, s)
		if err := b.verify(ctx, l); err != nil {
			return r, err
		}
	}
	return r, nil
}

// measureRaw is what the server can send to one connection of its own client.
func (b *bench) measureRaw(ctx context.Context) (sample, error) {
	cmd := b.db.command(ctx, "--quick", "--skip-column-names", databaseName, "-e", "SELECT * FROM "+b.table.name)
	s, err := measure(cmd)
	if err != nil {
		return s, fmt.Errorf("the raw stream: %w", err)
	}
	progress("%-28s %s", b.table.name+" raw stream", s)
	return s, nil
}

// load is a first load into an empty lake.
func (b *bench) load(ctx context.Context, l lake) (sample, error) {
	if err := l.clear(); err != nil {
		return sample{}, err
	}
	return b.tidemarkRun(ctx, l, "load")
}

// repeat is a run without news, as often as there are rounds.
func (b *bench) repeat(ctx context.Context, l lake) (sample, error) {
	var all []sample
	for range b.rounds {
		s, err := b.tidemarkRun(ctx, l, "no news")
		if err != nil {
			return s, err
		}
		all = append(all, s)
	}
	return median(all), nil
}

// verify counts: a loader that loses rows is fast.
func (b *bench) verify(ctx context.Context, l lake) error {
	count := "SELECT COUNT(*) FROM " + b.table.name
	if l.steps == "sql" {
		count += " WHERE " + b.table.filter
	}
	counted, err := b.db.command(ctx, "--skip-column-names", databaseName, "-e", count).Output()
	if err != nil {
		return fmt.Errorf("count the rows of %s: %w", b.table.name, err)
	}
	want := strings.TrimSpace(string(counted))
	got, err := output(ctx, b.tidemark, "query", "-c", b.configPath(l), "--json", "SELECT count(*) AS rows FROM bench."+b.table.name)
	if err != nil {
		return err
	}
	if got != fmt.Sprintf(`{"rows":%s}`, want) {
		return fmt.Errorf("%s holds %s of %s, want %s rows", l.name, got, b.table.name, want)
	}
	return nil
}

func (b *bench) configPath(l lake) string {
	return filepath.Join(b.dir, strings.NewReplacer(" ", "-", ",", "").Replace(b.table.name+"-"+l.name)+".yaml")
}

func (b *bench) tidemarkRun(ctx context.Context, l lake, what string) (sample, error) {
	path := b.configPath(l)
	if err := os.WriteFile(path, []byte(b.config(l)), 0o600); err != nil {
		return sample{}, err
	}
	cmd := command(ctx, b.tidemark, "run", "-c", path)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+b.db.password)
	s, err := measure(cmd)
	if err != nil {
		return s, fmt.Errorf("%s of %s into %s: %w", what, b.table.name, l.name, err)
	}
	progress("%-28s %s", b.table.name+" "+l.name+" "+what, s)
	return s, nil
}

func (b *bench) config(l lake) string {
	return fmt.Sprintf(`connections:
  db: {type: mysql, url: "%s", password: "${env:MYSQL_PWD}"}
  lake: %s
pipelines:
  %s:
    source: {connection: db, table: %s.%s, cursor: %s}
    target: {connection: lake, table: bench.%s, format: %s, mode: append}%s
`, b.db.url(), l.connection, b.table.name, databaseName, b.table.name, b.table.cursor, b.table.name, l.format, b.transforms(l))
}

// transforms are the steps of a lake, as the config has them.
func (b *bench) transforms(l lake) string {
	switch l.steps {
	case "change_schema":
		return "\n    transforms: [{change_schema: " + b.table.change + "}]"
	case "sql":
		return fmt.Sprintf("\n    transforms: [{sql: %q}]", "SELECT * FROM rows WHERE "+b.table.filter)
	}
	return ""
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
