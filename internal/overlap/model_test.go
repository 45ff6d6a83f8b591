package overlap

import (
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// modelColumn is a column of the model: values are small integers, and a type shows them in its own way.
type modelColumn struct {
	name  string
	types []arrow.DataType // of one kind
	now   int              // index into types
}

// families are types of one kind each.
var families = [][]arrow.DataType{
	{arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, unsignedType, decimal(12, 2), decimal(38, 20), arrow.PrimitiveTypes.Uint64},
	{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString},
	{arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64},
	{arrow.PrimitiveTypes.Date32, datetimeType},
	{timestampType},
	{arrow.ListOf(arrow.PrimitiveTypes.Float32)},
}

var cursorFamilies = [][]arrow.DataType{
	{arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint32, unsignedType, arrow.PrimitiveTypes.Uint64},
	{datetimeType}, {timestampType}, {arrow.PrimitiveTypes.Date32},
}

// physical returns what the builder of a type takes for a model value.
func physical(t arrow.DataType, v any) any {
	n, ok := v.(int)
	if !ok {
		return nil
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return new(big.Int).Mul(big.NewInt(int64(n)), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil))
	case *arrow.TimestampType:
		return n * day
	case *arrow.ListType:
		return []any{n, nil, n}
	}
	return n
}

// modelRow maps column names to values; nil is NULL.
type modelRow map[string]any

// text is the identity of a row in the given columns.
func (r modelRow) text(columns []column) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "%s=%v;", c.Name, r[c.Name])
	}
	return b.String()
}

// A model does naively what the package does: it keeps whole rows in memory.
type model struct {
	r             *rand.Rand
	columns       []modelColumn // the first is the cursor
	high, settled int           // -1: none
	kept          []modelRow
	keptColumns   []column
	names         int
}

func newModel(r *rand.Rand) *model {
	m := &model{r: r, high: -1, settled: -1}
	m.columns = []modelColumn{{name: "m_cursor", types: cursorFamilies[r.IntN(len(cursorFamilies))]}}
	for range 1 + r.IntN(4) {
		m.add()
	}
	return m
}

func (m *model) add() {
	m.names++
	// Some names sort before the cursor's, some behind it.
	name := fmt.Sprintf("%c%d", "az"[m.r.IntN(2)], m.names)
	m.columns = append(m.columns, modelColumn{name: name, types: families[m.r.IntN(len(families))]})
}

// evolve changes the columns as ALTER TABLE would.
func (m *model) evolve() {
	for i := range m.columns {
		m.columns[i].now = m.r.IntN(len(m.columns[i].types))
	}
	switch n := len(m.columns); m.r.IntN(6) {
	case 0:
		m.add()
	case 1:
		if n > 3 {
			m.columns = slices.Delete(m.columns, n-1, n)
		}
	case 2:
		if n > 3 { // another kind
			m.columns[n-1].types, m.columns[n-1].now = families[m.r.IntN(len(families))], 0
		}
	}
}

// schema returns the columns in random order.
func (m *model) schema() *tidemark.Schema {
	var columns []tidemark.Column
	for _, i := range m.r.Perm(len(m.columns)) {
		columns = append(columns, col(m.columns[i].name, m.columns[i].types[m.columns[i].now]))
	}
	return schemaOf("m_cursor", columns...)
}

