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

	batch arrow.RecordBatch // of a row of the source that may have to be loaded: where it is
	row   int
	name  string // of a row of the lake: what it is known by, and its place
	file  string
	place int64
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
	loads := &loads{}
	defer loads.release()
	source, err := v.sourceRows(ctx, marks, wanted, loads)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		if v.comparison.Key != nil {
			v.judgeKeyed(source[name], lake[name], loads)
		} else {
			v.judgeMultiset(source[name], lake[name], loads)
		}
	}
	return v.load(ctx, loads)
}

// judgeKeyed compares the rows with one key. A row that the next run reads is pending, whatever the lake holds.
func (v *verifier) judgeKeyed(source, lake []whole, loads *loads) {
	switch {
	case len(source) == 0 && len(lake) == 0: // was deleted on both sides meanwhile
	case len(source) > 0 && v.Gone: // it came in, or came back, since
	case len(source) > 0 && v.isPending(source[0]):
		v.report.Pending++
	case len(source) == 0:
		v.judgeDeleted(lake, v.comparison.Key)
	case len(lake) == 0:
		v.report.add(v.Limit, Row{Kind: Missing, Key: v.values(source[0], v.comparison.Key)})
		loads.add(source[0])
	default:
		v.judgeBoth(source[0], lake, loads)
	}
}

// isPending reports whether the next run reads a row: it knows those at or above settled that are loaded already.
func (v *verifier) isPending(row whole) bool {
	settled := v.settled()
	return !settled.IsZero() && (row.cursor.IsZero() || !row.cursor.Less(settled))
}

// judgeDeleted tells of rows of the lake that the source does not have. What is appended at or above settled is left
// alone: if it were taken out and came back as it was, the next run would take it for loaded.
func (v *verifier) judgeDeleted(lake []whole, known []string) {
	switch {
	case v.Shared: // may be another pipeline's
	case v.Pipeline.Mode == tidemark.ModeAppend && v.isPending(lake[0]):
		v.report.Pending++
	default:
		v.report.add(v.Limit, Row{Kind: Deleted, Count: times(len(lake)), Key: v.values(lake[0], known)})
		v.deleted(lake)
	}
}

func (v *verifier) judgeBoth(source whole, lake []whole, loads *loads) {
	key := v.values(source, v.comparison.Key)
	extra := v.extra(lake)
	if len(extra) > 0 {
		v.report.add(v.Limit, Row{Kind: Doubled, Count: times(len(extra)), Key: key})
		v.doubled(source, lake, extra, loads)
	}
	for _, row := range lake {
		if slices.Equal(row.texts, source.texts) {
			return
		}
	}
	if v.Pipeline.Mode == tidemark.ModeAppend && v.isPending(lake[0]) {
		v.report.Pending++ // see judgeDeleted
		return
	}
	r := Row{Kind: Different, Key: key}
	for i, name := range v.comparison.Columns {
		if source.texts[i] != lake[0].texts[i] {
			r.Differ = append(r.Differ, Pair{Column: name, Source: source.shown[i], Lake: lake[0].shown[i]})
		}
	}
	v.report.add(v.Limit, r)
	v.different(source, lake, loads)
}

// extra returns those of the lake's rows with one key that should not be there. A table that is appended to may hold
// several versions with one cursor value, but none twice.
func (v *verifier) extra(lake []whole) (extra []whole) {
	if v.Pipeline.Mode != tidemark.ModeAppend {
		return lake[1:]
	}
	distinct := map[string]bool{}
	for _, row := range lake {
		text := strings.Join(row.texts, ",")
		if distinct[text] {
			extra = append(extra, row)
		}
		distinct[text] = true
	}
	return extra
}

// times is a count as a Row has it.
func times(n int) int64 {
	if n == 1 {
		return 0
	}
	return int64(n)
}

// judgeMultiset compares how often each row is there, of rows with one checksum: nearly always that is one.
func (v *verifier) judgeMultiset(source, lake []whole, loads *loads) {
	have := byText(lake)
	for _, rows := range byText(source) {
		there := have[rows[0].text()]
		delete(have, rows[0].text())
		key := v.values(rows[0], v.comparison.Columns)
		switch n := len(rows) - len(there); {
		case n > 0:
			v.report.add(v.Limit, Row{Kind: Missing, Count: times(n), Key: key})
			for _, row := range rows[:n] {
				loads.add(row)
			}
		case n < 0 && !v.Shared:
			v.report.add(v.Limit, Row{Kind: Doubled, Count: times(-n), Key: key})
			v.doubled(rows[0], there, there[:-n], loads)
		}
	}
	for _, rows := range have {
		v.judgeDeleted(rows, v.comparison.Columns)
	}
}

// text is all values of a row in one.
func (w whole) text() string { return strings.Join(w.texts, ",") }

func byText(rows []whole) map[string][]whole {
	groups := map[string][]whole{}
	for _, row := range rows {
		groups[row.text()] = append(groups[row.text()], row)
	}
	return groups
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
		if reader == nil || reader.batch != r.batch.RecordBatch {
			if err := wanted.flush(ctx); err != nil {
				return err
			}
			if reader, err = v.wholeReader(r.batch.RecordBatch); err != nil {
				return err
			}
		}
		if m.source == 0 && rows[string(name)] == nil && v.comparison.Key != nil {
			wanted.note(r.batch, r.row)
		}
		row := reader.row(r.row)
		row.name, row.file, row.place = string(name), r.batch.File, r.batch.Place(r.row)
		rows[string(name)] = append(rows[string(name)], row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, wanted.flush(ctx)
}

// sourceRows returns the source's rows of these names, whole. Where rows have a key they are fetched as they are now,
// whether they were there before or not.
func (v *verifier) sourceRows(ctx context.Context, marks map[string]*mark, wanted *lookup, loads *loads) (map[string][]whole, error) {
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
			if v.Mender != nil {
				loads.hold(b)
			}
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
		row := reader.row(i)
		row.batch, row.row = b, i
		do(key(nil, i), crc32.ChecksumIEEE(text(nil, i)), row)
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
