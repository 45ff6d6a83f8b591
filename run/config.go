package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
)

// A Config is what a config file says, built in Go: [Open] takes it. The fields are the keys of the file, docs/config.md
// is their reference, and a field that is left out has the default that the key has. Durations and sizes are text, as in the
// file: "15m", "256MiB". Secrets are references and never values: "${env:SHOP_PASSWORD}".
type Config struct {
	Folder string `json:"-"` // where relative paths begin; "" is the working directory

	Connections Connections     `json:"connections"`
	Catalog     *Catalog        `json:"catalog,omitempty"`
	Secrets     *SecretsManager `json:"secrets,omitempty"`
	Server      *Server         `json:"server,omitempty"`

	Notifications map[string]Notification `json:"notifications,omitempty"` // by name

	Defaults  *Defaults           `json:"defaults,omitempty"`
	Pipelines map[string]Pipeline `json:"pipelines"` // by name, for good: the watermark in the lake is kept under it
}

// Connections are databases and lakes, by name.
type Connections map[string]Connection

// A Connection is a [MySQL], an [S3] or a [Folder].
type Connection interface{ connectionType() string }

// A MySQL is a MySQL or MariaDB server.
type MySQL struct {
	URL      string `json:"url,omitempty"` // mysql://USER@HOST:PORT/DATABASE
	Socket   string `json:"socket,omitempty"`
	Password string `json:"password,omitempty"` // a reference, such as ${env:SHOP_PASSWORD}
	Auth     string `json:"auth,omitempty"`
	Region   string `json:"region,omitempty"`
	TLS      *TLS   `json:"tls,omitempty"`
	ReadRate int64  `json:"read_rate,omitempty"`
	MaxRuns  int    `json:"max_runs,omitempty"`
}

// TLS is the encryption of a MySQL connection.
type TLS struct {
	Mode       string `json:"mode,omitempty"`
	CA         string `json:"ca,omitempty"`
	ServerName string `json:"server_name,omitempty"`
}

// An S3 is a lake in a bucket.
type S3 struct {
	URL        string `json:"url,omitempty"` // s3://BUCKET/PREFIX
	Region     string `json:"region,omitempty"`
	Endpoint   string `json:"endpoint,omitempty"`
	PathStyle  bool   `json:"path_style,omitempty"`
	AccessKey  string `json:"access_key,omitempty"` // a reference
	SecretKey  string `json:"secret_key,omitempty"` // a reference
	RoleARN    string `json:"role_arn,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	SSE        string `json:"sse,omitempty"`
	KMSKey     string `json:"kms_key,omitempty"`
	MaxRuns    int    `json:"max_runs,omitempty"`
}

// A Folder is a lake on the local disk.
type Folder struct {
	URL     string `json:"url,omitempty"`
	Path    string `json:"path,omitempty"`
	MaxRuns int    `json:"max_runs,omitempty"`
}

func (MySQL) connectionType() string  { return "mysql" }
func (S3) connectionType() string     { return "s3" }
func (Folder) connectionType() string { return "file" }

// A Catalog is where the list of the lake's tables is kept.
type Catalog struct {
	Type           string `json:"type,omitempty"`
	Path           string `json:"path,omitempty"`
	URI            string `json:"uri,omitempty"`
	Warehouse      string `json:"warehouse,omitempty"`
	Token          string `json:"token,omitempty"` // a reference
	ClientID       string `json:"client_id,omitempty"`
	ClientSecret   string `json:"client_secret,omitempty"` // a reference
	Scope          string `json:"scope,omitempty"`
	TokenURL       string `json:"token_url,omitempty"`
	Sign           string `json:"sign,omitempty"`
	CA             string `json:"ca,omitempty"`
	Region         string `json:"region,omitempty"`
	Endpoint       string `json:"endpoint,omitempty"`
	CatalogID      string `json:"catalog_id,omitempty"`
	DatabasePrefix string `json:"database_prefix,omitempty"`
	AccessKey      string `json:"access_key,omitempty"` // a reference
	SecretKey      string `json:"secret_key,omitempty"` // a reference
	RoleARN        string `json:"role_arn,omitempty"`
	ExternalID     string `json:"external_id,omitempty"`
}

// SecretsManager is the access to AWS Secrets Manager.
type SecretsManager struct {
	Region   string `json:"region,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
}

