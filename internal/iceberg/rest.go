package iceberg

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// RESTOptions say how to reach an Iceberg REST catalog. They hold secrets: print none of them.
type RESTOptions struct {
	URI       string // the address below which /v1 is
	Warehouse string // what the server calls the catalog; "" for its default
	CAFile    string // PEM file of the trusted roots; "" for the system's

	Token string // a bearer token; ""

	ClientID     string // of OAuth2 client credentials; ""
	ClientSecret string
	Scope        string // "" for catalog
	TokenURI     string // of the token endpoint; "" for the catalog's own

	SignFor string     // the service of AWS for which requests are signed, such as glue; "" for no signature
	AWS     aws.Config // with region and credentials, for SignFor
}

// restHeads is an Iceberg REST catalog. It differs from the others: the server makes the metadata file itself, of updates,
// when what they require holds. A change of what they do not touch, such as a comment, does not stand in their way, so
// each of our changes requires all that it was built on (fence), and what the list of requirements cannot express has a
// fence of its own: see pinTag and lastSchema.
//
// Transport, credentials and the server's own settings are iceberg-go's matter. It sends nothing twice.
//
// Failpoint: iceberg.rest.sent, between the server's answer to a change and all that is made of it.
type restHeads struct {
	options RESTOptions
	store   Storage
	root    root

	opening sync.Mutex
	client  *rest.Catalog // nil before the first use
}

var (
	_ heads     = (*restHeads)(nil)
	_ forgetter = (*restHeads)(nil)
)

// restTimeout bounds a request.
const restTimeout = time.Minute

// do calls the server. Its configuration is asked for by the first call that succeeds, so that a lake can be opened, and
// its Parquet folders used, while the catalog is away.
func (h *restHeads) do(ctx context.Context, doing string, call func(context.Context, *rest.Catalog) error) error {
	limited, cancel := context.WithTimeout(ctx, restTimeout)
	defer cancel()
	client, err := h.connect(limited)
	if err == nil {
		err = call(limited, client)
	}
	if err == nil {
		return nil
	}
	return h.fail(ctx, doing, err)
}

func (h *restHeads) connect(ctx context.Context) (*rest.Catalog, error) {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.client != nil {
		return h.client, nil
	}
	options, err := h.options.forClient()
	if err != nil {
		return nil, err
	}
	h.client, err = rest.NewCatalog(ctx, "tidemark", h.options.URI, options...)
	return h.client, err
}

func (o RESTOptions) forClient() ([]rest.Option, error) {
	options := []rest.Option{
		// The lake's own connection leads to its files, so no credentials of the catalog are asked for.
		rest.WithHeaders(map[string]string{"X-Iceberg-Access-Delegation": "", "User-Agent": "tidemark"}),
		// A commit that stood on a part of the snapshots would lose the others.
		rest.WithAdditionalProps(iceberg.Properties{"snapshot-loading-mode": string(rest.SnapshotModeAll)}),
	}
	if o.Warehouse != "" {
		options = append(options, rest.WithWarehouseLocation(o.Warehouse))
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the trusted roots: %w: %w", tidemark.ErrInvalid, err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate: %w", o.CAFile, tidemark.ErrInvalid)
		}
		options = append(options, rest.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}))
	}
	switch {
	case o.SignFor != "":
		options = append(options, rest.WithAwsConfig(o.AWS), rest.WithSigV4RegionSvc(o.AWS.Region, o.SignFor))
	case o.Token != "":
		options = append(options, rest.WithOAuthToken(o.Token))
	case o.ClientSecret != "":
		options = append(options, rest.WithCredential(o.ClientID+":"+o.ClientSecret), rest.WithScope(cmp.Or(o.Scope, "catalog")))
	}
	if o.TokenURI != "" {
		u, err := url.Parse(o.TokenURI)
		if err != nil {
			return nil, fmt.Errorf("address of the token endpoint: %w: %w", tidemark.ErrInvalid, err)
		}
		options = append(options, rest.WithAuthURI(u))
	}
	return options, nil
}

func (h *restHeads) load(ctx context.Context, id tidemark.TableID) (location string, data []byte, err error) {
	t, err := h.find(ctx, id)
	if err != nil {
		return "", nil, err
	}
	if _, err := h.root.key(t.Location() + "/"); err != nil {
		return "", nil, tidemark.WithHint(fmt.Errorf("table %s of the REST catalog: %w", id, err),
			"only tables in the lake of the config are used; drop it there, or give the target another name")
	}
	data, err = encode(t.Metadata())
	return t.MetadataLocation(), data, err
}

