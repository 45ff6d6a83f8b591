package verify

import (
	"context"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A whole is a row with all of its values.
type whole struct {
	texts  []string  // of the comparison's columns: what is compared
	shown  []*string // the same for people
	cursor tidemark.CursorValue
}

// judge decides about rows that looked different, by what the source holds now, and names them in the report.
func (v *verifier) judge(ctx context.Context, marks map[string]*mark, from []arrow.RecordBatch) error {
	wanted := &lookup{key: v.comparison.Key}
	defer wanted.release()
	lake, err := v.lakeRows(ctx, marks, wanted)
	if err != nil {
		return err
	}
	if err := wanted.addMarks(ctx, marks, from); err != nil {
		return err
	}
	source, err := v.sourceRows(ctx, marks, wanted)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		if v.comparison.Key != nil {
			v.judgeKeyed(source[name], lake[name])
		} else {
			v.judgeMultiset(marks[name], source[name], lake[name])
		}
	}
	return nil
}

// judgeKeyed compares the rows with one key. A row that the next run reads is pending, whatever the lake holds.
func (v *verifier) judgeKeyed(source, lake []whole) {
	settled := v.comparison.Settled
	if len(source) > 0 && !settled.IsZero() && (source[0].cursor.IsZero() || !source[0].cursor.Less(settled)) {
		v.report.Pending++
		return
	}
	switch {
	case len(source) == 0 && len(lake) == 0: // was deleted on both sides meanwhile
	case len(source) == 0 && v.Shared: // may be another pipeline's
	case len(source) == 0:
		v.report.add(v.Limit, Row{Kind: Deleted, Count: times(len(lake)), Key: v.values(lake[0], v.comparison.Key)})
	case len(lake) == 0:
		v.report.add(v.Limit, Row{Kind: Missing, Key: v.values(source[0], v.comparison.Key)})
	default:
		v.judgeBoth(source[0], lake)
	}
}

func (v *verifier) judgeBoth(source whole, lake []whole) {
	key := v.values(source, v.comparison.Key)
	if extra := v.extra(lake); extra > 0 {
		v.report.add(v.Limit, Row{Kind: Doubled, Count: times(extra), Key: key})
	}
	for _, row := range lake {
		if slices.Equal(row.texts, source.texts) {
			return
		}
	}
	r := Row{Kind: Different, Key: key}
	for i, name := range v.comparison.Columns {
		if source.texts[i] != lake[0].texts[i] {
			r.Differ = append(r.Differ, Pair{Column: name, Source: source.shown[i], Lake: lake[0].shown[i]})
		}
	}
	v.report.add(v.Limit, r)
}

// extra is how many of the lake's rows with one key should not be there. A table that is appended to may hold several
// versions with one cursor value, but none twice.
func (v *verifier) extra(lake []whole) int {
	if v.Pipeline.Mode != tidemark.ModeAppend {
		return len(lake) - 1
	}
	distinct := map[string]bool{}
	for _, row := range lake {
		distinct[strings.Join(row.texts, ",")] = true
	}
	return len(lake) - len(distinct)
}

// times is a count as a Row has it.
func times(n int) int64 {
	if n == 1 {
		return 0
	}
	return int64(n)
}

// judgeMultiset compares how often a row is there.
func (v *verifier) judgeMultiset(m *mark, source, lake []whole) {
	row := Row{Count: times(max(m.source, m.lake) - min(m.source, m.lake))}
	example := lake
	switch {
	case m.source > m.lake:
		row.Kind, example = Missing, source
	case v.Shared:
		return
	case m.source > 0:
		row.Kind = Doubled
	default:
		row.Kind = Deleted
	}
	if len(example) == 0 {
		return // it is gone meanwhile
	}
	row.Key = v.values(example[0], v.comparison.Columns)
	v.report.add(v.Limit, row)
}

// values returns some of a row's values for people.
func (v *verifier) values(row whole, names []string) []Value {
	out := make([]Value, len(names))
	for i, name := range names {
		out[i] = Value{Column: name, Value: row.shown[slices.Index(v.comparison.Columns, name)]}
	}
	return out
}

