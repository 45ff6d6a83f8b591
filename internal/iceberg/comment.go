package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// Comments lie where other engines look for them: a table's in its property "comment", a column's in its doc. The doc that
// the source gave the column then lies in a property of its own, and what says that the doc is a person's is that this
// property is there.
const (
	commentKey      = "comment"
	sourceDocPrefix = "tidemark-source-doc-" // and the id of the field
)

func sourceDocKey(field int) string { return sourceDocPrefix + strconv.Itoa(field) }

var _ tidemark.Commenter = (*Lake)(nil)

// Comment implements tidemark.Commenter. It makes no snapshot: a run that commits meanwhile finds that the table is not
// the one on which it stands, and puts the same files on top of it.
func (l *Lake) Comment(ctx context.Context, id tidemark.TableID, column, text string) (was string, err error) {
	var refused error
	first := true
	for range maxHeads {
		tbl, err := l.load(ctx, id)
		if err != nil {
			return "", errors.Join(err, refused)
		}
		updates, old, err := comment(tbl, column, text)
		if err != nil {
			return "", err
		}
		if first { // what a try of ours has written is not what was there
			was, first = old, false
		}
		if len(updates) == 0 {
			return was, nil
		}
		v, err := l.tables.next(tbl, []table.Requirement{
			table.AssertTableUUID(tbl.Metadata().TableUUID()), table.AssertCurrentSchemaID(tbl.Schema().ID),
		}, updates)
		if err != nil {
			return "", err
		}
		if err := failpoint.Hit("iceberg.comment.before"); err != nil {
			return "", err
		}
		_, refused = l.tables.publish(ctx, v)
		if hit := failpoint.Hit("iceberg.comment.after"); hit != nil {
			return "", hit
		}
		if refused == nil {
			return was, nil
		}
		if forGood(refused) {
			break
		}
		// Whatever the error says, what counts is what the table says now.
		if err := pause(ctx); err != nil {
			return "", errors.Join(err, refused)
		}
	}
	if errors.Is(refused, table.ErrCommitFailed) {
		refused = fmt.Errorf("%w: %w", tidemark.ErrTransient, refused)
	}
	return "", fmt.Errorf("comment on table %s: %w", id, refused)
}

// comment returns the updates that set a comment, none where it is set already, and the one that is there.
func comment(tbl *table.Table, column, text string) (updates []table.Update, was string, err error) {
	if column == "" {
		was = tbl.Properties()[commentKey]
		switch {
		case was == text:
			return nil, was, nil
		case text == "":
			return []table.Update{table.NewRemovePropertiesUpdate([]string{commentKey})}, was, nil
		}
		return []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{commentKey: text})}, was, nil
	}
	fields := slices.Clone(tbl.Schema().Fields())
	at := slices.IndexFunc(fields, func(f iceberg.NestedField) bool { return f.Name == column })
	if at < 0 {
		return nil, "", noColumn(tbl, column)
	}
	f := &fields[at]
	_, was = docsOf(tbl, *f)
	if was == text {
		return nil, was, nil
	}
	source, commented := tbl.Properties()[sourceDocKey(f.ID)]
	switch {
	case text == "":
		f.Doc = source
		updates = append(updates, table.NewRemovePropertiesUpdate([]string{sourceDocKey(f.ID)}))
	case commented:
		f.Doc = text
	default:
		updates = append(updates, table.NewSetPropertiesUpdate(iceberg.Properties{sourceDocKey(f.ID): f.Doc}))
		f.Doc = text
	}
	schema := iceberg.NewSchemaWithIdentifiers(tbl.Schema().ID+1, tbl.Schema().IdentifierFieldIDs, fields...)
	return append(updates, table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(-1)), was, nil
}

// docsOf returns what the source says of a column, and what a person has set.
func docsOf(tbl *table.Table, f iceberg.NestedField) (source, comment string) {
	if source, commented := tbl.Properties()[sourceDocKey(f.ID)]; commented {
		return source, f.Doc
	}
	return f.Doc, ""
}

func noColumn(tbl *table.Table, column string) error {
	var names []string
	for _, f := range tbl.Schema().Fields() {
		names = append(names, f.Name)
	}
	return tidemark.WithHint(fmt.Errorf("table %s has no column %q: %w", strings.Join(tbl.Identifier(), "."), column, tidemark.ErrNotFound),
		"it has: "+strings.Join(names, ", "))
}

// keepComments takes back what an evolution does to the comments that people have set. It returns the properties in which
// the source's own words are kept instead.
func (e *evolution) keepComments(tbl *table.Table) iceberg.Properties {
	if e.schema == nil {
		return nil
	}
	kept := iceberg.Properties{}
	fields := slices.Clone(e.schema.Fields())
	for i := range fields {
		before, there := tbl.Schema().FindFieldByID(fields[i].ID)
		if _, commented := tbl.Properties()[sourceDocKey(fields[i].ID)]; !there || !commented || fields[i].Doc == before.Doc {
			continue
		}
		kept[sourceDocKey(fields[i].ID)], fields[i].Doc = fields[i].Doc, before.Doc
	}
	if len(kept) > 0 {
		e.schema = iceberg.NewSchemaWithIdentifiers(e.schema.ID, e.schema.IdentifierFieldIDs, fields...)
	}
	return kept
}