func (h *restHeads) find(ctx context.Context, id tidemark.TableID) (t *table.Table, err error) {
	err = h.do(ctx, fmt.Sprintf("find table %s", id), func(ctx context.Context, c *rest.Catalog) error {
		t, err = c.LoadTable(ctx, identifier(id))
		return err
	})
	return t, err
}

func (h *restHeads) swap(ctx context.Context, v version) (metadata table.Metadata, location string, err error) {
	if v.old == "" {
		metadata, location, err = h.create(ctx, v)
	} else {
		err = h.do(ctx, fmt.Sprintf("change table %s", v.id), func(ctx context.Context, c *rest.Catalog) error {
			metadata, location, err = c.CommitTable(ctx, identifier(v.id), fence(v.base, v.require), v.updates)
			return err
		})
	}
	if err != nil {
		return nil, "", err
	}
	return metadata, location, failpoint.Hit("iceberg.rest.sent")
}

// create makes a table, and its namespace when that is missing. A server takes one partitioning, and the one that is for
// deletes comes first: Prepare finds that more is wanted, and adds it.
func (h *restHeads) create(ctx context.Context, v version) (table.Metadata, string, error) {
	var t *table.Table
	make := func(ctx context.Context, c *rest.Catalog) (err error) {
		properties := iceberg.Properties{table.PropertyFormatVersion: "2"}
		for key, value := range v.metadata.Properties() {
			properties[key] = value
		}
		t, err = c.CreateTable(ctx, identifier(v.id), v.metadata.CurrentSchema(),
			icecatalog.WithLocation(v.metadata.Location()), icecatalog.WithPartitionSpec(iceberg.UnpartitionedSpec), icecatalog.WithProperties(properties))
		if errors.Is(err, icecatalog.ErrTableAlreadyExists) {
			return lost(v.id, err)
		}
		return err
	}
	doing := fmt.Sprintf("make table %s", v.id)
	err := h.do(ctx, doing, make)
	if errors.Is(err, tidemark.ErrNotFound) {
		err = h.do(ctx, fmt.Sprintf("make namespace %s", v.id.Namespace), func(ctx context.Context, c *rest.Catalog) error {
			err := c.CreateNamespace(ctx, table.Identifier{v.id.Namespace}, nil)
			if errors.Is(err, icecatalog.ErrNamespaceAlreadyExists) {
				return nil
			}
			return err
		})
		if err == nil {
			err = h.do(ctx, doing, make)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if plainURI(strings.TrimRight(t.Location(), "/")) != plainURI(v.metadata.Location()) {
		return nil, "", tidemark.WithHint(
			fmt.Errorf("the REST catalog has put table %s at %s, and not at %s in the lake: %w", v.id, t.Location(), v.metadata.Location(), tidemark.ErrInvalid),
			"allow the catalog's warehouse to have tables there, and drop the empty table; a catalog that chooses the place itself, such as S3 Tables, cannot be used")
	}
	return t.Metadata(), t.MetadataLocation(), nil
}

// fence returns what a change requires beside what it says itself: that nothing is different of what it was built on. Only
// properties, and snapshots that no branch or tag names, may have changed.
func fence(base table.Metadata, require []table.Requirement) []table.Requirement {
	fenced := []table.Requirement{
		table.AssertTableUUID(base.TableUUID()),
		table.AssertCurrentSchemaID(base.CurrentSchema().ID),
		table.AssertLastAssignedFieldID(base.LastColumnID()),
		table.AssertDefaultSpecID(base.DefaultPartitionSpec()),
	}
	if last := base.LastPartitionSpecID(); last != nil {
		fenced = append(fenced, table.AssertLastAssignedPartitionID(*last))
	}
	refs := map[string]*int64{table.MainBranch: nil, pinTag: nil}
	for name, ref := range base.Refs() {
		refs[name] = &ref.SnapshotID
	}
	for name, id := range refs {
		fenced = append(fenced, table.AssertRefSnapshotID(name, id))
	}
	for _, r := range require {
		switch r.GetType() {
		case "assert-table-uuid", "assert-current-schema-id", "assert-ref-snapshot-id": // of the same base
		default:
			fenced = append(fenced, r)
		}
	}
	return fenced
}

// list returns the tables of this lake. Those that lie elsewhere belong to others.
func (h *restHeads) list(ctx context.Context) (tables []place, err error) {
	var all []tidemark.TableID
	err = h.do(ctx, "list tables", func(ctx context.Context, c *rest.Catalog) error {
		namespaces, err := c.ListNamespaces(ctx, nil)
		if err != nil {
			return err
		}
		for _, n := range namespaces {
			if len(n) != 1 {
				continue
			}
			for ident, err := range c.ListTables(ctx, n) {
				if errors.Is(err, icecatalog.ErrNoSuchNamespace) {
					break // dropped meanwhile
				}
				if err != nil {
					return err
				}
				if id, err := tableID(ident); err == nil {
					all = append(all, id)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ours := make([]string, len(all)) // where the metadata file lies of a table that is ours
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelManifests)
	for i, id := range all {
		g.Go(func() error {
			t, err := h.find(ctx, id)
			if errors.Is(err, tidemark.ErrNotFound) {
				return nil
			}
			if err == nil {
				if _, elsewhere := h.root.key(t.Location() + "/"); elsewhere == nil {
					ours[i] = t.MetadataLocation()
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, id := range all {
		if ours[i] != "" {
			tables = append(tables, place{id: id, metadata: ours[i], size: -1})
		}
	}
	return tables, nil
}

// forget lets the server drop the table, which leaves its files, and then removes its last metadata file. The server looks
// at no version: between the look here and the drop only another drop could come, as a marked table takes no commit.
func (h *restHeads) forget(ctx context.Context, id tidemark.TableID, location string) error {
	t, err := h.find(ctx, id)
	if err != nil {
		return err
	}
	if t.MetadataLocation() != location {
		return lost(id, nil)
	}
	err = h.do(ctx, fmt.Sprintf("drop table %s", id), func(ctx context.Context, c *rest.Catalog) error {
		return c.DropTable(ctx, identifier(id))
	})
	if err != nil {
		return err
	}
	if key, err := h.root.key(location); err == nil {
		return h.store.Delete(ctx, key)
	}
	return nil
}

func (h *restHeads) loose() bool { return true }

func (h *restHeads) close() error {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.client == nil {
		return nil
	}
	return h.client.Close()
}

// fail says what was being done, and gives an error of the server its kind. A kind is never what tells whether a change
// was made: see Target.Commit.
func (h *restHeads) fail(ctx context.Context, doing string, err error) error {
	doing += " in the REST catalog " + h.options.URI
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	var unknownRoot x509.UnknownAuthorityError
	var plain tls.RecordHeaderError
	wrap := func(kind error) error { return fmt.Errorf("%s: %w: %w", doing, kind, err) }
	switch {
	case errors.Is(err, table.ErrCommitFailed), errors.Is(err, tidemark.ErrInvalid):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, rest.ErrUnauthorized), errors.Is(err, rest.ErrAuthorizationExpired), errors.Is(err, rest.ErrOAuthError):
		return tidemark.WithHint(wrap(tidemark.ErrDenied), "look at token, or client_id and client_secret, of the section catalog")
	case errors.Is(err, rest.ErrForbidden):
		return tidemark.WithHint(wrap(tidemark.ErrDenied), "let the owner of the catalog grant this to the client")
	case errors.Is(err, icecatalog.ErrNoSuchTable), errors.Is(err, icecatalog.ErrNoSuchNamespace):
		return wrap(tidemark.ErrNotFound)
	case errors.Is(err, rest.ErrBadRequest):
		return wrap(tidemark.ErrInvalid)
	case errors.As(err, &unknownRoot):
		return tidemark.WithHint(wrap(tidemark.ErrInvalid), "set ca in the section catalog to the certificate of who signs for the server")
	case errors.As(err, &plain), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return tidemark.WithHint(wrap(tidemark.ErrInvalid), "the server speaks http: write uri: http://...")
	case h.client == nil && errors.Is(err, rest.ErrRESTError) && !errors.Is(err, rest.ErrServerError) && !errors.Is(err, rest.ErrServiceUnavailable):
		return tidemark.WithHint(wrap(tidemark.ErrInvalid), "look at uri and warehouse of the section catalog: /v1/config is asked for there")
	}
	return wrap(tidemark.ErrTransient)
}
