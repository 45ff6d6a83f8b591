// Package config reads the YAML file that says what is loaded from where to where. It is strict: a key that it does
// not know, a value of the wrong type, a connection that is not there are all reported at once, each with line, column
// and what was probably meant. What comes out needs no further checks and never changes; passwords are not in it, only
// references, which are looked up at each use.
//
// The structs in spec.go are the reference of the format. The JSON Schema for editors is made from them, comments
// included.
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
	Pipelines   []Pipeline // of one table each, in the order of the file
	Groups      []Group    // of many tables, in the order of the file: Expand makes pipelines of them
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
}

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
}

// CatalogType is a kind of catalog.
type CatalogType string

const (
	CatalogFolder CatalogType = "folder" // in the lake, beside the data
	CatalogSQLite CatalogType = "sqlite" // in one local file
)

// An Option changes how a config is read.
type Option func(*options)

type options struct {
	secrets   Lookup
	overrides Lookup
	folder    string
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
			"write one with `tidemark init`, or name it with -c FILE")
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
		secrets:  &secretAccess{env: o.secrets, folder: o.folder, aws: f.Secrets},
	}
	c := &Config{Path: name, Connections: b.connections(f.Connections), Catalog: b.catalog(f.Catalog)}
	b.pipelines(c, f.Pipelines)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// A builder turns the structs of the document into a Config and checks what goes beyond the shape of the document.
type builder struct {
	*problems
	folder  string
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
