package transform

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// at returns where a column is.
func at(name string, s *tidemark.Schema) (int, error) {
	for i, c := range s.Columns {
		if c.Name == name {
			return i, nil
		}
	}
	return 0, noColumn(name, s.Columns)
}

func allAt(names []string, s *tidemark.Schema) ([]int, error) {
	places := make([]int, len(names))
	for i, name := range names {
		var err error
		if places[i], err = at(name, s); err != nil {
			return nil, err
		}
	}
	return places, nil
}

func notNull(names []string, s *tidemark.Schema) (examiner, error) {
	columns, err := allAt(names, s)
	if err != nil {
		return examiner{}, err
	}
	return examiner{rows: func(b arrow.RecordBatch, failing func(int, func() string)) {
		for _, at := range columns {
			column := b.Column(at)
			if column.NullN() == 0 {
				continue
			}
			for row := range column.Len() {
				if column.IsNull(row) {
					failing(row, func() string {
						return fmt.Sprintf("%s is NULL in the row with %s", b.ColumnName(at), nameRow(s, b, row))
					})
				}
			}
		}
	}}, nil
}

// values makes an examiner of one column's values, NULL aside: fails is given a column and says of a row whether it fails.
func values(name string, s *tidemark.Schema, fails func(arrow.Array) func(row int) bool) (examiner, error) {
	column, err := at(name, s)
	if err != nil {
		return examiner{}, err
	}
	return examiner{rows: func(b arrow.RecordBatch, failing func(int, func() string)) {
		a := b.Column(column)
		bad := fails(a)
		for row := range a.Len() {
			if !a.IsNull(row) && bad(row) {
				failing(row, func() string {
					return fmt.Sprintf("%s is %s in the row with %s", name, valueText(a, row), nameRow(s, b, row))
				})
			}
		}
	}}, nil
}

// literal reads a value as a column of the type has it.
func literal(text string, t arrow.DataType) (arrow.Array, error) {
	if t.ID() == arrow.STRING {
		return textColumn(text), nil
	}
	cast, err := castOf(arrow.BinaryTypes.String, t)
	if err != nil {
		return nil, err
	}
	from := textColumn(text)
	defer from.Release()
	a, err := cast(from, nil)
	if err != nil {
		return nil, fmt.Errorf("%q is no %s: %w", text, typeName(t), tidemark.ErrInvalid)
	}
	return a, nil
}

func textColumn(text string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.Append(text)
	return b.NewArray()
}

func typeAt(name string, s *tidemark.Schema) (arrow.DataType, error) {
	i, err := at(name, s)
	if err != nil {
		return nil, err
	}
	t := s.Columns[i].Type
	if t.ID() == arrow.BINARY || arrow.IsNested(t.ID()) {
		return nil, fmt.Errorf("column %q is %s, whose values cannot be written down: %w", name, typeName(t), tidemark.ErrInvalid)
	}
	return t, nil
}

func accepted(c Accepted, s *tidemark.Schema) (examiner, error) {
	t, err := typeAt(c.Column, s)
	if err != nil {
		return examiner{}, err
	}
	known := make(map[string]bool, len(c.Values))
	for _, text := range c.Values {
		a, err := literal(text, t)
		if err != nil {
			return examiner{}, err
		}
		known[textOf(a)(0)] = true
		a.Release()
	}
	return values(c.Column, s, func(a arrow.Array) func(int) bool {
		text := textOf(a)
		return func(row int) bool { return !known[text(row)] }
	})
}

func matches(c Regex, s *tidemark.Schema) (examiner, error) {
	t, err := typeAt(c.Column, s)
	if err != nil {
		return examiner{}, err
	}
	if t.ID() != arrow.STRING {
		return examiner{}, tidemark.WithHint(fmt.Errorf("column %q is %s, want string: %w", c.Column, typeName(t), tidemark.ErrInvalid), "use range or accepted_values")
	}
	whole, err := regexp.Compile("^(?:" + c.Pattern + ")$")
	if err != nil {
		return examiner{}, fmt.Errorf("pattern %q: %w: %w", c.Pattern, tidemark.ErrInvalid, err)
	}
	return values(c.Column, s, func(a arrow.Array) func(int) bool {
		text := textOf(a)
		return func(row int) bool { return !whole.MatchString(text(row)) }
	})
}

func inRange(c Range, s *tidemark.Schema) (examiner, error) {
	t, err := typeAt(c.Column, s)
	if err != nil {
		return examiner{}, err
	}
	var low, high func(arrow.Array) func(int) int
	if c.Min != "" {
		if low, err = against(c.Min, t); err != nil {
			return examiner{}, fmt.Errorf("min: %w", err)
		}
	}
	if c.Max != "" {
		if high, err = against(c.Max, t); err != nil {
			return examiner{}, fmt.Errorf("max: %w", err)
		}
	}
	return values(c.Column, s, func(a arrow.Array) func(int) bool {
		below, above := never, never
		if low != nil {
			order := low(a)
			below = func(row int) bool { return order(row) < 0 }
		}
		if high != nil {
			order := high(a)
			above = func(row int) bool { return order(row) > 0 }
		}
		return func(row int) bool { return below(row) || above(row) }
	})
}

func never(int) bool { return false }

// against returns what compares the values of a column with a bound. NaN is above all.
func against(text string, t arrow.DataType) (func(arrow.Array) func(row int) int, error) {
	bound, err := literal(text, t)
	if err != nil {
		return nil, err
	}
	return func(a arrow.Array) func(int) int {
		if value := integersOf(a); value != nil {
			limit := integersOf(bound)(0)
			return func(row int) int { return cmp.Compare(value(row), limit) }
		}
		if value, _ := floatsOf(a); value != nil {
			of, _ := floatsOf(bound)
			limit := of(0)
			return func(row int) int {
				if v := value(row); v == v {
					return cmp.Compare(v, limit)
				}
				return 1
			}
		}
		switch a := a.(type) {
		case *array.Decimal128:
			limit := bound.(*array.Decimal128).Value(0)
			return func(row int) int { return a.Value(row).Cmp(limit) }
		case *array.Date32:
			limit := bound.(*array.Date32).Value(0)
			return func(row int) int { return cmp.Compare(a.Value(row), limit) }
		case *array.Timestamp:
			limit := bound.(*array.Timestamp).Value(0)
			return func(row int) int { return cmp.Compare(a.Value(row), limit) }
		}
		value, limit := textOf(a), textOf(bound)(0)
		return func(row int) int { return strings.Compare(value(row), limit) }
	}, nil
}
