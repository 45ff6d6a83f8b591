package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A table is what the source knows of its table: the schema for everybody, and for itself how to read it.
type table struct {
	name    tidemark.TableName // as the server spells it
	schema  *tidemark.Schema
	columns []column // those that are read, in the table's order
	all     []column // also those that are not
	indexes []index
	engine  string
	kind    string   // BASE TABLE, VIEW, SYSTEM VERSIONED
	order   []column // the columns to read in order of and continue behind; nil when there are none
}

// An index of the table, its columns in order.
type index struct {
	name    string
	columns []string
	unique  bool // and no column of it can be NULL
	whole   bool // all columns with their whole values, ascending, none an expression
	usable  bool // visible to the optimizer
}

// Schema returns the table as it is now: every column by name, invisible and generated ones included.
func (s *Source) Schema(ctx context.Context) (*tidemark.Schema, error) {
	t, err := s.describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", s.pipeline.Table, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table = t
	return t.schema, nil
}

// current returns the table as the last Schema saw it.
func (s *Source) current(ctx context.Context) (*table, error) {
	s.mu.Lock()
	t := s.table
	s.mu.Unlock()
	if t != nil {
		return t, nil
	}
	if _, err := s.Schema(ctx); err != nil {
		return nil, err
	}
	return s.current(ctx)
}

func (s *Source) describe(ctx context.Context) (t *table, err error) {
	err = s.with(ctx, func(c *conn) error {
		t, err = s.describeOn(ctx, c)
		return err
	})
	return t, err
}

func (s *Source) describeOn(ctx context.Context, c *conn) (*table, error) {
	t := &table{}
	rows, bytes, err := t.find(ctx, c, s.pipeline.Table)
	if err != nil {
		return nil, err
	}
	if err := t.readColumns(ctx, c); err != nil {
		return nil, err
	}
	if err := t.readIndexes(ctx, c); err != nil {
		return nil, err
	}
	if err := t.choose(s.pipeline.Columns, s.config.ZeroDates); err != nil {
		return nil, err
	}
	t.schema = &tidemark.Schema{
		Key: t.primaryKey(), Unique: t.uniqueKeys(), Rows: rows, Bytes: bytes,
		Origin: tidemark.Origin{Server: s.server.id, Table: t.name.String()},
	}
	for i := range t.columns {
		t.schema.Columns = append(t.schema.Columns, t.columns[i].Column)
	}
	if t.schema.Cursor, err = t.cursor(s.pipeline); err != nil {
		return nil, err
	}
	if err := t.checkMode(s.pipeline); err != nil {
		return nil, err
	}
	t.order = t.keyOrder(s.pipeline)
	if err := s.tryStatement(ctx, c, t); err != nil {
		return nil, err
	}
	s.warnAbout(t)
	return t, nil
}

// tryStatement has the server parse what Read will send, so that a mistake in the pipeline's condition shows before
// anything is read.
func (s *Source) tryStatement(ctx context.Context, c *conn, t *table) error {
	whole := &split{table: t, filter: s.filter(), columns: t.columns, server: s.server}
	sql, _ := whole.statement(nil)
	done := c.watch(ctx)
	defer done()
	parsed, err := c.prepare(sql)
	switch {
	case isLost(err):
		c.broken = true
		return orCanceled(ctx, err)
	case err != nil && s.pipeline.Where != "":
		return tidemark.WithHint(fmt.Errorf("read with where: %s: %w", s.pipeline.Where, err), "where: takes a condition of the server's SQL on the table's columns")
	case err != nil:
		return err
	case parsed.params > 0:
		return fmt.Errorf("where: %s: a ? stands for a value that nobody gives: %w", s.pipeline.Where, tidemark.ErrInvalid)
	}
	if _, err := newBatch(t.schema.Arrow(), t.columns, parsed.fields); err != nil {
		return err
	}
	return c.closeStatement(parsed)
}

// find looks the table up and takes over its spelling. What cannot be seen there is asked for by a statement, whose
// error tells a missing privilege from a missing table.
func (t *table) find(ctx context.Context, c *conn, name tidemark.TableName) (rows, bytes int64, err error) {
	res, err := c.query(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES "+
		"WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", name.Database, name.Name)
	if err != nil {
		return 0, 0, err
	}
	at := slices.IndexFunc(res.rows, func(r []cell) bool { return r[0].text == name.Database && r[1].text == name.Name })
	if at < 0 && len(res.rows) == 1 {
		at = 0 // a server that folds case
	}
	if at < 0 {
		return 0, 0, missingTable(ctx, c, name)
	}
	row := res.rows[at]
	t.name = tidemark.TableName{Database: row[0].text, Name: row[1].text}
	t.kind, t.engine = row[2].text, row[3].text
	return estimate(row[4]), estimate(row[5]), nil
}

