package run

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/query"
	"github.com/tidemark-data/tidemark/internal/verify"
)

// landed returns what the table gets of the source's rows, where one of them is one of the table's.
func (r *Runner) landed(ctx context.Context, p config.Pipeline, s *tidemark.Schema) (*tidemark.Schema, error) {
	steps := r.transforms(p)
	if steps == nil {
		return s, nil
	}
	t, err := steps.Begin(ctx, s, tidemark.Window{})
	if err != nil {
		return nil, fmt.Errorf("transforms of pipeline %s: %w", p.ID, err)
	}
	defer t.Close()
	return t.Schema(), engine.Comparable(p.Pipeline, t.Shape())
}

// columnNames leads from the source's names of columns to the lake's, which transforms may have changed.
type columnNames struct {
	lakes  map[string]string // by the source's
	source map[string]string // by the lake's
	hidden map[string]bool   // names of columns of the source that the lake has under another name or not at all
}

// sourceNames returns the names of the columns whose values are in the lake as the source has them, and why the other ones
// cannot be compared.
func sourceNames(s, lands *tidemark.Schema) (columnNames, map[string]string) {
	n := columnNames{lakes: map[string]string{}, source: map[string]string{}, hidden: map[string]bool{}}
	aside := map[string]string{}
	for _, c := range s.Columns {
		is, ok := lands.Lands(c.Name)
		switch {
		case !ok:
			aside[c.Name], n.hidden[c.Name] = "is dropped by the transforms", true
		case !sameText(c.Type, is.Type):
			aside[c.Name], n.hidden[c.Name] = fmt.Sprintf("is cast to %s by the transforms", tidemark.TypeName(is.Type)), true
		default:
			n.lakes[c.Name], n.source[is.Name] = is.Name, c.Name
			n.hidden[c.Name] = c.Name != is.Name
		}
	}
	for _, c := range lands.Columns {
		if c.Computed {
			n.hidden[c.Name] = true
		}
	}
	return n, aside
}

// sameText reports whether the values of a column look the same in both types, so that they can be compared.
func sameText(a, b arrow.DataType) bool {
	return arrow.TypeEqual(a, b) || arrow.IsInteger(a.ID()) && arrow.IsInteger(b.ID())
}

// ofSource returns the source's name of a column of the lake, or false where it has none. A column that neither side
// knows any more, as the mark of deleted rows, keeps its name.
func (n columnNames) ofSource(lake string) (string, bool) {
	for is, name := range n.source {
		if strings.EqualFold(is, lake) {
			return name, true
		}
	}
	return lake, !n.hidden[lake]
}

func (n columnNames) ofLake(source string) string {
	if name, ok := n.lakes[source]; ok {
		return name
	}
	return source
}

// newest names the columns as the lake does.
func (n columnNames) newest(by query.Newest) query.Newest {
	for i, name := range by.Key {
		if i == 0 {
			by.Key = append([]string(nil), by.Key...)
		}
		by.Key[i] = n.ofLake(name)
	}
	if _, ok := n.lakes[by.Cursor]; !ok {
		by.Cursor = "" // the later commit has the newer version
	}
	by.Cursor = n.ofLake(by.Cursor)
	return by
}

// renamedLake is a table of the lake whose columns have the source's names.
type renamedLake struct {
	scan  *query.Scan
	names columnNames
}

func (n columnNames) lake(scan *query.Scan) verify.Lake { return renamedLake{scan, n} }

func (l renamedLake) Rows(ctx context.Context, columns []string) iter.Seq2[*tidemark.LakeRows, error] {
	own := make([]string, len(columns))
	for i, name := range columns {
		own[i] = l.names.ofLake(name)
	}
	return func(yield func(*tidemark.LakeRows, error) bool) {
		for rows, err := range l.scan.Rows(ctx, own) {
			if err == nil {
				rows.RecordBatch = l.renamed(rows.RecordBatch)
			}
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}
}

// renamed takes over b.
func (l renamedLake) renamed(b arrow.RecordBatch) arrow.RecordBatch {
	fields := b.Schema().Fields()
	for i, f := range fields {
		if name, ok := l.names.ofSource(f.Name); ok {
			fields[i].Name = name
		}
	}
	defer b.Release()
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), b.Columns(), b.NumRows())
}
