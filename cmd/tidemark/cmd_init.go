package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/mysql"
	"github.com/tidemark-data/tidemark/internal/propose"
)

type initOptions struct {
	tables      []string
	lake        string
	region      string
	endpoint    string
	format      string
	passwordEnv string
	iam         bool
	tlsMode     string
	tlsCA       string
	socket      string
	force       bool
	schema      bool
}

func newInitCommand(a *app) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init URL",
		Short: "Write a config for a table or a whole database",
		Long: help(`
Writes a config: connects to the server, looks at the tables, and proposes cursor and mode for each, with the reason as
a comment. Without --table it takes all tables of the database, and those that are made later.

URL is mysql://USER@HOST:PORT/DATABASE. The password is read from an environment variable, whose name goes into the
config in place of the password: DATABASE_PASSWORD, with the database's name in capitals, or --password-env.`,
			exitOK, exitFailed, exitUsage),
		Example: `  export SHOP_PASSWORD=…
  tidemark init mysql://etl@db.example.com/shop --table orders --lake s3://my-bucket/lake
  tidemark init mysql://etl@db.example.com/shop --lake ./lake
  tidemark init --schema > tidemark.schema.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runInit(cmd.Context(), a, o, args) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.tables, "table", "t", nil, "a `TABLE`, or a pattern such as order_*; may be repeated")
	f.StringVarP(&o.lake, "lake", "l", "", "where the data goes: s3://BUCKET/PREFIX, or a `FOLDER`")
	f.StringVar(&o.region, "region", "", "the AWS `REGION` of the bucket")
	f.StringVar(&o.endpoint, "endpoint", "", "the `URL` of an S3 server that is not Amazon's")
	f.StringVar(&o.format, "format", "iceberg", "`FORMAT` of the tables: iceberg or parquet")
	f.StringVar(&o.passwordEnv, "password-env", "", "the `VARIABLE` that holds the password")
	f.BoolVar(&o.iam, "iam", false, "log in with AWS IAM in place of a password")
	f.StringVar(&o.tlsMode, "tls", "", "`MODE` of encryption: verify-identity, verify-ca, required or disabled")
	f.StringVar(&o.tlsCA, "tls-ca", "", "`FILE` with the certificates of the authority, or rds")
	f.StringVar(&o.socket, "socket", "", "Unix socket of the server, a `PATH`")
	f.BoolVar(&o.force, "force", false, "overwrite a config that is there")
	f.BoolVar(&o.schema, "schema", false, "print the JSON Schema of the config, for editors, and do nothing else")
	f.SortFlags = false
	return cmd
}

func runInit(ctx context.Context, a *app, o initOptions, args []string) error {
	if o.schema {
		text, err := config.Schema()
		if err == nil {
			_, err = fmt.Fprintf(a.out, "%s\n", text)
		}
		return err
	}
	f, connection, err := initPlan(a, o, args)
	if err != nil {
		return usage(err)
	}
	if err := survey(ctx, o, &f, connection); err != nil {
		return err
	}
	text := f.yaml()
	if err := writeConfig(a.config, text, o.force, config.WithEnvironment(a.env)); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(struct {
			File   string             `json:"file"`
			Tables []propose.Proposal `json:"tables"`
		}{a.config, f.tables})
	}
	_, err = fmt.Fprintf(a.out, "wrote %s with %s; next: tidemark check, tidemark run\n", a.config, count(int64(len(f.tables)), "table"))
	return err
}

// initPlan reads the command line, as far as it goes without the server.
func initPlan(a *app, o initOptions, args []string) (initFile, mysql.Config, error) {
	var f initFile
	if len(args) == 0 {
		return f, mysql.Config{}, errors.New("the server's URL is missing: mysql://USER@HOST:PORT/DATABASE")
	}
	if o.lake == "" {
		return f, mysql.Config{}, errors.New("--lake is missing: s3://BUCKET/PREFIX or a folder")
	}
	if _, err := os.Stat(a.config); err == nil && !o.force {
		return f, mysql.Config{}, tidemark.WithHint(fmt.Errorf("%s is there already", a.config), "name another with -c, or overwrite it with --force")
	}
	connection, password, err := mysql.ParseURL(args[0])
	if err != nil {
		return f, connection, err
	}
	if password != "" {
		return f, connection, tidemark.WithHint(errors.New("a password in the URL"),
			"take it out, export it as a variable, and name that with --password-env")
	}
	f.format = tidemark.Format(o.format)
	if f.format != tidemark.FormatIceberg && f.format != tidemark.FormatParquet {
		return f, connection, fmt.Errorf("--format %q: want iceberg or parquet", o.format)
	}
	f.source = initSource{
		name: propose.PipelineName(connection.Database), url: args[0], socket: o.socket, tlsMode: o.tlsMode, tlsCA: o.tlsCA,
	}
	if connection.Database == "" || f.source.name == "lake" {
		f.source.name = "source"
	}
	f.lake = lakeOf(o, filepath.Dir(a.config))
	return f, connection, f.login(a, o, &connection)
}

// lakeOf reads --lake. A folder is written as it is seen from the folder of the config.
func lakeOf(o initOptions, folder string) initLake {
	if strings.HasPrefix(o.lake, "s3://") {
		return initLake{url: o.lake, region: o.region, endpoint: o.endpoint, pathStyle: o.endpoint != ""}
	}
	path := strings.TrimPrefix(o.lake, "file://")
	if !filepath.IsAbs(path) {
		if from, err := filepath.Rel(folder, path); err == nil {
			path = from
		}
	}
	return initLake{path: path}
}

// login settles how the server is logged in to: with IAM, with the password of a variable, or without one, which is
// for servers on a developer's own machine.
func (f *initFile) login(a *app, o initOptions, connection *mysql.Config) error {
	connection.Socket, connection.TLS.Mode = o.socket, mysql.TLSMode(o.tlsMode)
	connection.TLS.RDSBundle = o.tlsCA == config.CAofRDS
	if !connection.TLS.RDSBundle {
		connection.TLS.CAFile = o.tlsCA
	}
	if o.iam {
		connection.Auth, f.source.auth = mysql.AuthIAM, string(mysql.AuthIAM)
		connection.Region = config.RegionOf(connection.Host)
		return nil
	}
	variable := o.passwordEnv
	if variable == "" {
		variable = strings.ToUpper(strings.ReplaceAll(f.source.name, "-", "_")) + "_PASSWORD"
	}
	password, found := a.env(variable)
	if !found && o.passwordEnv != "" {
		return tidemark.WithHint(fmt.Errorf("the variable %s is not set", variable), "export it before the command")
	}
	if found {
		f.source.passwordEnv = variable
		connection.Password = func(context.Context) (string, error) { return password, nil }
	}
	return nil
}

// survey looks at the tables and fills in what it proposes for them.
func survey(ctx context.Context, o initOptions, f *initFile, connection mysql.Config) error {
	patterns, whole, err := initPatterns(o.tables, connection.Database)
	if err != nil {
		return usage(err)
	}
	names, err := mysql.ListTables(ctx, connection, patterns, nil)
	if err != nil {
		return explainLogin(err, f.source)
	}
	if len(names) == 0 {
		return fmt.Errorf("database %s has no tables that %s may see: %w", connection.Database, connection.User, tidemark.ErrNotFound)
	}
	facts := make([]propose.Facts, len(names))
	columns := make([][]string, len(names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, name := range names {
		g.Go(func() (err error) {
			facts[i], columns[i], err = inspect(gctx, connection, name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	byTable := map[tidemark.TableName][]string{}
	for i := range facts {
		f.tables = append(f.tables, propose.For(facts[i], f.format))
		byTable[names[i]] = columns[i]
	}
	if whole {
		f.whole, f.bundled = connection.Database, propose.Bundles(f.tables, byTable)
	}
	return nil
}

// initPatterns returns what to list, and whether that is the whole database.
func initPatterns(tables []string, database string) (patterns []string, whole bool, err error) {
	if len(tables) == 0 && database == "" {
		return nil, false, errors.New("neither the URL has a database nor --table is set")
	}
	for _, table := range tables {
		if !strings.Contains(table, ".") {
			if database == "" {
				return nil, false, fmt.Errorf("--table %s: the URL has no database: write DATABASE.TABLE", table)
			}
			table = database + "." + table
		}
		patterns = append(patterns, table)
	}
	if len(tables) == 0 {
		return []string{database + ".*"}, true, nil
	}
	return patterns, false, nil
}

// explainLogin tells whom no password was sent to where it may come from.
func explainLogin(err error, s initSource) error {
	if errors.Is(err, tidemark.ErrDenied) && s.passwordEnv == "" && s.auth == "" {
		return tidemark.WithHint(err, fmt.Sprintf("export the password as %s_PASSWORD, or name its variable with --password-env",
			strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))))
	}
	return err
}

// inspect returns what there is to know of a table, and its columns.
func inspect(ctx context.Context, connection mysql.Config, name tidemark.TableName) (propose.Facts, []string, error) {
	facts := propose.Facts{Table: name}
	source, err := mysql.Open(ctx, connection, tidemark.Pipeline{Table: name, Mode: tidemark.ModeReplace}, slog.New(slog.DiscardHandler)) // its warnings are for runs
	if err != nil {
		return facts, nil, err
	}
	defer source.Close()
	schema, err := source.Schema(ctx)
	if err != nil {
		return facts, nil, err
	}
	var columns []string
	for _, c := range schema.Columns {
		columns = append(columns, c.Name)
	}
	facts.Key, facts.Unique = schema.Key, schema.Unique
	facts.Cursors, err = source.Cursors()
	return facts, columns, err
}

// writeConfig checks the config by reading it, and writes it: never over one that is there, but with force.
func writeConfig(path, text string, force bool, opts ...config.Option) error {
	if _, err := config.Parse(path, []byte(text), opts...); err != nil {
		return usage(err) // the command line brought in what is wrong with it
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !force {
		mode |= os.O_EXCL
	}
	file, err := os.OpenFile(path, mode, 0o644)
	if err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
