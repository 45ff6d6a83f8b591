// Package config reads the YAML file that says what is loaded from where to where. It is strict: a key that it does
// not know, a value of the wrong type, a connection that is not there are all reported at once, each with line, column
// and what was probably meant. What comes out needs no further checks and never changes; passwords are not in it, only
// references, which are looked up at each use.
//
// The file can be edited without a change to what people wrote around the place: Section, Put and Remove work on its
// text, Save replaces it.
//
// The structs in the files spec*.go are the reference of the format. The JSON Schema for editors is made from them,
// comments included.
package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tidemark-data/tidemark"
)

// A Config is what one file says, checked and with all defaults filled in.
type Config struct {
	Path        string // of the file
	Connections map[string]Connection
	Catalog     Catalog
	Pipelines   []Pipeline     // of one table each, in the order of the file
	Groups      []Group        // of many tables, in the order of the file: Expand makes pipelines of them
	MaxRuns     map[string]int // by connection: of a server's runs at the same time; those that have a limit
	Server      Server

	Notifications []Notification // in the order of the file

	Triggers []tidemark.Trigger // of all pipelines and groups, in the order of the file
	Webhooks map[tidemark.TriggerID]Webhook

	text []byte // as it was read
}

// A Pipeline is a tidemark.Pipeline with the names of its connections.
type Pipeline struct {
	tidemark.Pipeline

	Source    string // a *MySQL
	Lake      string // an *S3 or a *Folder
	SettleOn  string // a *MySQL: the primary of a replica; "" means the source itself
	ZeroDates ZeroDates
	Steps     []Step  // that change rows on their way
	Checks    []Check // of what lands
	Runs      Runs

	Watermarks *WatermarkTable // nil: none
}

// A WatermarkTable is a table of (tablename, last_fetched), and the name that a pipeline's source has in it.
type WatermarkTable struct {
	Table      tidemark.TableName
	Connection string // a *MySQL: that of the source, or one of its own
	Name       string
	First      tidemark.FirstWindow
	Inserts    bool // runs add rows; then Connection is one of its own
}

// A Webhook is how a request proves that it may let a trigger fire: by a token, or by a signature with a key. The other one is
// zero.
type Webhook struct{ Token, Key Secret }

// ZeroDates says what dates such as 0000-00-00 become.
type ZeroDates string

const (
	ZeroDatesNull  ZeroDates = "null"  // NULL, counted and reported
	ZeroDatesError ZeroDates = "error" // such a row fails the run
)

// A Catalog is where the list of the lake's tables is kept.
type Catalog struct {
	Type CatalogType
	Path string // of a CatalogSQLite, absolute
	Glue Glue   // of a CatalogGlue
	REST REST   // of a CatalogREST
}

// Glue is how to reach an AWS Glue Data Catalog.
type Glue struct {
	Region         string // "" for that of the AWS environment
	Endpoint       string // of another server than Amazon's; ""
	CatalogID      string // the account that owns the catalog; "" for that of the credentials
	DatabasePrefix string // what the database of a namespace begins with
	AccessKey      Secret // zero for the credentials of the AWS environment
	SecretKey      Secret
	RoleARN        string
	ExternalID     string
}

// REST is how to reach an Iceberg REST catalog.
type REST struct {
	URI          string // below which /v1 is
	Warehouse    string // "" for the server's default
	Token        Secret // zero where there is another way
	ClientID     string // of OAuth2; "" where there is another way
	ClientSecret Secret
	Scope        string // "" for the usual one
	TokenURL     string // "" for the catalog's own
	Sign         string // the service of AWS that requests are signed for; "" for no signature
	AWS          Glue   // region, keys and role, for Sign
	CA           string // an absolute path; "" for what the machine trusts
}

// CatalogType is a kind of catalog.
type CatalogType string

const (
	CatalogFolder CatalogType = "folder" // in the lake, beside the data
	CatalogSQLite CatalogType = "sqlite" // in one local file
	CatalogGlue   CatalogType = "glue"   // in the AWS Glue Data Catalog
	CatalogREST   CatalogType = "rest"   // in a server that speaks Iceberg's REST protocol
)

// An Option changes how a config is read.
type Option func(*options)

type options struct {
	secrets   Lookup
	overrides Lookup
	folder    string
	empty     bool
}

// MayBeEmpty lets a file be without connections and pipelines: those who edit it by the console begin with one.
func MayBeEmpty() Option {
	return func(o *options) { o.empty = true }
}

// WithEnvironment takes the values of references such as ${env:NAME} from lookup, and lets variables override
// values of the file: TIDEMARK_CONNECTIONS_SHOP_URL the value at connections.shop.url. Without it references read
// the environment of the process and nothing is overridden.
func WithEnvironment(lookup Lookup) Option {
	return func(o *options) { o.secrets, o.overrides = lookup, lookup }
}

// Load reads the file at path. A missing file is ErrNotFound; mistakes in it are *Errors, which is ErrInvalid.
func Load(path string, opts ...Option) (*Config, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, tidemark.WithHint(fmt.Errorf("config %s: %w", path, tidemark.ErrNotFound),
			"write one with `tidemark init`, or name it with -c FILE; `tidemark serve` takes an empty file too")
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, data, opts...)
}

// Parse reads data as the file of that name; relative paths in it begin in the name's folder. Mistakes are *Errors,
// which is ErrInvalid.
func Parse(name string, data []byte, opts ...Option) (*Config, error) {
	folder, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", name, err)
	}
	o := options{secrets: os.LookupEnv, folder: folder}
	for _, opt := range opts {
		opt(&o)
	}
	f, problems := parse(name, data, o.overrides)
	if f == nil {
		return nil, problems.err()
	}
	b := &builder{
		problems: problems,
		folder:   o.folder,
		empty:    o.empty,
		env:      o.overrides,
		secrets:  &secretAccess{env: o.secrets, folder: o.folder, aws: f.Secrets},
	}
	c := &Config{Path: name, text: data, Webhooks: map[tidemark.TriggerID]Webhook{}, Connections: b.connections(f.Connections), Catalog: b.catalog(f.Catalog)}
	b.catalogOfLakes(c)
	c.Server, c.MaxRuns = b.server(f.Server), b.maxRuns(f.Connections)
	c.Notifications = b.notifications(f.Notifications, f.Pipelines)
	b.pipelines(c, f.Pipelines)
	b.triggers(c, f.Pipelines)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// A builder turns the structs of the document into a Config and checks what goes beyond the shape of the document.
type builder struct {
	*problems
	folder  string
	empty   bool   // there may be no connections and no pipelines
	env     Lookup // of overrides; nil: none
	secrets *secretAccess
}

// bind gives a secret what it needs to be resolved.
func (b *builder) bind(s Secret) Secret {
	s.access = b.secrets
	return s
}

// inOrder returns the keys of a map in the order in which they stand in the document.
func inOrder[V any](ps *problems, path string, m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		p, q := ps.places[join(path, a)], ps.places[join(path, b)]
		return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column), cmp.Compare(a, b))
	})
	return keys
}
