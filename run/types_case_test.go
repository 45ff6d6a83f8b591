package run_test

import (
	"slices"
	"strings"
)

// A typeColumn is a column of a table of types. Each of its values, in SQL, goes into a row of its own; the other rows
// have NULL, or the first value again where there is no NULL.
type typeColumn struct {
	name, definition string
	form             form
	values           []string
	noDates          []string // more values: dates that do not exist
	only             string   // a flavor of server
}

func (c typeColumn) generated() bool { return strings.Contains(c.definition, "GENERATED") }
func (c typeColumn) notNull() bool   { return strings.Contains(c.definition, "NOT NULL") }
func (c typeColumn) temporal() bool {
	return slices.Contains([]string{"date", "timestamp", "timestamptz"}, c.form.iceberg)
}

// value returns what a row has, and whether the lake must have NULL for it.
func (c typeColumn) value(row int) (literal string, null bool) {
	switch n := len(c.values); {
	case row < n:
		return c.values[row], false
	case row < n+len(c.noDates):
		return c.noDates[row-n], true
	case c.notNull():
		return c.values[0], false
	}
	return "NULL", true
}

// A typeTable has an id, a cursor that all rows share, and columns.
type typeTable struct {
	name, target string
	cursor       string
	columns      []typeColumn
	holds        map[string][]string // texts that must be found in the lake, by column
}

// rows is enough for all values, and for one row of nothing but NULL.
func (t typeTable) rows() int {
	n := 0
	for _, c := range t.columns {
		n = max(n, len(c.values)+len(c.noDates))
	}
	return n + 1
}

func typeTables(flavor string) []typeTable {
	tables := []typeTable{
		{name: "numbers", columns: numberColumns(), holds: map[string][]string{
			"u64": {"18446744073709551615"}, "b64": {"18446744073709551615", "0"}, "i64": {"-9223372036854775808"},
			"d65": {"-99999999999999999999999999999999999.999999999999999999999999999999"},
			"f32": {bitsOfFloat(float32(16777216)), bitsOfFloat(float32(1.2345678806)), bitsOfFloat(float32(1e-45))},
			"f64": {"0x1p-1074", "-0x1.fffffffffffffp+1023"},
		}},
		{name: "times", columns: timeColumns(), holds: map[string][]string{
			"t0": {"-838:59:59"}, "t6": {"-838:59:58.999999", "-00:00:00.000001"}, "d": {"0001-01-01", "9999-12-31"},
			"dt6": {"253402300799999999"},
		}},
		{name: "texts", columns: textColumns(), holds: map[string][]string{
			"vc": {"", "NULL", "🐘 é ß"}, "latin": {"é€ü", "\u0081\u0160"}, "u16": {"é€🐘"}, "set_": {"a,c", ""}, "enum_": {"ü", ""},
		}},
		{name: "bytes", columns: byteColumns(flavor), holds: map[string][]string{
			"b4": {"61000000", "00ff00ff"}, "vb": {"", "0000ff00"}, "point": {"0101000000cdcccccccccc2a400000000000404a40"},
		}},
		{
			name: "odd `table`.v1 \"x\" 'y' ü漢", target: "odd", cursor: "last `up.dated` \"at\"", columns: oddColumns(),
			holds: map[string][]string{"in.visible": {"7"}, "gen `2`": {"n1", "n2"}},
		},
	}
	for i := range tables {
		t := &tables[i]
		if t.target == "" {
			t.target, t.cursor = t.name, "at"
		}
		t.columns = slices.DeleteFunc(t.columns, func(c typeColumn) bool { return c.only != "" && c.only != flavor })
	}
	return tables
}

