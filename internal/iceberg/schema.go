package iceberg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"

	"github.com/tidemark-data/tidemark"
)

// An evolution is what must change in a table's schema so that it takes batches of another one.
type evolution struct {
	schema  *iceberg.Schema // the new one, with a new id
	lastID  int             // the highest field id in it
	changes []string        // in words, for people; empty when nothing must change
	drift   []string        // what has changed in the source alone: the table takes its rows as it is
}

// evolve returns how the schema of a table must change to take rows with the columns of want. Columns are never
// narrowed, removed or made required, so every data file stays readable; what would need that is tidemark.ErrInvalid
// with the column's name. lastID is the highest field id that the table has ever used.
func evolve(current *iceberg.Schema, lastID int, want *arrow.Schema) (evolution, error) {
	if err := checkNames(current, want); err != nil {
		return evolution{}, err
	}
	e := evolution{lastID: lastID}
	newID := func() int { e.lastID++; return e.lastID }
	fields := slices.Clone(current.Fields())
	for i := range fields {
		if err := e.keep(&fields[i], want); err != nil {
			return evolution{}, err
		}
	}
	for _, column := range want.Fields() {
		if _, ok := fieldNamed(fields, column.Name); ok {
			continue
		}
		id := newID()
		t, err := typeOf(column.Type, newID)
		if err != nil {
			return evolution{}, fmt.Errorf("column %q: %w", column.Name, err)
		}
		// The rows that are there have no value, so a new column is optional whatever the source says.
		fields = append(fields, iceberg.NestedField{ID: id, Name: column.Name, Type: t, Doc: docOf(column)})
		e.changes = append(e.changes, fmt.Sprintf("column %q is new", column.Name))
	}
	if len(e.changes) > 0 {
		e.schema = iceberg.NewSchemaWithIdentifiers(current.ID+1, current.IdentifierFieldIDs, fields...)
	}
	return e, nil
}

// keep changes a column that the table has so that it takes what the rows bring for it, if they bring anything.
func (e *evolution) keep(field *iceberg.NestedField, want *arrow.Schema) error {
	columns, ok := want.FieldsByName(field.Name)
	if !ok {
		gone := fmt.Sprintf("column %q is not in the source any more", field.Name)
		if field.Required {
			field.Required = false
			e.changes = append(e.changes, gone+" and may be NULL")
			return nil
		}
		e.drift = append(e.drift, gone)
		return nil
	}
	column := columns[0]
	t, err := typeOf(column.Type, func() int { return 0 })
	if err != nil {
		return fmt.Errorf("column %q: %w", field.Name, err)
	}
	switch fitOf(field.Type, t) {
	case fitNot:
		return tidemark.WithHint(
			fmt.Errorf("column %q: the table has %s and the rows bring %s: %w", field.Name, field.Type, t, tidemark.ErrInvalid),
			"cast the column with change_schema or sql to the table's type, or load into another table")
	case fitCast:
		e.drift = append(e.drift, fmt.Sprintf("column %q shrinks from %s to %s", field.Name, field.Type, t))
	case fitWiden:
		e.changes = append(e.changes, fmt.Sprintf("column %q grows from %s to %s", field.Name, field.Type, t))
		field.Type, field.Doc = t, docOf(column)
	}
	if field.Required && column.Nullable {
		e.changes = append(e.changes, fmt.Sprintf("column %q may be NULL now", field.Name))
		field.Required = false
	}
	return nil
}

// firstSchema returns the schema of a new table.
func firstSchema(want *arrow.Schema) (*iceberg.Schema, error) {
	e, err := evolve(iceberg.NewSchema(-1), 0, want)
	if err != nil {
		return nil, err
	}
	if e.schema == nil {
		return nil, fmt.Errorf("a table needs a column: %w", tidemark.ErrInvalid)
	}
	fields := slices.Clone(e.schema.Fields())
	for i := range fields { // nothing is there yet that could lack a value
		fields[i].Required = !want.Field(i).Nullable
	}
	return iceberg.NewSchema(0, fields...), nil
}

// checkNames refuses columns that differ in case alone. Iceberg could hold them; Spark, Athena and DuckDB could not
// tell them apart.
func checkNames(current *iceberg.Schema, want *arrow.Schema) error {
	names := make(map[string]string)
	for _, field := range current.Fields() {
		names[strings.ToLower(field.Name)] = field.Name
	}
	seen := make(map[string]bool)
	for _, column := range want.Fields() {
		folded := strings.ToLower(column.Name)
		other, ok := names[folded]
		if ok && (other != column.Name || seen[folded]) {
			return tidemark.WithHint(
				fmt.Errorf("columns %q and %q differ in case alone, which most readers cannot tell apart: %w", other, column.Name, tidemark.ErrInvalid),
				"rename one of them with change_schema")
		}
		names[folded], seen[folded] = column.Name, true
	}
	return nil
}

func fieldNamed(fields []iceberg.NestedField, name string) (iceberg.NestedField, bool) {
	i := slices.IndexFunc(fields, func(f iceberg.NestedField) bool { return f.Name == name })
	if i < 0 {
		return iceberg.NestedField{}, false
	}
	return fields[i], true
}

func docOf(column arrow.Field) string {
	doc, _ := column.Metadata.GetValue(tidemark.DocKey)
	return doc
}
