package mysql

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// parseDecimal reads a DECIMAL as the server writes it, exactly: no float is in between. More digits than declared are
// an error, since they would not fit the batch's type.
func parseDecimal(text []byte, precision, scale int) (decimal128.Num, error) {
	digits := text
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	var hi, lo uint64
	significant, fraction, inFraction := 0, 0, false
	for _, d := range digits {
		if d == '.' && !inFraction {
			inFraction = true
			continue
		}
		if d < '0' || d > '9' {
			return decimal128.Num{}, fmt.Errorf("%q is no decimal", text)
		}
		if inFraction {
			fraction++
		}
		if significant > 0 || d != '0' {
			significant++
		}
		if significant > maxDecimal {
			break
		}
		hi, lo = timesTen(hi, lo, d-'0')
	}
	for ; fraction < scale && significant < maxDecimal; fraction++ { // a server that leaves out trailing zeros
		hi, lo = timesTen(hi, lo, 0)
		if significant > 0 {
			significant++
		}
	}
	if len(digits) == 0 || fraction != scale || significant > precision {
		return decimal128.Num{}, fmt.Errorf("%q does not fit decimal(%d,%d)", text, precision, scale)
	}
	n := decimal128.New(int64(hi), lo)
	if negative {
		n = n.Negate()
	}
	return n, nil
}

// timesTen returns 10 × (hi, lo) + digit. Up to 38 digits fit.
func timesTen(hi, lo uint64, digit byte) (uint64, uint64) {
	if hi == 0 && lo < 1<<60 {
		return 0, lo*10 + uint64(digit)
	}
	carry, low := bits.Mul64(lo, 10)
	low, c := bits.Add64(low, uint64(digit), 0)
	return hi*10 + carry + c, low
}