func numberColumns() []typeColumn {
	digits := func(n int) string { return strings.Repeat("9", n) }
	return []typeColumn{
		{name: "i8", definition: "TINYINT", form: intForm, values: []string{"-128", "127", "0"}},
		{name: "u8", definition: "TINYINT UNSIGNED", form: intForm, values: []string{"255", "0"}},
		{name: "flag", definition: "TINYINT(1)", form: intForm, values: []string{"2", "-1", "0"}},
		{name: "i16", definition: "SMALLINT", form: intForm, values: []string{"-32768", "32767"}},
		{name: "u16", definition: "SMALLINT UNSIGNED", form: intForm, values: []string{"65535", "0"}},
		{name: "i24", definition: "MEDIUMINT", form: intForm, values: []string{"-8388608", "8388607"}},
		{name: "u24", definition: "MEDIUMINT UNSIGNED", form: intForm, values: []string{"16777215", "0"}},
		{name: "i32", definition: "INT NOT NULL", form: intForm, values: []string{"-2147483648", "2147483647"}},
		{name: "u32", definition: "INT UNSIGNED", form: longForm, values: []string{"4294967295", "0"}},
		{name: "z32", definition: "INT(8) UNSIGNED ZEROFILL", form: longForm, values: []string{"42", "4294967295"}},
		{name: "i64", definition: "BIGINT", form: longForm, values: []string{"-9223372036854775808", "9223372036854775807"}},
		{name: "u64", definition: "BIGINT UNSIGNED", form: unsignedOf(wholeText), values: []string{"18446744073709551615", "9223372036854775808", "0"}},
		{name: "d1", definition: "DECIMAL(1,1)", form: decimalOf(1, 1), values: []string{"0.9", "-0.9", "0"}},
		{name: "d9", definition: "DECIMAL(9,2)", form: decimalOf(9, 2), values: []string{"9999999.99", "-9999999.99", "0.01"}},
		{name: "d18", definition: "DECIMAL(18,6)", form: decimalOf(18, 6), values: []string{"-999999999999.999999"}},
		{name: "d38", definition: "DECIMAL(38,10)", form: decimalOf(38, 10), values: []string{digits(28) + "." + digits(10), "-" + digits(28) + "." + digits(10), "0.0000000001"}},
		{name: "d38i", definition: "DECIMAL(38,0)", form: decimalOf(38, 0), values: []string{digits(38), "-" + digits(38), "-1"}},
		{name: "d38f", definition: "DECIMAL(38,30)", form: decimalOf(38, 30), values: []string{digits(8) + "." + digits(30), "-0." + strings.Repeat("0", 29) + "1"}},
		{name: "d39", definition: "DECIMAL(39,0)", form: stringForm, values: []string{digits(39), "-" + digits(39)}},
		{name: "d65", definition: "DECIMAL(65,30)", form: stringForm, values: []string{digits(35) + "." + digits(30), "-" + digits(35) + "." + digits(30), "0." + strings.Repeat("0", 29) + "1"}},
		{name: "f32", definition: "FLOAT", form: floatForm, values: []string{"16777216", "1.2345678806", "-3.402823466E+38", "1.175494351E-38", "1e-45", "0.1", "'-0'"}},
		{name: "f64", definition: "DOUBLE", form: doubleForm, values: []string{"1.7976931348623157E+308", "-1.7976931348623157E+308", "2.2250738585072014E-308", "4.9406564584124654E-324", "0.1", "'-0'"}},
		{name: "b1", definition: "BIT(1)", form: boolForm, values: []string{"b'1'", "b'0'"}},
		{name: "b2", definition: "BIT(2)", form: bitsForm, values: []string{"b'11'", "b'10'"}},
		{name: "b63", definition: "BIT(63)", form: bitsForm, values: []string{"9223372036854775807", "0"}},
		{name: "b64", definition: "BIT(64)", form: unsignedOf(bitText), values: []string{"18446744073709551615", "9223372036854775808", "0"}},
		{name: "y", definition: "YEAR", form: intForm, values: []string{"1901", "2155", "'0000'"}},
	}
}