// A Server is what tidemark serve goes by. A Runner does not.
type Server struct {
	Listen  string     `json:"listen,omitempty"`
	Hosts   []string   `json:"hosts,omitempty"`
	Proxies []string   `json:"proxies,omitempty"`
	TLS     *ServerTLS `json:"tls,omitempty"`

	Store       string `json:"store,omitempty"`
	Parallel    int    `json:"parallel,omitempty"`
	KeepRuns    string `json:"keep_runs,omitempty"`
	StopTimeout string `json:"stop_timeout,omitempty"`

	URL     string   `json:"url,omitempty"`
	Lineage *Lineage `json:"lineage,omitempty"`
}

// ServerTLS is how connections to a server are encrypted.
type ServerTLS struct {
	Cert string `json:"cert,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Lineage is where a server sends OpenLineage events to.
type Lineage struct {
	URL       string `json:"url,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	APIKey    string `json:"api_key,omitempty"` // a reference
}

// A Notification is a place where a server tells what becomes of runs.
type Notification struct {
	Type      string   `json:"type"`             // webhook or slack
	URL       string   `json:"url,omitempty"`    // for slack a reference
	Secret    string   `json:"secret,omitempty"` // a reference
	On        []string `json:"on,omitempty"`
	Pipelines []string `json:"pipelines,omitempty"`
	Repeat    string   `json:"repeat,omitempty"`
}

// Defaults are what pipelines share.
type Defaults struct {
	Source      *Source `json:"source,omitempty"` // without tables
	Target      *Target `json:"target,omitempty"`
	Maintenance string  `json:"maintenance,omitempty"`
	Retries     *int    `json:"retries,omitempty"`
	Timeout     string  `json:"timeout,omitempty"`
	Priority    int     `json:"priority,omitempty"`
	Freshness   string  `json:"freshness,omitempty"`
}

// A Pipeline is one source table and one target table, or many of both.
type Pipeline struct {
	Source      Source  `json:"source"`
	Transforms  []Step  `json:"transforms,omitempty"`
	Checks      []Check `json:"checks,omitempty"`
	Target      Target  `json:"target"`
	Maintenance string  `json:"maintenance,omitempty"`

	// What tidemark serve goes by. A Runner does not.
	Triggers []Trigger `json:"triggers,omitempty"`
	Retries  *int      `json:"retries,omitempty"`
	Timeout  string    `json:"timeout,omitempty"`
	Priority int       `json:"priority,omitempty"`

	Freshness string `json:"freshness,omitempty"`
}

