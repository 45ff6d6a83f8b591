package mysql

import (
	"fmt"
	"strings"
)

// What is compared of a row is the checksum of its text: the texts of its columns joined by commas. The expressions
// here have the server make the text, checksum_text.go makes the same one from the lake's values. NULL is "~", a string
// or binary value is its own CRC-32, everything else is written as the server writes it.

// checksumOf is the SQL for the checksum of some columns of a row.
func checksumOf(columns []*column) string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = c.textSQL()
	}
	if len(texts) == 1 {
		return "CRC32(" + texts[0] + ")"
	}
	return "CRC32(CONCAT_WS(','," + strings.Join(texts, ",") + "))"
}

// textSQL is the SQL for the text of a column.
func (c *column) textSQL() string {
	name := ident(c.Name)
	switch c.kind {
	case kindDate, kindDatetime:
		return existing(name)
	case kindTimestamp: // in a session whose zone is UTC
		return "IF(" + name + " >= '1970-01-01 00:00:01'," + name + ",'~')"
	}
	text := c.valueSQL(name)
	if c.declared {
		return text
	}
	return "IFNULL(" + text + ",'~')"
}

func (c *column) valueSQL(name string) string {
	switch c.kind {
	case kindBits, kindBool:
		return name + "+0"
	case kindInt32, kindInt64, kindUint64:
		if c.dataType == "bit" || c.dataType == "year" || c.zerofill() {
			return name + "+0" // neither bits nor leading zeros
		}
		return name
	case kindFloat32, kindFloat64:
		return name + "+0e0" // all digits, and no negative zero
	case kindDecimal:
		if c.zerofill() {
			return name + "+0"
		}
		return name
	case kindTime:
		return name
	case kindBinary, kindVector:
		return "CRC32(" + name + ")"
	case kindGeometry:
		return "CRC32(SUBSTRING(" + name + ",5))" // without the SRID
	default:
		if c.dataType == "decimal" || c.dataType == "numeric" {
			return name // with more digits than a decimal of the lake has
		}
		return "CRC32(CONVERT(" + name + " USING utf8mb4))"
	}
}

func (c *column) zerofill() bool { return strings.Contains(c.SourceType, "zerofill") }

// existing is the text of a date that exists, and "~" for all others: servers keep dates like 2021-02-31 and
// 0000-00-00, and what DATE_ADD makes of them differs from one to the next. Most days are before the 29th.
func existing(name string) string {
	return fmt.Sprintf("IF(DAYOFMONTH(%[1]s) BETWEEN 1 AND 28 AND MONTH(%[1]s) > 0 AND YEAR(%[1]s) > 0 OR "+
		"MONTH(%[1]s) > 0 AND YEAR(%[1]s) > 0 AND DAYOFMONTH(%[1]s) BETWEEN 1 AND DAYOFMONTH(LAST_DAY(%[1]s)),%[1]s,'~')", name)
}
