package run

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Recipe is what makes another engine read a table: statements that run as they are.
type Recipe struct {
	Engine   string   `json:"engine"`
	Language string   `json:"language"` // "sql" or "shell"
	Notes    []string `json:"notes,omitempty"`
	Text     string   `json:"text"`
}

// Recipes tells how other engines read a table of a lake, engine by engine. The lake is named as for Query. Where the
// lake is a local folder, Athena and Trino are not among them: they read buckets.
func (r *Runner) Recipes(ctx context.Context, connection string, id tidemark.TableID) ([]Recipe, error) {
	d, err := r.Describe(ctx, connection, id)
	if err != nil {
		return nil, err
	}
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	s, err := l.catalog().Snapshot(ctx, id)
	if err != nil {
		return nil, err
	}
	t := &tableToRead{d: d, schema: s.Schema, root: l.root, folderCatalog: r.cfg.Catalog.Type == "" || r.cfg.Catalog.Type == "folder"}
	if d.Format == tidemark.FormatParquet {
		return t.folderRecipes()
	}
	return t.icebergRecipes()
}

// bucket reports whether the table lies in S3.
func (t *tableToRead) bucket() bool { return strings.HasPrefix(t.root, "s3://") }

func (t *tableToRead) folderRecipes() ([]Recipe, error) {
	var all []Recipe
	if t.bucket() && !t.d.Imported { // whoever wrote an imported one has it in his catalog
		athena, err := t.athenaFolder()
		if err != nil {
			return nil, err
		}
		all = append(all, athena)
	}
	files := strings.TrimSuffix(t.d.Location, "/") + "/**/*.parquet"
	all = append(all, t.duckdb(fmt.Sprintf("SELECT * FROM read_parquet(%s, union_by_name = true, hive_partitioning = %v);", sqlText(files), t.d.Imported && len(t.d.PartitionBy) > 0), ""))
	view := fmt.Sprintf("CREATE TEMPORARY VIEW %s USING parquet OPTIONS (path %s, mergeSchema 'true');", hiveName(t.d.Table.Name), hiveText(t.hadoop(t.d.Location)))
	return append(all, Recipe{Engine: "spark", Language: "sql", Text: view}), nil
}

func (t *tableToRead) icebergRecipes() ([]Recipe, error) {
	var all []Recipe
	if t.bucket() {
		athena, err := t.athenaIceberg()
		if err != nil {
			return nil, err
		}
		all = append(all, athena)
	}
	place := t.d.Metadata
	if t.folderCatalog {
		place = t.d.Location // whose hint says which version is the newest
	}
	all = append(all, t.duckdb(fmt.Sprintf("SELECT * FROM iceberg_scan(%s);", sqlText(place)), "INSTALL iceberg;\nLOAD iceberg;\n"))
	if t.folderCatalog {
		all = append(all, t.sparkIceberg())
	}
	if t.bucket() {
		all = append(all, Recipe{
			Engine: "trino", Language: "sql",
			Notes: []string{"the catalog, here named iceberg, must have iceberg.register-table-procedure.enabled=true", onceNote, readOnlyNote},
			Text: fmt.Sprintf("CALL iceberg.system.register_table(schema_name => %s, table_name => %s, table_location => %s, metadata_file_name => %s);",
				sqlText(strings.ToLower(t.d.Table.Namespace)), sqlText(strings.ToLower(t.d.Table.Name)), sqlText(t.d.Location), sqlText(path.Base(t.d.Metadata))),
		})
	}
	return all, nil
}

const (
	onceNote     = "it shows the table as it is now; register it again to see what later runs load"
	readOnlyNote = "read through it, and let nothing but tidemark write: another catalog does not know its commits"
)

func (t *tableToRead) duckdb(query, load string) Recipe {
	r := Recipe{Engine: "duckdb", Language: "sql", Text: load + query}
	if t.bucket() {
		r.Notes = []string{"the keys for the bucket are those of the AWS credential chain"}
		r.Text = "INSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;\nCREATE SECRET (TYPE s3, PROVIDER credential_chain);\n" + r.Text
	}
	if load != "" && !t.folderCatalog {
		r.Notes = append(r.Notes, "it shows the table as it is now: each commit has a metadata file of its own")
	}
	return r
}

// sparkIceberg makes of the whole lake a catalog of Spark: the layout is that of Iceberg's own Hadoop catalog.
func (t *tableToRead) sparkIceberg() Recipe {
	settings := []string{
		"spark.sql.catalog.lake=org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.lake.type=hadoop",
		"spark.sql.catalog.lake.warehouse=" + t.root,
	}
	if t.bucket() {
		settings = append(settings, "spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem")
	}
	text := "spark-sql"
	for _, s := range settings {
		text += " \\\n  --conf " + shellText(s)
	}
	text += " \\\n  -e " + shellText(fmt.Sprintf("SELECT * FROM lake.%s.%s", hiveName(t.d.Table.Namespace), hiveName(t.d.Table.Name)))
	return Recipe{
		Engine: "spark", Language: "shell", Text: text,
		Notes: []string{"Spark needs the package iceberg-spark-runtime of its version" + map[bool]string{true: ", and hadoop-aws"}[t.bucket()]},
	}
}

// hadoop returns a location under the scheme that Hadoop's file system for S3 goes by.
func (t *tableToRead) hadoop(location string) string {
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		return "s3a://" + rest
	}
	return location
}

// sqlText is a text as standard SQL has it.
func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// hiveText is a text as Hive's and Spark's DDL have it, in one line.
func hiveText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(oneLine(s)) + "'"
}

// oneLine puts spaces for line ends and other control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// hiveName is a name as Hive's and Spark's DDL have it.
func hiveName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func shellText(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