// A Trigger is what starts runs, of one kind.
type Trigger struct {
	Name    string   `json:"name,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
	Cron    string   `json:"cron,omitempty"`
	Zone    string   `json:"zone,omitempty"`
	CatchUp string   `json:"catch_up,omitempty"`
	Every   string   `json:"every,omitempty"`
	After   []string `json:"after,omitempty"`
	On      string   `json:"on,omitempty"`
	Of      string   `json:"of,omitempty"`
	Object  *Objects `json:"object,omitempty"`
	Source  string   `json:"source,omitempty"`
	Webhook *Webhook `json:"webhook,omitempty"`
}

// A Webhook is how a request proves that it may start a run, by one of two references.
type Webhook struct {
	Token  string `json:"token,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// Objects is where a trigger looks for new objects, or hears of them.
type Objects struct {
	Connection string `json:"connection,omitempty"`
	Prefix     string `json:"prefix,omitempty"`
	Queue      string `json:"queue,omitempty"`
	Every      string `json:"every,omitempty"`
}

// A Source is what is read.
type Source struct {
	Connection   string   `json:"connection,omitempty"`
	Table        string   `json:"table,omitempty"`
	Tables       []string `json:"tables,omitempty"`
	Exclude      []string `json:"exclude,omitempty"`
	Cursor       []string `json:"cursor,omitempty"`
	Columns      []string `json:"columns,omitempty"`
	Where        string   `json:"where,omitempty"`
	Nulls        string   `json:"nulls,omitempty"`
	ZeroDates    string   `json:"zero_dates,omitempty"`
	CursorZone   string   `json:"cursor_zone,omitempty"`
	SettleOn     string   `json:"settle_on,omitempty"`
	Lateness     string   `json:"lateness,omitempty"`
	LatenessRows *int64   `json:"lateness_rows,omitempty"`
	Slack        string   `json:"slack,omitempty"`
	SettleWait   string   `json:"settle_wait,omitempty"`
	Splits       int      `json:"splits,omitempty"`
	OverlapLimit int64    `json:"overlap_limit,omitempty"`

	WatermarkTable *WatermarkTable `json:"watermark_table,omitempty"`
}

// A WatermarkTable is a table of (tablename, last_fetched).
type WatermarkTable struct {
	Table      string `json:"table,omitempty"`
	Connection string `json:"connection,omitempty"`
	Name       string `json:"name,omitempty"`
	First      string `json:"first,omitempty"`
	Insert     *bool  `json:"insert,omitempty"`
}

// A Target is what is written.
type Target struct {
	Connection  string   `json:"connection,omitempty"`
	Table       string   `json:"table,omitempty"`
	Format      string   `json:"format,omitempty"`
	Mode        string   `json:"mode,omitempty"`
	Key         []string `json:"key,omitempty"`
	Deletes     string   `json:"deletes,omitempty"`
	SweepEvery  string   `json:"sweep_every,omitempty"`
	MarkColumn  string   `json:"mark_column,omitempty"`
	PartitionBy []string `json:"partition_by,omitempty"`
	Schema      string   `json:"schema,omitempty"`
	FileSize    string   `json:"file_size,omitempty"`
}

// A Step changes rows: it has ChangeSchema (with Order), SQL (with Lookups) or Go, the name of a [Func] in Options.Steps.
type Step struct {
	Name         string            `json:"name,omitempty"`
	ChangeSchema map[string]Column `json:"change_schema,omitempty"`
	Order        []string          `json:"order,omitempty"`
	SQL          string            `json:"sql,omitempty"`
	Lookups      map[string]Lookup `json:"lookups,omitempty"`
	Go           string            `json:"go,omitempty"`
}

// A Column is what change_schema makes of a column.
type Column struct {
	Rename string `json:"rename,omitempty"`
	Type   string `json:"type,omitempty"`
	OnFail string `json:"on_fail,omitempty"`
	Drop   bool   `json:"drop,omitempty"`
}

// A Lookup is a table that a step of SQL may read beside the rows.
type Lookup struct {
	Connection string `json:"connection,omitempty"`
	Table      string `json:"table,omitempty"`
}

// A Check is what must hold of the rows that a run publishes. It has one kind.
type Check struct {
	Name           string          `json:"name,omitempty"`
	OnFail         string          `json:"on_fail,omitempty"`
	NotNull        []string        `json:"not_null,omitempty"`
	Unique         []string        `json:"unique,omitempty"`
	In             string          `json:"in,omitempty"`
	AcceptedValues *AcceptedValues `json:"accepted_values,omitempty"`
	Range          *Range          `json:"range,omitempty"`
	Regex          *Regex          `json:"regex,omitempty"`
	RowCount       *RowCount       `json:"row_count,omitempty"`
	Freshness      string          `json:"freshness,omitempty"`

	SQL     string            `json:"sql,omitempty"`
	Lookups map[string]Lookup `json:"lookups,omitempty"`
}

// AcceptedValues are all that a column may hold.
type AcceptedValues struct {
	Column string   `json:"column,omitempty"`
	Values []string `json:"values,omitempty"`
}

// A Range bounds a column, on one side or on both.
type Range struct {
	Column string `json:"column,omitempty"`
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
}

// A Regex is what the texts of a column look like.
type Regex struct {
	Column  string `json:"column,omitempty"`
	Pattern string `json:"pattern,omitempty"`
}

// A RowCount bounds the rows of a run. A Max of 0 is none.
type RowCount struct {
	Min int64 `json:"min"`
	Max int64 `json:"max,omitempty"`
}

// MarshalJSON writes each connection with its type.
func (c Connections) MarshalJSON() ([]byte, error) {
	all := map[string]any{}
	for name, connection := range c {
		if connection == nil {
			return nil, fmt.Errorf("connection %s is nil: %w", name, tidemark.ErrInvalid)
		}
		text, err := json.Marshal(connection)
		if err != nil {
			return nil, err
		}
		keys := map[string]any{}
		if err := json.Unmarshal(text, &keys); err != nil {
			return nil, err
		}
		keys["type"] = connection.connectionType()
		all[name] = keys
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Connections) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	*c = Connections{}
	for name, one := range all {
		var is struct{ Type string }
		err := json.Unmarshal(one, &is)
		if err != nil {
			return err
		}
		switch is.Type {
		case "mysql":
			(*c)[name], err = connectionOf[MySQL](one)
		case "s3":
			(*c)[name], err = connectionOf[S3](one)
		default:
			(*c)[name], err = connectionOf[Folder](one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func connectionOf[T Connection](text []byte) (c T, err error) {
	err = json.Unmarshal(text, &c)
	return c, err
}

// Open returns a Runner for a config that is built in Go. Mistakes in it are ErrInvalid, all of them in one error, which
// names each by its path in the file's format (pipelines.orders.source.cursor). As with a file, variables of the environment
// such as TIDEMARK_CONNECTIONS_SHOP_URL win over it. Nothing is connected yet. The caller closes the Runner.
func Open(cfg Config, o Options) (*Runner, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(cfg); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	parsed, err := config.Parse(filepath.Join(cfg.Folder, "config"), text.Bytes(), config.WithEnvironment(os.LookupEnv))
	if err != nil {
		return nil, unplaced(err)
	}
	return New(parsed, o), nil
}

// unplaced takes lines and columns out of problems: what is built in Go has none.
func unplaced(err error) error {
	var all *config.Errors
	if !errors.As(err, &all) {
		return err
	}
	for i := range all.Problems {
		all.Problems[i].Line, all.Problems[i].Column = 0, 0
	}
	all.File = "config"
	return all
}

// Parse reads a config from text in the format of the file. Relative paths in it begin in the working directory. Mistakes
// are ErrInvalid, all of them in one error.
func Parse(yaml string, o Options) (*Runner, error) {
	cfg, err := config.Parse("config", []byte(yaml), config.WithEnvironment(os.LookupEnv))
	if err != nil {
		return nil, err
	}
	return New(cfg, o), nil
}

// Config returns what the config says of one pipeline, alone: as a Config that can be opened by itself, with the file's defaults
// filled in, and without what is the default anyway. Secrets stay references, and variables of the environment that win over
// the file are not in it. For a table of a group the source is asked which tables there are.
func (r *Runner) Config(ctx context.Context, pipeline string) (Config, error) {
	for _, g := range r.cfg.Groups {
		if g.Name == pipeline {
			return Config{}, tidemark.WithHint(fmt.Errorf("%s stands for many pipelines: %w", pipeline, tidemark.ErrInvalid),
				fmt.Sprintf("name one of them as %s.TABLE", pipeline))
		}
	}
	p, err := r.alone(ctx, pipeline)
	if err != nil {
		return Config{}, err
	}
	e, err := r.cfg.Excerpt(p)
	if err != nil {
		return Config{}, err
	}
	c := Config{Folder: e.Folder}
	decoder := json.NewDecoder(bytes.NewReader(e.JSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("config of pipeline %s: %w", p.ID, err)
	}
	return c, nil
}
