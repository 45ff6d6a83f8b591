package config

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// pipelines builds and checks what the document says about pipelines.
func (b *builder) pipelines(c *Config, specs map[string]pipelineSpec) {
	if len(specs) == 0 && !b.empty && !b.broken["pipelines"] {
		b.at("pipelines", "add one with source and target", "there are no pipelines")
	}
	for _, name := range inOrder(b.problems, "pipelines", specs) {
		path, spec := join("pipelines", name), specs[name]
		if _, err := tidemark.ParsePipelineID(name); err != nil && (strings.HasSuffix(name, tidemark.RejectedSuffix) || strings.HasSuffix(name, tidemark.ImportSuffix)) {
			b.at(path, "choose another name", "names that end in %s or %s are not for pipelines", tidemark.RejectedSuffix, tidemark.ImportSuffix)
		} else if err != nil {
			b.at(path, "", "use lower-case letters, digits, '_', '-' and single '.' for the name")
		}
		b.source(c, path, spec.Source)
		spec.Source.WatermarkTable = b.watermarkTable(c, join(path, "source", "watermark_table"), spec)
		b.target(c, path, spec)
		b.steps(c, path, spec.Transforms)
		b.checks(c, path, spec)
		if len(spec.Source.Tables) > 0 {
			c.Groups = append(c.Groups, b.group(c, name, path, spec))
			continue
		}
		if p, ok := b.single(c, name, path, spec); ok {
			c.Pipelines = append(c.Pipelines, p)
		}
	}
	for _, clash := range clashes(c, c.Pipelines) {
		b.at(join("pipelines", string(clash.second.ID), "target"), clash.hint(), "%s", clash.message())
	}
	for _, twice := range sameRows(c, c.Pipelines) {
		b.at(join("pipelines", string(twice.second.ID), "source", "watermark_table"), twice.hint(), "%s", twice.message())
	}
}

// source checks the keys of the source of the pipeline at path, save the table.
func (b *builder) source(c *Config, path string, spec sourceSpec) {
	path = join(path, "source")
	b.uses(c, path, "connection", spec.Connection, "mysql", isMySQL)
	if spec.SettleOn != "" {
		b.uses(c, path, "settle_on", spec.SettleOn, "mysql", isMySQL)
	}
	switch {
	case spec.Table == "" && len(spec.Tables) == 0:
		b.missing(path, "table")
	case spec.Table != "" && len(spec.Tables) > 0:
		b.at(path, "keep one", "table and tables exclude each other")
	case len(spec.Exclude) > 0 && len(spec.Tables) == 0:
		b.at(join(path, "exclude"), "", "exclude needs tables")
	}
	b.words(path, "cursor", spec.Cursor)
	b.words(path, "columns", spec.Columns)
	if !knownZone(spec.CursorZone) {
		b.at(join(path, "cursor_zone"), "write it as Europe/Berlin or +02:00", "unknown zone %q", spec.CursorZone)
	}
	b.within(path, "lateness_rows", spec.LatenessRows, 0, 1<<62)
	b.within(path, "overlap_limit", spec.OverlapLimit, 1, 1<<62)
	if b.has(join(path, "splits")) {
		b.within(path, "splits", int64(spec.Splits), 1, 64)
	}
	if time.Duration(spec.SettleWait) > time.Minute {
		b.at(join(path, "settle_wait"), "an open transaction is not worth waiting for: its rows come with the next run",
			"want at most 1m")
	}
}

// target checks the keys of the target of the pipeline at path, save the table, and that they fit the source.
func (b *builder) target(c *Config, path string, spec pipelineSpec) {
	t, source, path := spec.Target, join(path, "source"), join(path, "target")
	b.uses(c, path, "connection", t.Connection, "s3 or file", func(c Connection) bool { return !isMySQL(c) })
	mode, format := tidemark.Mode(t.Mode), tidemark.Format(t.Format)
	if len(spec.Source.Cursor) == 0 && mode != tidemark.ModeReplace && !b.broken[join(source, "cursor")] {
		b.at(source,
			"name the column that changes with every change of a row, or set mode: replace to load the whole table each run",
			"mode %s needs a cursor", mode)
	}
	if mode == tidemark.ModeMerge && format == tidemark.FormatParquet {
		b.at(join(path, "mode"), "use format: iceberg", "a folder of Parquet files cannot be merged into")
	}
	if mode != tidemark.ModeMerge && b.has(join(path, "key")) {
		b.at(join(path, "key"), "", "only mode: merge has a key")
	}
	b.deletes(path, t)
	b.words(path, "key", t.Key)
	b.within(path, "file_size", int64(t.FileSize), 1<<20, 8<<30)
	for _, part := range t.PartitionBy {
		if !partition.MatchString(part) {
			hint := "use a column, year(c), month(c), day(c), hour(c), bucket(N, c) or truncate(N, c)"
			if strings.Contains(part, "(") != strings.Contains(part, ")") {
				hint = "put each that holds a comma into quotes"
			}
			b.at(join(path, "partition_by"), hint, "unknown partition %q", part)
		}
	}
}

// deletes checks what is said about deleted rows.
func (b *builder) deletes(path string, t targetSpec) {
	policy, mode := tidemark.DeletePolicy(t.Deletes), tidemark.Mode(t.Mode)
	if policy != tidemark.DeletesKeep && mode == tidemark.ModeReplace {
		b.at(join(path, "deletes"), "leave it out: each run loads the table as it is", "nothing is left to delete where mode: replace loads the whole table")
	}
	if policy == tidemark.DeletesKeep && b.has(join(path, "sweep_every")) {
		b.at(join(path, "sweep_every"), "add deletes: sweep or deletes: mark", "sweep_every needs deletes")
	}
	if policy != tidemark.DeletesMark && b.has(join(path, "mark_column")) {
		b.at(join(path, "mark_column"), "", "only deletes: mark has a mark_column")
	}
	if t.MarkColumn == "" {
		b.at(join(path, "mark_column"), "", "a column without a name")
	}
}

