package glue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/tidemark-data/tidemark"
)

// A Registrar makes folders of Parquet files external tables of the catalog, which Athena reads without a crawler. It
// is what a target of package folder tells of its commits, and safe for concurrent use.
type Registrar struct {
	client *Client
	root   string
}

// A Registration is what the catalog is to know of a folder behind a commit.
type Registration struct {
	// Form returns the columns as they are now. It only ever grows, so who asks after reading what the catalog has does not
	// put back what another process was faster to tell.
	Form func(ctx context.Context) (Form, error)

	Folder     string                                      // of the table, a key that ends at a slash
	Partitions []string                                    // with files of the commit, as "day=2014-07-24/region=eu"
	All        func(ctx context.Context) ([]string, error) // with any files
}

// A Form is what a table of Hive consists of.
type Form struct {
	Columns []Column // without those that are partition columns
	Keys    []Column // the partition columns, in the order of the folders
}

// A Column is a column in the words of Hive.
type Column struct {
	Name, Type, Comment string
}

// NewRegistrar returns the registrar of a lake, whose root other readers know as root: s3://BUCKET/PREFIX.
func NewRegistrar(c *Client, root string) *Registrar { return &Registrar{client: c, root: root} }

// knownPartitions is a parameter of tables all of whose partitions were told to the catalog once. Without it the catalog
// may lack some, such as behind a process that has died in between, or of commits from the time before the catalog.
const knownPartitions = "tidemark.partitions"

// registerTries is how often other processes may change a table while it is registered.
const registerTries = 10

// CheckName refuses names that the catalog cannot have, as tidemark.ErrInvalid.
func (r *Registrar) CheckName(id tidemark.TableID) error {
	_, err := r.client.Database(id)
	return err
}

