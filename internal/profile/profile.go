// Package profile looks at what a table holds, by a few SELECTs over it, and proposes checks that the table passes.
//
// It makes the statements and judges their answers; who runs them is the caller's affair. Nothing here grows with the table.
package profile

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A Subject is the table that is looked at.
type Subject struct {
	From    string // what stands behind FROM
	Columns []arrow.Field
	Key     []string // of the pipeline's merge; nil for none
	Cursor  string   // the pipeline's; "" for none

	// Sample is the part of the rows in which different values are counted, which is what costs; 1 for all. What is proposed
	// holds for all rows all the same: what is proposed of a part is tried on all, or left out.
	Sample float64
}

// A Profile is what was seen.
type Profile struct {
	Rows    int64 // of the table
	Sampled int64 // in which values were counted: Rows, or fewer
	Columns []Column
	Key     []string // Subject's, where no two rows share it
	cursor  string
}

// A Column is what was seen of a column.
type Column struct {
	Name     string
	Type     arrow.DataType
	Values   int64    // that are not NULL
	Min, Max string   // "" where they are not known
	Distinct bool     // no two rows share a value
	Accepted []string // all values there are, where they are few; sorted
}

// mostAccepted is how many values a column of few has, and perValue how often each is there on average.
const (
	mostAccepted = 20
	perValue     = 10
	longest      = 60 // bytes of a value of few

	// fewestDistinct is from how many values on it says something that no two are the same.
	fewestDistinct = 50
)

// Of looks at a table. ask runs a statement that returns one row, and returns the row.
func Of(ctx context.Context, s Subject, ask func(context.Context, string) ([]duckdb.Value, error)) (*Profile, error) {
	p := &Profile{cursor: s.Cursor}
	if err := p.lookAtAll(ctx, s, ask); err != nil || p.Rows == 0 {
		return p, err
	}
	distinct, err := p.estimate(ctx, s, ask)
	if err != nil {
		return nil, err
	}
	return p, p.settle(ctx, s, distinct, ask)
}

// An answer is the only row of a result, which is read from left to right.
type answer struct {
	row []duckdb.Value
	at  int
}

func (a *answer) text() string {
	v := a.row[a.at]
	a.at++
	if v == nil {
		return ""
	}
	return duckdb.Text(v)
}