// estimate reads a number that the server may not have.
func estimate(c cell) int64 {
	n, err := strconv.ParseInt(c.text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// missingTable explains why a table is not in sight.
func missingTable(ctx context.Context, c *conn, name tidemark.TableName) error {
	_, err := c.query(ctx, "SELECT 1 FROM "+identTable(name)+" LIMIT 0")
	switch codeOf(err) {
	case codeNoTable, codeNoDatabase:
	case codeTableDenied, codeDatabaseDenied:
		return tidemark.WithHint(err, "GRANT SELECT ON "+identTable(name)+" TO the connection's user")
	default:
		if err != nil {
			return err
		}
		return fmt.Errorf("table %s is readable but not in information_schema: %w", name, tidemark.ErrInvalid)
	}
	missing := fmt.Errorf("table %s: %w", name, tidemark.ErrNotFound)
	res, lookup := c.query(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? LIMIT 5000", name.Database)
	if lookup != nil {
		return missing
	}
	if len(res.rows) == 0 {
		return tidemark.WithHint(missing, fmt.Sprintf("no table of database %q is visible to the connection's user", name.Database))
	}
	return tidemark.WithHint(missing, didYouMean(name.Name, texts(res)))
}

// texts returns the first column of a result.
func texts(res result) []string {
	out := make([]string, len(res.rows))
	for i, r := range res.rows {
		out[i] = r[0].text
	}
	return out
}

func (t *table) readColumns(ctx context.Context, c *conn) error {
	res, err := c.query(ctx, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, "+
		"NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, COLUMN_DEFAULT, EXTRA, COLUMN_COMMENT "+
		"FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", t.name.Database, t.name.Name)
	if err != nil {
		return err
	}
	for _, r := range res.rows {
		if r[0].text != t.name.Name {
			continue // a table whose name differs in case only
		}
		col := column{
			Column:   tidemark.Column{Name: r[1].text, SourceType: r[3].text, Comment: r[10].text},
			dataType: strings.ToLower(r[2].text), declared: r[4].text == "NO",
			unsigned:  strings.Contains(strings.ToLower(r[3].text), "unsigned"),
			precision: int(estimate(r[5])), scale: max(int(estimate(r[6])), 0),
			defaulted: r[8].text, extra: strings.ToLower(r[9].text),
		}
		if !r[7].null {
			col.scale = int(estimate(r[7]))
		}
		t.all = append(t.all, col)
	}
	if len(t.all) == 0 {
		return fmt.Errorf("table %s shows no columns to the connection's user: %w", t.name, tidemark.ErrDenied)
	}
	return nil
}

// choose takes the columns that the pipeline reads: those that it names, or all.
func (t *table) choose(names []string, zero ZeroDates) error {
	for _, name := range names {
		if t.columnNamed(name) == nil {
			return t.noColumn(name)
		}
	}
	for _, col := range t.all {
		if names != nil && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, col.Name) }) {
			continue
		}
		if err := col.classify(zero); err != nil {
			return err
		}
		t.columns = append(t.columns, col)
	}
	return nil
}

// columnNamed finds a column as the server does, whatever the case; nil when there is none.
func (t *table) columnNamed(name string) *column {
	i := slices.IndexFunc(t.all, func(c column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return nil
	}
	return &t.all[i]
}

// Column returns a column that the pipeline reads, by its name in any case; Schema was called before. One that the table
// does not have is ErrNotFound with the nearest name, one that the pipeline leaves out ErrInvalid.
func (s *Source) Column(name string) (tidemark.Column, error) {
	t, err := s.known()
	if err != nil {
		return tidemark.Column{}, err
	}
	found := t.columnNamed(name)
	if found == nil {
		return tidemark.Column{}, t.noColumn(name)
	}
	c, err := t.compared(found.Name)
	if err != nil {
		return tidemark.Column{}, tidemark.WithHint(
			fmt.Errorf("column %q of table %s is not read by pipeline %s: %w", found.Name, t.name, s.pipeline.ID, tidemark.ErrInvalid),
			"add it to the source's columns")
	}
	return c.Column, nil
}

func (t *table) noColumn(name string) error {
	names := make([]string, len(t.all))
	for i, c := range t.all {
		names[i] = c.Name
	}
	return tidemark.WithHint(fmt.Errorf("column %q of table %s: %w", name, t.name, tidemark.ErrNotFound), didYouMean(name, names))
}

// warnAbout tells what the owner of the table should know.
func (s *Source) warnAbout(t *table) {
	switch {
	case t.kind == "VIEW":
		s.notice("table %s is a view: rows that its tables bring in late are not seen as such", t.name)
	case t.engine != "" && !strings.EqualFold(t.engine, "InnoDB"):
		s.notice("table %s uses engine %s: it has no transactions, so that a read may see half of a statement", t.name, t.engine)
	}
}
