package profile

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// A Rule is a check that is proposed, in the form of the config. Exactly one of its kinds is set.
type Rule struct {
	NotNull   []string  `json:"not_null,omitempty"`
	Unique    []string  `json:"unique,omitempty"`
	Accepted  *Accepted `json:"accepted_values,omitempty"`
	Range     *Range    `json:"range,omitempty"`
	RowCount  *RowCount `json:"row_count,omitempty"`
	Freshness string    `json:"freshness,omitempty"`
	OnFail    string    `json:"on_fail,omitempty"` // "": stop

	Seen string `json:"-"` // why it is proposed
}

// Accepted are the values that a column may have.
type Accepted struct {
	Column string   `json:"column"`
	Values []string `json:"values"`
}

// Range bounds a column; "" for no bound.
type Range struct {
	Column string `json:"column"`
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
}

// RowCount bounds the rows of a run; 0 for no bound.
type RowCount struct {
	Min int64 `json:"min,omitempty"`
	Max int64 `json:"max,omitempty"`
}

// Rules returns what the columns of the table suggest. The rows of the table pass all of them.
func (p *Profile) Rules() []Rule {
	if p.Rows == 0 {
		return nil
	}
	rows := count(p.Rows, "row")
	rules := p.completeness(rows)
	if p.Key != nil {
		rules = append(rules, Rule{Unique: p.Key, Seen: rows + ", and no two share the key"})
	}
	for _, c := range p.Columns {
		if c.Distinct && !slices.Equal(p.Key, []string{c.Name}) {
			rules = append(rules, Rule{Unique: []string{c.Name}, Seen: fmt.Sprintf("%s, %s, all different", rows, count(c.Values, "value"))})
		}
	}
	for _, c := range p.Columns {
		if c.Accepted != nil {
			seen := fmt.Sprintf("%s, %s", rows, count(int64(len(c.Accepted)), "value"))
			if !p.whole() {
				seen += fmt.Sprintf(" in a sample of %s and no other one in the rest", thousands(p.Sampled))
			}
			rules = append(rules, Rule{Accepted: &Accepted{c.Name, c.Accepted}, Seen: seen})
		}
	}
	for _, c := range p.Columns {
		if r := c.bounds(c.Distinct || slices.Contains(p.Key, c.Name) || c.Name == p.cursor); r != nil {
			rules = append(rules, Rule{Range: r, Seen: fmt.Sprintf("%s to %s", readable(c.Min), readable(c.Max))})
		}
	}
	return rules
}

// completeness proposes not_null for all columns without NULL.
func (p *Profile) completeness(rows string) []Rule {
	var complete []string
	for _, c := range p.Columns {
		if c.Values == p.Rows {
			complete = append(complete, c.Name)
		}
	}
	if complete == nil {
		return nil
	}
	return []Rule{{NotNull: complete, Seen: rows + " without NULL"}}
}

// bounds proposes a range with a margin; nil for none. A column that grows has no upper bound.
func (c *Column) bounds(grows bool) *Range {
	if temporal(c.Type) {
		return c.since()
	}
	if !numeric(c.Type) || c.Values == 0 {
		return nil
	}
	low, err := strconv.ParseFloat(c.Min, 64)
	if err != nil || math.IsInf(low, 0) || math.IsNaN(low) {
		return nil
	}
	high, err := strconv.ParseFloat(c.Max, 64)
	if err != nil || low == 0 && high == 0 {
		return nil
	}
	r := &Range{Column: c.Name, Min: c.bound(below(low))}
	switch {
	case low == 0 && high == 1 && arrow.IsInteger(c.Type.ID()):
		r.Max = "1" // yes and no
	case !grows:
		r.Max = c.bound(above(high))
	}
	if r.Min == "" && r.Max == "" {
		return nil
	}
	return r
}

var dated = regexp.MustCompile(`^([0-9]{4})-[0-9]{2}-[0-9]{2}`)

// since proposes the beginning of the first year: dates that nobody has typed are from 1970, or from the year 0.
func (c *Column) since() *Range {
	year := dated.FindStringSubmatch(c.Min)
	if year == nil || strings.HasSuffix(c.Min, "(BC)") {
		return nil
	}
	return &Range{Column: c.Name, Min: year[1] + "-01-01"}
}

// below returns a round number that is well below x.
func below(x float64) float64 {
	if x >= 0 {
		return 0
	}
	return -round(-2 * x)
}

// above returns a round number that is well above x.
func above(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return round(2 * x)
}

// round returns the least of 1, 2 and 5 times a power of ten that is not below x, which is above zero; +Inf where there is
// none.
func round(x float64) float64 {
	for exponent := int(math.Floor(math.Log10(x))) - 1; ; exponent++ {
		for _, digit := range []int{1, 2, 5} {
			n, err := strconv.ParseFloat(fmt.Sprintf("%de%d", digit, exponent), 64)
			if err != nil {
				return math.Inf(1)
			}
			if n >= x {
				return n
			}
		}
	}
}

// bound returns a bound as the column's type has it; "" where it has no such value.
func (c *Column) bound(x float64) string {
	limit := math.Inf(1)
	switch t := c.Type.(type) {
	case *arrow.Decimal128Type:
		limit = math.Pow10(int(t.Precision - t.Scale))
	case *arrow.Float32Type:
		limit = math.MaxFloat32
	default:
		if arrow.IsInteger(t.ID()) {
			limit = math.Pow(2, float64(t.(arrow.FixedWidthDataType).BitWidth()-1))
		}
	}
	if math.IsNaN(x) || math.Abs(x) >= limit {
		return ""
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// readable returns a number with its digits in groups; what is none as it is.
func readable(text string) string {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return text
	}
	return thousands(n)
}

func thousands(n int64) string {
	digits, sign := strconv.FormatInt(n, 10), ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}
