// Package glue speaks with the AWS Glue Data Catalog: it keeps a client, the names of databases and the meaning of
// errors, and registers folders of Parquet files as tables there. Iceberg tables in the catalog are the matter of
// package iceberg.
package glue

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
)

// Options say how to reach an AWS Glue Data Catalog. They hold secrets: print none of them.
type Options struct {
	amazon.Access
	Endpoint       string // of another server than Amazon's; ""
	CatalogID      string // the account that owns the catalog; "" for that of the credentials
	DatabasePrefix string // what the database of a namespace begins with
}

// A Client is an opened catalog. It is safe for concurrent use.
type Client struct {
	API     *glue.Client
	Catalog *string // the CatalogId of all requests

	prefix    string
	transport *awshttp.BuildableClient
}

// timeout bounds a request, retries excluded.
const timeout = time.Minute

// Open finds the credentials; it does not talk to Glue. The caller closes the client.
func Open(ctx context.Context, g Options) (*Client, error) {
	c := &Client{prefix: g.DatabasePrefix, transport: awshttp.NewBuildableClient().WithTimeout(timeout)}
	if g.CatalogID != "" {
		c.Catalog = aws.String(g.CatalogID)
	}
	cfg, err := g.Config(ctx, awsconfig.WithHTTPClient(c.transport))
	if err != nil {
		return nil, err
	}
	c.API = glue.NewFromConfig(cfg, func(o *glue.Options) {
		if g.Endpoint != "" {
			o.BaseEndpoint = aws.String(g.Endpoint)
		}
	})
	return c, nil
}

// Close frees the connections.
func (c *Client) Close() error {
	c.transport.GetTransport().CloseIdleConnections()
	return nil
}

// Once is the option of every request that changes something: it is not sent again by itself. To a request that was
// executed, but whose answer was lost, the second answer would be that another process was faster.
func Once(o *glue.Options) { o.Retryer = aws.NopRetryer{} }

// Glue keeps all names in lower case, so that two names would be one.
var nameForm = regexp.MustCompile(`^[a-z0-9_-]{1,255}$`)

// Database returns the name of a table's database. A table that Glue cannot name is tidemark.ErrInvalid.
func (c *Client) Database(id tidemark.TableID) (string, error) {
	database := c.prefix + id.Namespace
	if !nameForm.MatchString(database) || !nameForm.MatchString(id.Name) {
		return "", tidemark.WithHint(fmt.Errorf("table %s cannot be in the Glue catalog under this name: %w", id, tidemark.ErrInvalid),
			"use lower case letters, digits and '_' in the names of target tables: Glue and Athena know no others")
	}
	return database, nil
}

// Namespace is the inverse of Database: false for a database that does not begin with the prefix.
func (c *Client) Namespace(database string) (string, bool) {
	namespace, ours := strings.CutPrefix(database, c.prefix)
	return namespace, ours && namespace != ""
}

// Get returns what Glue knows of a table; tidemark.ErrNotFound when it is not there. Root is for the hint of an error.
func (c *Client) Get(ctx context.Context, id tidemark.TableID, root string) (*types.Table, error) {
	database, err := c.Database(id)
	if err != nil {
		return nil, err
	}
	answer, err := c.API.GetTable(ctx, &glue.GetTableInput{CatalogId: c.Catalog, DatabaseName: &database, Name: &id.Name})
	if err != nil {
		return nil, Fail(ctx, "find table "+database+"."+id.Name, "glue:GetTable", root, err)
	}
	return answer.Table, nil
}

// Create makes a table, and its database when that is missing. It reports false when a table of that name is there.
func (c *Client) Create(ctx context.Context, id tidemark.TableID, input *types.TableInput, root string) (bool, error) {
	database, err := c.Database(id)
	if err != nil {
		return false, err
	}
	request := &glue.CreateTableInput{CatalogId: c.Catalog, DatabaseName: &database, TableInput: input}
	_, err = c.API.CreateTable(ctx, request, Once)
	if IsCode(err, "EntityNotFoundException") {
		if err := c.createDatabase(ctx, database, root); err != nil {
			return false, err
		}
		_, err = c.API.CreateTable(ctx, request, Once)
	}
	if IsCode(err, "AlreadyExistsException") {
		return false, nil
	}
	if err != nil {
		return false, Fail(ctx, "make table "+database+"."+id.Name, "glue:CreateTable", root, err)
	}
	return true, nil
}

func (c *Client) createDatabase(ctx context.Context, database, root string) error {
	_, err := c.API.CreateDatabase(ctx, &glue.CreateDatabaseInput{CatalogId: c.Catalog, DatabaseInput: &types.DatabaseInput{Name: &database}}, Once)
	if err == nil || IsCode(err, "AlreadyExistsException") {
		return nil
	}
	return Fail(ctx, "make database "+database, "glue:CreateDatabase", root, err)
}