func timeColumns() []typeColumn {
	return []typeColumn{
		{name: "d", definition: "DATE", form: dateForm, values: []string{"'0001-01-01'", "'1582-10-10'", "'1969-12-31'", "'2024-02-29'", "'9999-12-31'"},
			noDates: []string{"'0000-00-00'", "'2021-00-15'", "'2021-02-31'", "'2023-02-29'"}},
		{name: "dn", definition: "DATE NOT NULL", form: dateForm, values: []string{"'2024-01-01'"}, noDates: []string{"'0000-00-00'"}},
		{name: "dt", definition: "DATETIME", form: datetimeForm, values: []string{"'0001-01-01 00:00:00'", "'1883-11-18 12:00:00'", "'2024-10-27 02:30:00'", "'9999-12-31 23:59:59'"},
			noDates: []string{"'0000-00-00 00:00:00'", "'2021-02-31 10:00:00'"}},
		{name: "dt3", definition: "DATETIME(3) NOT NULL", form: datetimeForm, values: []string{"'2024-01-01 12:00:00.123'"}, noDates: []string{"'0000-00-00 00:00:00'"}},
		{name: "dt6", definition: "DATETIME(6)", form: datetimeForm, values: []string{"'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.000001'", "'2024-01-01'"},
			noDates: []string{"'2021-02-00 10:00:00.5'"}},
		{name: "ts", definition: "TIMESTAMP NULL", form: instantForm, values: []string{"'1970-01-01 00:00:01'", "'2024-03-31 01:30:00'", "'2038-01-19 03:14:07'"},
			noDates: []string{"'0000-00-00 00:00:00'"}},
		{name: "ts6", definition: "TIMESTAMP(6) NULL", form: instantForm, values: []string{"'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'"}},
		{name: "t0", definition: "TIME", form: stringForm, values: []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"}},
		{name: "t2", definition: "TIME(2)", form: stringForm, values: []string{"'-30:00:01.55'", "'24:00:00'"}},
		{name: "t6", definition: "TIME(6)", form: stringForm, values: []string{"'-838:59:58.999999'", "'838:59:58.000001'", "'25:00:00.5'", "'-00:00:00.000001'", "'00:00:00'"}},
	}
}

func textColumns() []typeColumn {
	return []typeColumn{
		{name: "c", definition: "CHAR(5)", form: stringForm, values: []string{"'ab'", "''", "'ab  '", "'  a'"}},
		{name: "vc", definition: "VARCHAR(300) COMMENT 'free: \"text\", it''s 🐘 é'", form: stringForm, values: []string{"''", "'NULL'", "'ab '", "'🐘 é ß'", "REPEAT('x', 300)", "'it''s \\\\ \"q\" \\0 \\n'"}},
		{name: "vn", definition: "VARCHAR(10) NOT NULL", form: stringForm, values: []string{"''", "'NULL'"}},
		{name: "latin", definition: "VARCHAR(50) CHARACTER SET latin1", form: stringForm, values: []string{"'é€ü'", "_latin1 x'818A'", "''"}},
		{name: "u16", definition: "VARCHAR(50) CHARACTER SET utf16", form: stringForm, values: []string{"'é€🐘'", "''"}},
		{name: "u32", definition: "CHAR(9) CHARACTER SET utf32", form: stringForm, values: []string{"'漢🐘'", "''"}},
		{name: "sjis", definition: "VARCHAR(50) CHARACTER SET sjis", form: stringForm, values: []string{"'漢字カナ'", "_sjis x'955C'"}},
		{name: "three", definition: "VARCHAR(50) CHARACTER SET utf8mb3", form: stringForm, values: []string{"'漢é'"}},
		{name: "tiny", definition: "TINYTEXT", form: stringForm, values: []string{"''", "REPEAT('y', 255)"}},
		{name: "longer", definition: "LONGTEXT", form: stringForm, values: []string{"''", "REPEAT('Ж', 70000)", "REPEAT('🐘', 63)"}},
		{name: "enum_", definition: "ENUM('a','','ü')", form: stringForm, values: []string{"'ü'", "''", "0", "'a'"}},
		{name: "set_", definition: "SET('a','b','c')", form: stringForm, values: []string{"'c,a'", "''", "7"}},
		{name: "json_", definition: "JSON", form: stringForm, values: []string{`'{"b": [1, 2.5, null], "a": "é🐘\\"", "n": 18446744073709551615}'`, "'[]'", "'null'", `'""'`, "'1.7976931348623157e308'"}},
		{name: "uuid_", definition: "UUID", form: stringForm, values: []string{"'123e4567-e89b-12d3-a456-426655440000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}, only: "mariadb"},
		{name: "ip6", definition: "INET6", form: stringForm, values: []string{"'2001:db8::ff00:42:8329'", "'::'", "'::ffff:192.0.2.1'"}, only: "mariadb"},
		{name: "ip4", definition: "INET4", form: stringForm, values: []string{"'255.255.255.255'", "'0.0.0.0'"}, only: "mariadb"},
		{name: "packed", definition: "VARCHAR(5000) COMPRESSED", form: stringForm, values: []string{"REPEAT('pack me 🐘', 300)", "''"}, only: "mariadb"},
	}
}

func byteColumns(flavor string) []typeColumn {
	const polygon = "POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2))"
	shape := func(text string) string { return "ST_GeomFromText('" + text + "')" }
	columns := []typeColumn{
		{name: "b4", definition: "BINARY(4)", form: binaryForm, values: []string{"'a'", "x'00FF00FF'", "''"}},
		{name: "vb", definition: "VARBINARY(300)", form: binaryForm, values: []string{"''", "x'0000FF00'", "REPEAT(x'FF', 300)", "'NULL'"}},
		{name: "vbn", definition: "VARBINARY(3) NOT NULL", form: binaryForm, values: []string{"''", "x'00'"}},
		{name: "tiny", definition: "TINYBLOB", form: binaryForm, values: []string{"''", "REPEAT(x'80', 255)"}},
		{name: "longer", definition: "LONGBLOB", form: binaryForm, values: []string{"REPEAT(x'00FE', 40000)", "x'C328'"}},
		{name: "vec", definition: "VECTOR(3)", form: vectorForm, values: []string{"TO_VECTOR('[1,-2.5,3.4e38]')", "TO_VECTOR('[0.1,0,1.2e-38]')", "TO_VECTOR('[7]')"}, only: "mysql"},
	}
	for _, c := range []typeColumn{
		{name: "geo", definition: "GEOMETRY", values: []string{"ST_GeomFromText('POINT(13.4 52.5)', 4326)", "ST_GeomFromText('LINESTRING(0 0, 1 1)', 3857)", shape(polygon)}},
		{name: "point", definition: "POINT", values: []string{shape("POINT(13.4 52.5)"), shape("POINT(-1e300 1e-300)")}},
		{name: "poly", definition: "POLYGON", values: []string{shape(polygon)}},
		{name: "many", definition: "GEOMETRYCOLLECTION", values: []string{shape("GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))"), shape("GEOMETRYCOLLECTION EMPTY")}},
	} {
		c.form = wkbForm(flavor)
		columns = append(columns, c)
		// The same once more, checked against the bytes that are stored.
		c.form, c.name = geometryForm, c.name+"_raw"
		columns = append(columns, c)
	}
	return columns
}

// oddColumns has names that break whoever forgets to quote. MariaDB refuses 4-byte characters in names, and MySQL makes
// each a question mark.
func oddColumns() []typeColumn {
	columns := []typeColumn{
		{name: "gen `2`", definition: "VARCHAR(20) GENERATED ALWAYS AS (CONCAT('n', id)) STORED", form: stringForm},
		{name: "gen virtual", definition: "INT GENERATED ALWAYS AS (id * 2) VIRTUAL", form: intForm},
		{name: "in.visible", definition: "INT INVISIBLE", form: intForm, values: []string{"7", "-7"}},
		{name: "in.visible.deep", definition: "INT NOT NULL DEFAULT 3 INVISIBLE", form: intForm, values: []string{"9"}},
	}
	for _, name := range []string{
		"we`ird \"na,me?", "ünï cödé 漢字", "a", "a.b", ".dot", "it's", "back\\slash", "semi;colon--", "100%", "$1", "?", "a?", "@x",
		"select", "line\nbreak", "tab\tbed", "{\"json\": 1}", "[x]", "*", "filename", "file_row_number", "rowid", strings.Repeat("n", 64),
	} {
		columns = append(columns, typeColumn{name: name, definition: "VARCHAR(80)", form: stringForm, values: []string{sqlText("of " + name), "''"}})
	}
	return columns
}

// sqlText returns s as a literal of the server's.
func sqlText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}
