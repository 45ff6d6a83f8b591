package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsglue "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/glue"
)

// Parameters of a table, as all engines that keep Iceberg tables in Glue name them.
const (
	glueTableType = "table_type"
	glueIceberg   = "ICEBERG"
	glueMetadata  = "metadata_location"
	gluePrevious  = "previous_metadata_location"
)

// gluePointers is the AWS Glue Data Catalog: a parameter of each table names its newest metadata file.
//
// Glue changes a table only if its version is still the one that the request names. That is the compare-and-swap: the
// version is read together with the pointer, so a table that still has it still points to the same file. No change is
// sent twice, so a refusal is always about the one request, and every other error leaves the outcome open.
type gluePointers struct {
	client *glue.Client
	root   root
}

func (p *gluePointers) find(ctx context.Context, id tidemark.TableID) (string, error) {
	t, err := p.client.Get(ctx, id, string(p.root))
	if err != nil {
		return "", err
	}
	location := icebergLocation(t)
	if location == "" { // of another format: not one of these tables
		return "", fmt.Errorf("table %s: no Iceberg table, but one of another format in the Glue catalog: %w", id, tidemark.ErrNotFound)
	}
	return location, nil
}

// icebergLocation returns where the newest metadata file of a table lies, "" for a table of another format.
func icebergLocation(t *types.Table) string {
	if !strings.EqualFold(t.Parameters[glueTableType], glueIceberg) {
		return ""
	}
	return t.Parameters[glueMetadata]
}

func (p *gluePointers) point(ctx context.Context, id tidemark.TableID, old, location string, metadata table.Metadata) (bool, error) {
	if old == "" {
		return p.create(ctx, id, glueInput(id, nil, "", location, metadata))
	}
	have, err := p.client.Get(ctx, id, string(p.root))
	switch {
	case errors.Is(err, tidemark.ErrNotFound):
		return false, nil // dropped
	case err != nil:
		return false, err
	case icebergLocation(have) != old:
		return false, nil
	}
	return p.client.Update(ctx, id, have, glueInput(id, have, old, location, metadata), string(p.root))
}

// unpoint looks before it removes, since Glue removes a table whatever its version. Between both, only another drop could
// come: a table that is marked as dropped takes no other commit.
func (p *gluePointers) unpoint(ctx context.Context, id tidemark.TableID, location string) (bool, error) {
	have, err := p.client.Get(ctx, id, string(p.root))
	switch {
	case errors.Is(err, tidemark.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case icebergLocation(have) != location:
		return false, nil
	}
	return p.client.Remove(ctx, id, string(p.root))
}

func (p *gluePointers) create(ctx context.Context, id tidemark.TableID, input *types.TableInput) (bool, error) {
	created, err := p.client.Create(ctx, id, input, string(p.root))
	if err != nil || created {
		return created, err
	}
	have, err := p.client.Get(ctx, id, string(p.root))
	if err == nil && icebergLocation(have) == "" {
		return false, tidemark.WithHint(fmt.Errorf("table %s is in the Glue catalog, but is no Iceberg table: %w", id, tidemark.ErrInvalid),
			"drop it there, or give the target another name")
	}
	return false, err
}

// close leaves the client to its owner.
func (p *gluePointers) close() error { return nil }

// list returns the Iceberg tables of this lake. Those that lie elsewhere belong to others.
func (p *gluePointers) list(ctx context.Context) (tables []place, err error) {
	databases := awsglue.NewGetDatabasesPaginator(p.client.API, &awsglue.GetDatabasesInput{CatalogId: p.client.Catalog})
	for databases.HasMorePages() {
		page, err := databases.NextPage(ctx)
		if err != nil {
			return nil, glue.Fail(ctx, "list databases", "glue:GetDatabases", string(p.root), err)
		}
		for _, d := range page.DatabaseList {
			namespace, ours := p.client.Namespace(aws.ToString(d.Name))
			if !ours || d.TargetDatabase != nil { // a link to another catalog
				continue
			}
			found, err := p.listDatabase(ctx, *d.Name, namespace)
			if err != nil {
				return nil, err
			}
			tables = append(tables, found...)
		}
	}
	return tables, nil
}

func (p *gluePointers) listDatabase(ctx context.Context, database, namespace string) (tables []place, err error) {
	pages := awsglue.NewGetTablesPaginator(p.client.API, &awsglue.GetTablesInput{CatalogId: p.client.Catalog, DatabaseName: &database})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if glue.IsCode(err, "EntityNotFoundException") {
			return nil, nil // dropped meanwhile
		}
		if err != nil {
			return nil, glue.Fail(ctx, "list tables of database "+database, "glue:GetTables", string(p.root), err)
		}
		for _, t := range page.TableList {
			id := tidemark.TableID{Namespace: namespace, Name: aws.ToString(t.Name)}
			metadata := icebergLocation(&t)
			if _, err := p.root.key(metadata); err == nil && checkID(id) == nil {
				tables = append(tables, place{id: id, metadata: metadata, size: -1})
			}
		}
	}
	return tables, nil
}

// glueInput describes a table as Athena and others want it. What others have added to it stays.
func glueInput(id tidemark.TableID, have *types.Table, old, location string, metadata table.Metadata) *types.TableInput {
	input := &types.TableInput{Name: aws.String(id.Name), Parameters: map[string]string{}}
	storage := &types.StorageDescriptor{}
	if have != nil {
		input.Description, input.Owner, input.Retention = have.Description, have.Owner, have.Retention
		input.LastAccessTime, input.LastAnalyzedTime = have.LastAccessTime, have.LastAnalyzedTime
		maps.Copy(input.Parameters, have.Parameters)
		if have.StorageDescriptor != nil {
			*storage = *have.StorageDescriptor
		}
	}
	input.TableType = aws.String("EXTERNAL_TABLE")
	input.Parameters[glueTableType], input.Parameters[glueMetadata] = glueIceberg, location
	if old != "" {
		input.Parameters[gluePrevious] = old
	}
	if comment := metadata.Properties()["comment"]; comment != "" {
		input.Description = aws.String(glue.Text(comment, 2048))
	}
	storage.Location, storage.Columns = aws.String(metadata.Location()), glueColumns(metadata)
	input.StorageDescriptor = storage
	return input
}