// Register sees to it that the catalog has the table, its columns and the partitions; it may be called twice. It adds what is missing; a partition without files does no harm and stays.
func (r *Registrar) Register(ctx context.Context, id tidemark.TableID, reg Registration) error {
	for range registerTries {
		have, err := r.client.Get(ctx, id, r.root)
		if errors.Is(err, tidemark.ErrNotFound) {
			err = r.create(ctx, id, reg)
			if err == nil {
				have, err = r.client.Get(ctx, id, r.root)
			}
		}
		if err != nil {
			return err
		}
		if done, err := r.adjust(ctx, id, have, reg); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("table %s was changed in the Glue catalog again and again: %w", id, tidemark.ErrTransient)
}

// Unregister takes the table out of the catalog if it is that folder. Another table of that name stays.
func (r *Registrar) Unregister(ctx context.Context, id tidemark.TableID, folder string) error {
	if r.CheckName(id) != nil {
		return nil // the catalog can have no such table
	}
	have, err := r.client.Get(ctx, id, r.root)
	switch {
	case errors.Is(err, tidemark.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !isFolder(have, r.root+"/"+folder):
		return nil
	}
	_, err = r.client.Remove(ctx, id, r.root)
	return err
}

// isFolder reports whether a table consists of the files of a folder.
func isFolder(have *types.Table, place string) bool {
	return !strings.EqualFold(have.Parameters["table_type"], "ICEBERG") && strings.TrimRight(placeOf(have), "/") == strings.TrimRight(place, "/")
}

func placeOf(have *types.Table) string {
	if have.StorageDescriptor == nil {
		return ""
	}
	return aws.ToString(have.StorageDescriptor.Location)
}

func (r *Registrar) create(ctx context.Context, id tidemark.TableID, reg Registration) error {
	form, err := reg.Form(ctx)
	if err != nil {
		return err
	}
	_, err = r.client.Create(ctx, id, r.input(id, nil, form, reg.Folder), r.root)
	return err
}

// adjust brings a table and its partitions up to date. False means that another process has changed the table.
func (r *Registrar) adjust(ctx context.Context, id tidemark.TableID, have *types.Table, reg Registration) (bool, error) {
	form, err := reg.Form(ctx) // not before the table was read: a slower process must not put back an older form
	if err != nil {
		return false, err
	}
	want := r.input(id, have, form, reg.Folder)
	if err := same(id, have, want); err != nil {
		return false, err
	}
	partitions, first := reg.Partitions, have.Parameters[knownPartitions] == ""
	if first {
		if partitions, err = reg.All(ctx); err != nil {
			return false, err
		}
	}
	if err := r.addPartitions(ctx, id, form, want, partitions); err != nil {
		return false, err
	}
	changed := !slices.EqualFunc(have.StorageDescriptor.Columns, want.StorageDescriptor.Columns, equalColumns)
	if changed { // before the table: whoever finds the table as it should be can rely on its partitions
		if err := r.updatePartitions(ctx, id, want); err != nil {
			return false, err
		}
	}
	if !changed && !first {
		return true, nil
	}
	want.Parameters[knownPartitions] = "all"
	return r.client.Update(ctx, id, have, want, r.root)
}

// same refuses a table that somebody else has made under this name.
func same(id tidemark.TableID, have *types.Table, want *types.TableInput) error {
	hint := "drop it there, which leaves the files alone: the next run registers it again"
	switch {
	case !isFolder(have, aws.ToString(want.StorageDescriptor.Location)):
		return tidemark.WithHint(fmt.Errorf("table %s is in the Glue catalog already, but at %q: %w", id, strings.TrimRight(placeOf(have), "/"), tidemark.ErrInvalid), hint)
	case !slices.EqualFunc(have.PartitionKeys, want.PartitionKeys, equalColumns):
		return tidemark.WithHint(fmt.Errorf("table %s has other partition columns in the Glue catalog: %w", id, tidemark.ErrInvalid), hint)
	}
	return nil
}

func equalColumns(a, b types.Column) bool {
	return aws.ToString(a.Name) == aws.ToString(b.Name) && aws.ToString(a.Type) == aws.ToString(b.Type) &&
		aws.ToString(a.Comment) == aws.ToString(b.Comment)
}

// input describes a table as Athena wants it. What others have added stays.
func (r *Registrar) input(id tidemark.TableID, have *types.Table, form Form, place string) *types.TableInput {
	input := &types.TableInput{
		Name: aws.String(id.Name), TableType: aws.String("EXTERNAL_TABLE"), Parameters: map[string]string{},
		StorageDescriptor: storage(r.root+"/"+place, columns(form.Columns)), PartitionKeys: columns(form.Keys),
	}
	if have != nil {
		input.Description, input.Owner, input.Retention = have.Description, have.Owner, have.Retention
		maps.Copy(input.Parameters, have.Parameters)
	}
	input.Parameters["EXTERNAL"], input.Parameters["classification"] = "TRUE", "parquet"
	return input
}

// columns are named in lower case, as Hive does: it finds them in the files all the same.
func columns(list []Column) []types.Column {
	out := make([]types.Column, len(list))
	for i, c := range list {
		out[i] = types.Column{Name: aws.String(strings.ToLower(c.Name)), Type: aws.String(c.Type)}
		if c.Comment != "" {
			out[i].Comment = aws.String(Text(c.Comment, 255))
		}
	}
	return out
}

func storage(location string, columns []types.Column) *types.StorageDescriptor {
	return &types.StorageDescriptor{
		Location: aws.String(location), Columns: columns,
		InputFormat:  aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
		OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
		SerdeInfo: &types.SerDeInfo{
			SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
			Parameters:           map[string]string{"serialization.format": "1"},
		},
	}
}

// batchSize is how many partitions Glue takes in one request.
const batchSize = 100

// addPartitions tells of those partitions that the catalog does not have.
func (r *Registrar) addPartitions(ctx context.Context, id tidemark.TableID, form Form, table *types.TableInput, paths []string) error {
	database, err := r.client.Database(id)
	if err != nil {
		return err
	}
	var inputs []types.PartitionInput
	for _, path := range paths {
		values, ok := partitionValues(path, form.Keys)
		if !ok {
			continue // a folder that somebody else has put there
		}
		place := strings.TrimRight(*table.StorageDescriptor.Location, "/") + "/" + path + "/"
		inputs = append(inputs, types.PartitionInput{Values: values, StorageDescriptor: storage(place, table.StorageDescriptor.Columns)})
	}
	for batch := range slices.Chunk(inputs, batchSize) {
		answer, err := r.client.API.BatchCreatePartition(ctx, &glue.BatchCreatePartitionInput{
			CatalogId: r.client.Catalog, DatabaseName: &database, TableName: &id.Name, PartitionInputList: batch,
		})
		if err != nil {
			return Fail(ctx, "add partitions of table "+database+"."+id.Name, "glue:BatchCreatePartition", r.root, err)
		}
		for _, e := range answer.Errors {
			if e.ErrorDetail != nil && aws.ToString(e.ErrorDetail.ErrorCode) != "AlreadyExistsException" {
				return partitionError(id, e.PartitionValues, e.ErrorDetail)
			}
		}
	}
	return nil
}

func partitionError(id tidemark.TableID, values []string, detail *types.ErrorDetail) error {
	return fmt.Errorf("partition %s of table %s in the Glue catalog: %w: %s: %s", strings.Join(values, "/"), id, tidemark.ErrTransient,
		aws.ToString(detail.ErrorCode), aws.ToString(detail.ErrorMessage))
}

// partitionValues reads the values from the names of folders.
func partitionValues(path string, keys []Column) ([]string, bool) {
	segments := strings.Split(path, "/")
	if len(segments) != len(keys) {
		return nil, false
	}
	values := make([]string, len(keys))
	for i, segment := range segments {
		name, text, ok := strings.Cut(segment, "=")
		key, err1 := url.PathUnescape(name)
		value, err2 := url.PathUnescape(text)
		if !ok || err1 != nil || err2 != nil || key != keys[i].Name {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

// updatePartitions gives all partitions the columns of the table: Athena refuses a partition whose types are not those
// of its table.
func (r *Registrar) updatePartitions(ctx context.Context, id tidemark.TableID, table *types.TableInput) error {
	if len(table.PartitionKeys) == 0 {
		return nil
	}
	database, err := r.client.Database(id)
	if err != nil {
		return err
	}
	pages := glue.NewGetPartitionsPaginator(r.client.API, &glue.GetPartitionsInput{CatalogId: r.client.Catalog, DatabaseName: &database, TableName: &id.Name})
	var entries []types.BatchUpdatePartitionRequestEntry
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Fail(ctx, "list partitions of table "+database+"."+id.Name, "glue:GetPartitions", r.root, err)
		}
		for _, p := range page.Partitions {
			if p.StorageDescriptor == nil || slices.EqualFunc(p.StorageDescriptor.Columns, table.StorageDescriptor.Columns, equalColumns) {
				continue
			}
			input := &types.PartitionInput{Values: p.Values, Parameters: p.Parameters,
				StorageDescriptor: storage(aws.ToString(p.StorageDescriptor.Location), table.StorageDescriptor.Columns)}
			entries = append(entries, types.BatchUpdatePartitionRequestEntry{PartitionValueList: p.Values, PartitionInput: input})
		}
	}
	for batch := range slices.Chunk(entries, batchSize) {
		answer, err := r.client.API.BatchUpdatePartition(ctx, &glue.BatchUpdatePartitionInput{
			CatalogId: r.client.Catalog, DatabaseName: &database, TableName: &id.Name, Entries: batch,
		})
		if err != nil {
			return Fail(ctx, "change partitions of table "+database+"."+id.Name, "glue:BatchUpdatePartition", r.root, err)
		}
		for _, e := range answer.Errors {
			if e.ErrorDetail != nil {
				return partitionError(id, e.PartitionValueList, e.ErrorDetail)
			}
		}
	}
	return nil
}
