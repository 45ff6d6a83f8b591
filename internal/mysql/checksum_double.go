package mysql

import "strconv"

const (
	// doubleWidth is the number of characters that MySQL gives to a DOUBLE as text: what is longer is written with an
	// exponent, and with fewer digits where that is longer still. MariaDB has no such limit.
	doubleWidth = 22

	// pointDigits is DBL_DIG: further than that from the point, every server writes an exponent.
	pointDigits = 15
)

// appendDouble writes v as the server does when it makes text of a DOUBLE: the fewest digits that mean this value and
// no other, without an exponent where it is short enough. It follows my_gcvt of the servers' sources, and a test asks
// them. Two values that MySQL cannot tell apart in so many characters have one text.
func (f family) appendDouble(dst []byte, v float64) []byte {
	if v == 0 { // +0e0 takes the sign of a zero away
		return append(dst, '0')
	}
	width := doubleWidth
	if v < 0 {
		dst, v, width = append(dst, '-'), -v, width-1
	}
	var buf [32]byte
	digits, exponent := significant(buf[:0], v, -1)
	if !f.writesExponent(len(digits), exponent+1, width) {
		return appendPlain(dst, digits, exponent+1)
	}
	if most := exponentDigits(width, len(digits), exponent); f == familyMySQL && most < len(digits) {
		digits, exponent = significant(buf[:0], v, most)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	return strconv.AppendInt(append(dst, 'e'), int64(exponent), 10)
}

// significant returns the digits of a positive value without zeros at their end, at most so many of them, or as few as
// it takes, -1; and the power of ten of the first.
func significant(buf []byte, v float64, most int) (digits []byte, exponent int) {
	text := strconv.AppendFloat(buf, v, 'e', max(most-1, -1), 64) // d[.ddd]e±dd
	e := len(text) - 1
	for text[e] != 'e' {
		e--
	}
	exponent, _ = strconv.Atoi(string(text[e+1:])) // AppendFloat wrote it
	digits = text[:1]
	if e > 1 {
		digits = append(digits, text[2:e]...)
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits, exponent
}

// writesExponent decides by the number of digits, and how many of them stand before the point.
func (f family) writesExponent(digits, point, width int) bool {
	length := point
	switch {
	case point <= 0:
		length = digits - point + 2
	case point < digits:
		length = digits + 1
	}
	if f == familyMySQL && length > width {
		return point > width || point < -1
	}
	return point < -pointDigits+1 || point > pointDigits && digits <= point
}

// exponentDigits is how many digits fit beside the exponent.
func exponentDigits(width, digits, exponent int) int {
	if exponent < 0 {
		exponent, width = -exponent, width-1
	}
	width -= 2 // e and a digit
	for ; exponent >= 10; exponent /= 10 {
		width--
	}
	if digits > 1 {
		width--
	}
	return width
}

// appendPlain writes digits of which so many stand before the point.
func appendPlain(dst, digits []byte, point int) []byte {
	if point <= 0 {
		dst = append(dst, '0', '.')
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	for i := range max(point, len(digits)) {
		if i == point {
			dst = append(dst, '.')
		}
		if i < len(digits) {
			dst = append(dst, digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}