// Update changes a table if it still has the version of have. It reports false when it certainly was not changed,
// since it is another one now or gone; after an error the outcome is open.
func (c *Client) Update(ctx context.Context, id tidemark.TableID, have *types.Table, input *types.TableInput, root string) (bool, error) {
	database, err := c.Database(id)
	if err != nil {
		return false, err
	}
	if aws.ToString(have.VersionId) == "" {
		return false, fmt.Errorf("table %s: the Glue catalog tells no version of it, without which two writers could not be told apart: %w", id, tidemark.ErrInvalid)
	}
	_, err = c.API.UpdateTable(ctx, &glue.UpdateTableInput{
		CatalogId: c.Catalog, DatabaseName: &database, TableInput: input,
		VersionId: have.VersionId, SkipArchive: aws.Bool(true), // else Glue keeps each version, up to a limit that it then enforces
	}, Once)
	if IsCode(err, "ConcurrentModificationException") || IsCode(err, "EntityNotFoundException") {
		return false, nil
	}
	if err != nil {
		return false, Fail(ctx, "change table "+database+"."+id.Name, "glue:UpdateTable", root, err)
	}
	return true, nil
}

// Remove takes a table out of the catalog, and no data. It reports false when it was not there; after an error the outcome
// is open.
func (c *Client) Remove(ctx context.Context, id tidemark.TableID, root string) (bool, error) {
	database, err := c.Database(id)
	if err != nil {
		return false, err
	}
	_, err = c.API.DeleteTable(ctx, &glue.DeleteTableInput{CatalogId: c.Catalog, DatabaseName: &database, Name: &id.Name}, Once)
	if IsCode(err, "EntityNotFoundException") {
		return false, nil
	}
	if err != nil {
		return false, Fail(ctx, "drop table "+database+"."+id.Name, "glue:DeleteTable", root, err)
	}
	return true, nil
}

// Text cuts a text to what Glue takes: so many characters, and none that control.
func Text(text string, limit int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r > 0xffff {
			return ' '
		}
		return r
	}, text))
	return string(runes[:min(len(runes), limit)])
}

// IsCode reports whether Glue has answered with that code.
func IsCode(err error, code string) bool {
	var api interface{ ErrorCode() string }
	return errors.As(err, &api) && api.ErrorCode() == code
}

// kinds says what the codes of Glue mean.
var kinds = map[string]error{
	"EntityNotFoundException":              tidemark.ErrNotFound,
	"AccessDeniedException":                tidemark.ErrDenied,
	"GlueEncryptionException":              tidemark.ErrDenied,
	"InvalidInputException":                tidemark.ErrInvalid,
	"ValidationException":                  tidemark.ErrInvalid,
	"ResourceNumberLimitExceededException": tidemark.ErrInvalid,
}

// Fail says what was being done, gives an error of Glue its kind, and names what is to be granted. Action is what IAM
// calls the request, and root the place of the data, for the hint.
func Fail(ctx context.Context, doing, action, root string, err error) error {
	fault, err := amazon.Explain(ctx, doing+" in the Glue catalog", kinds, err)
	switch {
	case fault.Code == "AccessDeniedException" && strings.Contains(fault.Message, "Lake Formation"):
		return tidemark.WithHint(err, lakeFormationHint(action, root))
	case fault.Code == "AccessDeniedException":
		return tidemark.WithHint(err, "allow "+action+": `tidemark check --iam-policy` prints the whole policy")
	case fault.Code == "GlueEncryptionException":
		return tidemark.WithHint(err, "the catalog is encrypted: allow kms:Decrypt and kms:GenerateDataKey on its key")
	}
	return err
}

// lakeFormationHint names the permission of Lake Formation that an action needs: IAM alone does not suffice there.
func lakeFormationHint(action, root string) string {
	grant := "DESCRIBE on the database and the table"
	switch action {
	case "glue:CreateDatabase":
		grant = "CREATE_DATABASE on the catalog"
	case "glue:CreateTable":
		grant = "CREATE_TABLE on the database and DATA_LOCATION_ACCESS on " + root
	case "glue:BatchCreatePartition", "glue:BatchUpdatePartition":
		grant = "INSERT and ALTER on the table and DATA_LOCATION_ACCESS on " + root
	case "glue:DeleteTable":
		grant = "DROP on the table"
	case "glue:UpdateTable":
		grant = "ALTER on the table and DATA_LOCATION_ACCESS on " + root
	}
	return "in Lake Formation, grant the role " + grant
}