func (a *answer) number() (int64, error) {
	n, err := strconv.ParseInt(a.text(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("profile: %w", err)
	}
	return n, nil
}

// lookAtAll counts the values of all rows and finds the least and the greatest.
func (p *Profile) lookAtAll(ctx context.Context, s Subject, ask func(context.Context, string) ([]duckdb.Value, error)) error {
	list := []string{"count(*)"}
	for _, f := range s.Columns {
		name := duckdb.Ident(f.Name)
		list = append(list, "count("+name+")")
		if ordered(f.Type) {
			list = append(list, "CAST(min("+name+") AS VARCHAR)", "CAST(max("+name+") AS VARCHAR)")
		}
	}
	row, err := ask(ctx, selectFrom(list, s.From, 1))
	if err != nil {
		return err
	}
	a := &answer{row: row}
	if p.Rows, err = a.number(); err != nil {
		return err
	}
	p.Sampled = p.Rows
	for _, f := range s.Columns {
		c := Column{Name: f.Name, Type: f.Type}
		if c.Values, err = a.number(); err != nil {
			return err
		}
		if ordered(f.Type) {
			c.Min, c.Max = a.text(), a.text()
		}
		p.Columns = append(p.Columns, c)
	}
	return nil
}

// estimate tells about how many different values each column has; 0 where that is of no use.
func (p *Profile) estimate(ctx context.Context, s Subject, ask func(context.Context, string) ([]duckdb.Value, error)) ([]int64, error) {
	list := []string{"count(*)"}
	for _, c := range p.Columns {
		if c.countable() {
			list = append(list, "approx_count_distinct("+duckdb.Ident(c.Name)+")")
		}
	}
	row, err := ask(ctx, selectFrom(list, s.From, s.Sample))
	if err != nil {
		return nil, err
	}
	a := &answer{row: row}
	if p.Sampled, err = a.number(); err != nil {
		return nil, err
	}
	distinct := make([]int64, len(p.Columns))
	for i, c := range p.Columns {
		if !c.countable() {
			continue
		}
		if distinct[i], err = a.number(); err != nil {
			return nil, err
		}
	}
	return distinct, nil
}

// An estimate is off by a quarter now and then: what it calls worth a look is looked at.
const (
	perhapsDistinct = 0.6
	perhapsFew      = 2 * mostAccepted
)

// settle looks at the columns whose values may all be different, or few, and then knows it.
func (p *Profile) settle(ctx context.Context, s Subject, distinct []int64, ask func(context.Context, string) ([]duckdb.Value, error)) error {
	var list []string
	var read []func(*answer) error
	look := func(sql string, then func(*answer) error) { list, read = append(list, sql), append(read, then) }
	for i := range p.Columns {
		c := &p.Columns[i]
		name := duckdb.Ident(c.Name)
		switch n := distinct[i]; {
		case n == 0:
		case p.whole() && c.Values >= fewestDistinct && float64(n) >= perhapsDistinct*float64(c.Values):
			look("count(DISTINCT "+name+")", func(a *answer) error {
				n, err := a.number()
				c.Distinct = n == c.Values
				return err
			})
		case c.Type.ID() == arrow.STRING && n <= perhapsFew:
			look("list_sort(list(DISTINCT "+name+") FILTER (WHERE "+name+" IS NOT NULL))", func(a *answer) error {
				values, _ := a.row[a.at].([]duckdb.Value)
				a.at++
				c.accept(values, p.Sampled)
				return nil
			})
		}
	}
	if p.whole() && len(s.Key) > 0 {
		look("count(DISTINCT ("+strings.Join(idents(s.Key), ", ")+"))", func(a *answer) error {
			n, err := a.number()
			if n == p.Rows {
				p.Key = s.Key
			}
			return err
		})
	}
	if len(list) > 0 {
		row, err := ask(ctx, selectFrom(list, s.From, s.Sample))
		if err != nil {
			return err
		}
		a := &answer{row: row}
		for _, then := range read {
			if err := then(a); err != nil {
				return err
			}
		}
	}
	return p.confirm(ctx, s, ask)
}

// confirm tries on all rows what a part of them has suggested.
func (p *Profile) confirm(ctx context.Context, s Subject, ask func(context.Context, string) ([]duckdb.Value, error)) error {
	var list []string
	var columns []*Column
	for i := range p.Columns {
		if c := &p.Columns[i]; !p.whole() && c.Accepted != nil {
			var values []string
			for _, v := range c.Accepted {
				values = append(values, duckdb.Literal(v))
			}
			list = append(list, fmt.Sprintf("count(*) FILTER (WHERE %s NOT IN (%s))", duckdb.Ident(c.Name), strings.Join(values, ", ")))
			columns = append(columns, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	row, err := ask(ctx, selectFrom(list, s.From, 1))
	if err != nil {
		return err
	}
	a := &answer{row: row}
	for _, c := range columns {
		others, err := a.number()
		if err != nil {
			return err
		}
		if others > 0 {
			c.Accepted = nil
		}
	}
	return nil
}

// whole reports whether the values of all rows were counted.
func (p *Profile) whole() bool { return p.Sampled == p.Rows }

// accept takes the values of a column for all there are, if they are few enough to mean something.
func (c *Column) accept(values []duckdb.Value, rows int64) {
	if len(values) == 0 || len(values) > mostAccepted || int64(len(values))*perValue > min(rows, c.Values) {
		return
	}
	var accepted []string
	for _, v := range values {
		text := duckdb.Text(v)
		if len(text) > longest {
			return
		}
		accepted = append(accepted, text)
	}
	c.Accepted = accepted
}

// countable reports whether different values of the column say something.
func (c *Column) countable() bool {
	return c.Values > 0 && (c.Type.ID() == arrow.STRING || arrow.IsInteger(c.Type.ID()) || c.Type.ID() == arrow.DECIMAL128)
}

// ordered reports whether a type has a least and a greatest value that a range can name.
func ordered(t arrow.DataType) bool { return numeric(t) || temporal(t) }

func numeric(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || t.ID() == arrow.DECIMAL128
}

func temporal(t arrow.DataType) bool { return t.ID() == arrow.DATE32 || t.ID() == arrow.TIMESTAMP }

func selectFrom(list []string, from string, sample float64) string {
	text := "SELECT " + strings.Join(list, ", ") + " FROM " + from
	if sample < 1 {
		text += fmt.Sprintf(" USING SAMPLE %s%% (bernoulli)", strconv.FormatFloat(100*sample, 'f', 6, 64))
	}
	return text
}

func idents(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = duckdb.Ident(name)
	}
	return list
}