var partition = regexp.MustCompile(
	`^(?:[^(),\s]+|(?:identity|year|month|day|hour)\(\s*[^(),\s]+\s*\)|(?:bucket|truncate)\(\s*[1-9][0-9]{0,8}\s*,\s*[^(),\s]+\s*\))$`)

// uses checks that a key names a connection of the right type.
func (b *builder) uses(c *Config, path, key, name, kind string, right func(Connection) bool) {
	at := join(path, key)
	if name == "" {
		b.missing(path, key)
		return
	}
	connection, found := c.Connections[name]
	if !found {
		// A connection that has mistakes of its own is not there either: one report is enough.
		if !b.has(join("connections", name)) {
			b.at(at, didYouMean(name, inOrder(b.problems, "connections", c.Connections)), "there is no connection %q", name)
		}
		return
	}
	if !right(connection) {
		b.at(at, "", "connection %q is not of type %s", name, kind)
	}
}

func isMySQL(c Connection) bool {
	_, ok := c.(*MySQL)
	return ok
}

// words checks a list of column names.
func (b *builder) words(path, key string, list Strings) {
	for i, word := range list {
		if word == "" {
			b.at(join(path, key), "", "a column without a name")
		}
		if slices.Contains(list[:i], word) {
			b.at(join(path, key), "", "column %q is there twice", word)
		}
	}
}

func (b *builder) within(path, key string, n, low, high int64) {
	if n < low || n > high {
		if key == "file_size" {
			b.at(join(path, key), "", "want a size from %s to %s", Size(low), Size(high))
			return
		}
		b.at(join(path, key), "", "want a number from %d to %d", low, high)
	}
}

var zoneOffset = regexp.MustCompile(`^[+-](?:0\d|1[0-4]):[0-5]\d$`)

func knownZone(zone string) bool {
	if zone == "" || zoneOffset.MatchString(zone) {
		return true
	}
	_, err := time.LoadLocation(zone)
	return err == nil && zone != "Local"
}

// single builds the pipeline of one table.
func (b *builder) single(c *Config, name, path string, spec pipelineSpec) (Pipeline, bool) {
	if _, known := c.Connections[spec.Source.Connection].(*MySQL); !known || spec.Source.Table == "" {
		return Pipeline{}, false // that has been reported, and the names cannot be judged
	}
	table, err := parseTable(spec.Source.Table, databaseOf(c, spec.Source.Connection))
	if err != nil {
		b.at(join(path, "source", "table"), tidemark.Hint(err), "%s", err)
		return Pipeline{}, false
	}
	target, err := targetTable(spec.Target.Table, table)
	if err != nil {
		b.at(join(path, "target", "table"), tidemark.Hint(err), "%s", err)
		return Pipeline{}, false
	}
	return spec.pipeline(spec.steps(c), spec.checks(c), tidemark.PipelineID(name), table, target), true
}

// databaseOf returns the database of a connection's URL, or "".
func databaseOf(c *Config, connection string) string {
	if m, ok := c.Connections[connection].(*MySQL); ok {
		return m.Database
	}
	return ""
}

// pipeline fills in what the document says and what it leaves open.
func (s pipelineSpec) pipeline(steps []Step, checks []Check, id tidemark.PipelineID, table tidemark.TableName, target tidemark.TableID) Pipeline {
	splits := s.Source.Splits
	if splits == 0 {
		splits = min(max(runtime.GOMAXPROCS(0), 2), 4)
	}
	return Pipeline{
		Source: s.Source.Connection, Lake: s.Target.Connection, SettleOn: s.Source.SettleOn,
		ZeroDates: ZeroDates(s.Source.ZeroDates), Steps: steps, Checks: checks, Runs: s.runs(), Watermarks: s.Source.watermarks(table),
		Pipeline: tidemark.Pipeline{
			ID: id, Table: table, Columns: s.Source.Columns, Where: s.Source.Where, Transforms: fingerprint(steps),
			Cursors: s.Source.Cursor, CursorZone: s.Source.CursorZone, Nulls: tidemark.NullPolicy(s.Source.Nulls),
			Lateness: time.Duration(s.Source.Lateness), LatenessRows: s.Source.LatenessRows,
			Slack: time.Duration(s.Source.Slack), SettleWait: time.Duration(s.Source.SettleWait),
			Target: target, Format: tidemark.Format(s.Target.Format), Mode: tidemark.Mode(s.Target.Mode),
			Key: s.Target.Key, PartitionBy: s.Target.PartitionBy,
			Evolution: tidemark.SchemaPolicy(s.Target.Schema), FileSize: int64(s.Target.FileSize),
			Maintenance: tidemark.MaintenancePolicy(s.Maintenance),
			Deletes:     tidemark.DeletePolicy(s.Target.Deletes), SweepEvery: time.Duration(s.Target.SweepEvery), MarkColumn: s.Target.markColumn(),
			Splits: splits, OverlapLimit: s.Source.OverlapLimit,
		},
	}
}

// markColumn is the column of deletes: mark, "" otherwise.
func (s targetSpec) markColumn() string {
	if tidemark.DeletePolicy(s.Deletes) != tidemark.DeletesMark {
		return ""
	}
	return s.MarkColumn
}
