package tidemark

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A PipelineID names a pipeline for good: the watermark in the lake is kept under it. It consists of lower-case
// letters, digits, '_', '-' and '.', begins with a letter or digit, and has at most 128 bytes, so that it is safe
// as a part of an object key, a table property and a file name.
type PipelineID string

var pipelineIDForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,127}$`)

// ParsePipelineID checks s and returns it as a PipelineID, or an ErrInvalid that says which form is wanted.
func ParsePipelineID(s string) (PipelineID, error) {
	if !pipelineIDForm.MatchString(s) || strings.Contains(s, "..") {
		return "", fmt.Errorf("pipeline name %q: use lower-case letters, digits, '_', '-' and single '.': %w", s, ErrInvalid)
	}
	for _, suffix := range []string{RejectedSuffix, ImportSuffix} {
		if strings.HasSuffix(s, suffix) {
			return "", fmt.Errorf("pipeline name %q: names that end in %s are not for pipelines: %w", s, suffix, ErrInvalid)
		}
	}
	return PipelineID(s), nil
}

// ImportSuffix ends the names under which the lake keeps what was imported into a table.
const ImportSuffix = "__import"

// A TableName names a table of the source, as the server spells it.
type TableName struct {
	Database string `json:"database"`
	Name     string `json:"name"`
}

func (t TableName) String() string { return t.Database + "." + t.Name }

// A TableID names a table of the lake: a namespace and a name, both safe as path segments.
type TableID struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (t TableID) String() string { return t.Namespace + "." + t.Name }

// Mode says what a commit does with the rows that it brings.
type Mode string

const (
	ModeAppend  Mode = "append"  // every version of a row stays
	ModeMerge   Mode = "merge"   // the newest version of each key
	ModeReplace Mode = "replace" // the whole table, each run
)

// Format is how a table is kept in the lake.
type Format string

const (
	FormatIceberg Format = "iceberg"
	FormatParquet Format = "parquet" // a folder of Parquet files
)

// NullPolicy says what to do with rows whose cursor is NULL (or a zero date, which counts as NULL).
type NullPolicy string

const (
	NullsLoad  NullPolicy = "load"  // read them in every run and suppress those that were loaded
	NullsError NullPolicy = "error" // such a row fails the run
)

// SchemaPolicy says what a change of the source's columns does.
type SchemaPolicy string

const (
	SchemaEvolve SchemaPolicy = "evolve" // new columns and wider types are taken over; nothing is ever narrowed
	SchemaFreeze SchemaPolicy = "freeze" // any change stops the run
)

// MaintenancePolicy says whether runs keep their table quick to read.
type MaintenancePolicy string

const (
	MaintenanceAuto MaintenancePolicy = "auto" // behind a run, once a threshold is crossed
	MaintenanceOff  MaintenancePolicy = "off"  // by command alone
)

// DeletePolicy says what becomes of rows of the lake that the source has deleted, once they are found.
type DeletePolicy string

const (
	DeletesKeep  DeletePolicy = "keep"  // they stay, and nobody looks for them
	DeletesSweep DeletePolicy = "sweep" // runs look for them, by their keys, and take them out
	DeletesMark  DeletePolicy = "mark"  // runs look for them and note the time in a column
)

// A Pipeline is one source table and one target table. It is immutable once the config is loaded; what happens at
// run time is kept elsewhere.
type Pipeline struct {
	ID PipelineID

	Table   TableName // in the source
	Columns []string  // only these are read; nil means all, invisible ones included
	Where   string    // a condition in the source's SQL that every row must meet; "" means none

	// Transforms are the steps that change rows on their way, in short; "" means none. Another text means other steps.
	Transforms string

	Cursors      []string      // candidates for the cursor: the first that the table has; empty only with ModeReplace
	CursorZone   string        // IANA zone or offset of DATETIME and DATE cursors; "" means the server's global zone
	Nulls        NullPolicy    // rows without a cursor
	Lateness     time.Duration // how late a row may appear where the server cannot tell (settle way d)
	LatenessRows int64         // the same for an integer cursor, in units of the cursor
	Slack        time.Duration // taken off every temporal bound: whole-second NOW(), client clocks that are ahead
	SettleWait   time.Duration // how long to wait for suspects to go before looking back (settle way c)

	Target      TableID
	Format      Format
	Mode        Mode
	Key         []string // target columns that identify a row in ModeMerge; nil means the source's primary key
	PartitionBy []string // Iceberg transforms: "day(order_date)", "bucket(16, id)", "region"
	Evolution   SchemaPolicy
	FileSize    int64 // target size of a data file in bytes
	Maintenance MaintenancePolicy
	Deletes     DeletePolicy  // "" is DeletesKeep
	SweepEvery  time.Duration // how often runs look for deleted rows at most
	MarkColumn  string        // of DeletesMark: the column of the lake that has the time in rows that are gone; "" otherwise

	Splits       int   // how many parts of the window are read in parallel, at least 1
	OverlapLimit int64 // above this many rows in the overlap the run names the cause
}

// A RunID identifies one run of one pipeline over all its attempts: 26 characters, unique, sortable by time, not
// to be guessed. It is part of each data file's name and of the commit, so that a run recognises its own work.
type RunID string