// read returns what a run may see: some of the rows that were kept, perhaps with a value changed, and other ones.
func (m *model) read() []modelRow {
	var rows []modelRow
	for _, old := range m.kept {
		if m.r.IntN(8) == 0 {
			continue
		}
		row := modelRow{}
		for _, c := range m.columns {
			v, ok := old[c.name]
			if !ok || m.r.IntN(20) == 0 && c.name != "m_cursor" {
				v = m.value()
			}
			row[c.name] = v
		}
		rows = append(rows, row)
	}
	for range m.r.IntN(200) {
		row := modelRow{}
		for _, c := range m.columns {
			row[c.name] = m.value()
		}
		row["m_cursor"] = max(m.settled, 0) + m.r.IntN(8)
		if m.r.IntN(10) == 0 {
			row["m_cursor"] = nil
		}
		rows = append(rows, row)
	}
	m.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func (m *model) value() any {
	if m.r.IntN(6) == 0 {
		return nil
	}
	return m.r.IntN(3)
}

// fresh reports for each row whether no earlier run has loaded it.
func (m *model) fresh(rows []modelRow, columns []column) []bool {
	common, _, _ := match(columns, m.keptColumns)
	var by []column
	for _, i := range common {
		by = append(by, columns[i])
	}
	left := map[string]int{}
	for _, row := range m.kept {
		left[row.text(by)]++
	}
	fresh := make([]bool, len(rows))
	for i, row := range rows {
		if fresh[i] = left[row.text(by)] == 0; !fresh[i] {
			left[row.text(by)]--
		}
	}
	return fresh
}

// loaded moves the watermark over rows.
func (m *model) loaded(rows []modelRow, columns []column, bound int) {
	for _, row := range rows {
		if v, ok := row["m_cursor"].(int); ok {
			m.high = max(m.high, v)
		}
	}
	m.settled = max(m.settled, min(bound, m.high))
	m.kept, m.keptColumns = nil, columns
	for _, row := range rows {
		if v, ok := row["m_cursor"].(int); !ok || v >= m.settled {
			m.kept = append(m.kept, row)
		}
	}
}

// TestAgainstModel plays random runs over random tables and compares each batch with the model.
func TestAgainstModel(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newModel(rand.New(rand.NewPCG(seed, 7)))
			size := []sizes{tiny, defaultSizes}[seed%2]
			var l loaded
			for range 6 {
				l = playRun(t, m, l, size)
				m.evolve()
			}
		})
	}
}

// playRun gives one run's rows to a Pass and to the model.
func playRun(t *testing.T, m *model, l loaded, size sizes) loaded {
	t.Helper()
	s := m.schema()
	bound := m.high + m.r.IntN(12) - 4
	o := l.options(t, s, cursorValue(s, bound))
	p, err := begin(t.Context(), o, size)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rows := m.read()
	fresh := m.fresh(rows, p.hasher.columns)
	for from := 0; from < len(rows); {
		to := min(len(rows), from+1+m.r.IntN(60))
		var batch, want [][]any
		for i := from; i < to; i++ {
			row := physicalRow(s, rows[i])
			batch = append(batch, row)
			if fresh[i] {
				want = append(want, row)
			}
		}
		got, _ := apply(t, p, batch...)
		if diff := gocmp.Diff(render(newBatch(t, s, want...)), got); diff != "" {
			t.Fatalf("rows %d to %d of %s: %s", from, to, s.Arrow(), diff)
		}
		from = to
	}
	m.loaded(rows, p.hasher.columns, max(bound, -1))
	next := finish(t, p)
	if got, want := next.mark.Overlap.Rows, int64(len(m.kept)); got != want {
		t.Fatalf("side file of %d rows, want %d", got, want)
	}
	for name, pair := range map[string][2]tidemark.CursorValue{
		"high": {next.mark.High, cursorValue(s, m.high)}, "settled": {next.mark.Settled, cursorValue(s, m.settled)},
	} {
		if cmp.Compare(pair[0].String(), pair[1].String()) != 0 {
			t.Fatalf("%s = %s, want %s", name, pair[0], pair[1])
		}
	}
	return next
}

func physicalRow(s *tidemark.Schema, row modelRow) []any {
	var values []any
	for _, c := range s.Columns {
		v := physical(c.Type, row[c.Name])
		if c.Type.ID() == arrow.STRING && row[c.Name] != nil {
			v = fmt.Sprint(row[c.Name])
		}
		values = append(values, v)
	}
	return values
}

// cursorValue returns a model value as the cursor shows it; none for a negative one.
func cursorValue(s *tidemark.Schema, n int) tidemark.CursorValue {
	switch {
	case n < 0:
		return tidemark.CursorValue{}
	case s.Cursor.Kind.Temporal():
		return tidemark.TemporalValue(s.Cursor.Kind, int64(n)*day)
	default:
		return tidemark.IntegerValue(int64(n))
	}
}