// lakeRows returns the lake's rows of these names, whole. Of keys that are in the lake alone it makes a note in wanted.
func (v *verifier) lakeRows(ctx context.Context, marks map[string]*mark, wanted *lookup) (map[string][]whole, error) {
	rows := map[string][]whole{}
	var name []byte
	var reader *wholeReader
	err := v.eachLakeRow(ctx, v.comparison.Columns, func(r lakeRow) (err error) {
		name = v.nameOf(name[:0], r.key, r.checksum)
		m := marks[string(name)]
		if m == nil {
			return nil
		}
		if reader == nil || reader.batch != r.batch {
			if err := wanted.flush(ctx); err != nil {
				return err
			}
			if reader, err = v.wholeReader(r.batch); err != nil {
				return err
			}
		}
		if m.source == 0 && rows[string(name)] == nil && v.comparison.Key != nil {
			wanted.note(r.batch, r.row)
		}
		rows[string(name)] = append(rows[string(name)], reader.row(r.row))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, wanted.flush(ctx)
}

// sourceRows returns the source's rows of these names, whole. Where rows have a key they are fetched as they are now,
// whether they were there before or not.
func (v *verifier) sourceRows(ctx context.Context, marks map[string]*mark, wanted *lookup) (map[string][]whole, error) {
	rows := map[string][]whole{}
	var name []byte
	for _, keys := range wanted.batches {
		for b, err := range v.Source.Fetch(ctx, v.comparison, keys) {
			if err != nil {
				return nil, err
			}
			v.report.Fetched += b.NumRows()
			err := v.eachWhole(b, func(key []byte, checksum uint32, row whole) {
				if name = v.nameOf(name[:0], key, checksum); marks[string(name)] != nil {
					rows[string(name)] = append(rows[string(name)], row)
				}
			})
			b.Release()
			if err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// eachWhole calls do for the rows of a batch from the source.
func (v *verifier) eachWhole(b arrow.RecordBatch, do func(key []byte, checksum uint32, row whole)) error {
	reader, err := v.wholeReader(b)
	if err != nil {
		return err
	}
	text, err := v.Source.Texts(b, v.comparison.Columns)
	if err != nil {
		return err
	}
	key := func(dst []byte, _ int) []byte { return dst }
	if v.comparison.Key != nil {
		if key, err = v.Source.Texts(b, v.comparison.Key); err != nil {
			return err
		}
	}
	for i := range int(b.NumRows()) {
		do(key(nil, i), crc32.ChecksumIEEE(text(nil, i)), reader.row(i))
	}
	return nil
}

// A wholeReader reads rows of one batch with all their values.
type wholeReader struct {
	batch   arrow.RecordBatch
	columns []arrow.Array // nil: the batch does not have the column
	texts   []func([]byte, int) []byte
	cursor  func(row int) tidemark.CursorValue // nil without a cursor
}

func (v *verifier) wholeReader(b arrow.RecordBatch) (r *wholeReader, err error) {
	r = &wholeReader{batch: b}
	for _, name := range v.comparison.Columns {
		var column arrow.Array
		if at := b.Schema().FieldIndices(name); len(at) > 0 {
			column = b.Column(at[0])
		}
		text, err := v.Source.Texts(b, []string{name})
		if err != nil {
			return nil, err
		}
		r.columns, r.texts = append(r.columns, column), append(r.texts, text)
	}
	if v.Schema.Cursor != nil {
		r.cursor, err = cursorOf(v.Schema.Cursor, b)
	}
	return r, err
}

func (r *wholeReader) row(i int) whole {
	w := whole{texts: make([]string, len(r.columns)), shown: make([]*string, len(r.columns))}
	for k, column := range r.columns {
		w.texts[k] = string(r.texts[k](nil, i))
		if column != nil && column.IsValid(i) {
			shown := column.ValueStr(i)
			w.shown[k] = &shown
		}
	}
	if r.cursor != nil {
		w.cursor = r.cursor(i)
	}
	return w
}
