package mysql

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A typeCase is a column of the table of all types. text is the server's own expression for a value as text, with @ for
// the column; "" means CAST(@ AS CHAR). A value without quotes around it is an expression.
type typeCase struct {
	name, definition string
	values           []string
	arrow            arrow.DataType
	text             string
	only             string // a flavor
}

const hexText = "HEX(@)"

func decimalOf(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }

func typeCases() []typeCase {
	i32, i64, str, bin := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	datetime, instant := &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	return []typeCase{
		{"t", "TINYINT", []string{"-128", "127", "0"}, i32, "", ""},
		{"tu", "TINYINT UNSIGNED", []string{"255", "0"}, i32, "", ""},
		{"b1", "TINYINT(1)", []string{"2", "-1", "0"}, i32, "", ""},
		{"s", "SMALLINT", []string{"-32768", "32767"}, i32, "", ""},
		{"su", "SMALLINT UNSIGNED", []string{"65535"}, i32, "", ""},
		{"m", "MEDIUMINT", []string{"-8388608", "8388607"}, i32, "", ""},
		{"mu", "MEDIUMINT UNSIGNED", []string{"16777215"}, i32, "", ""},
		{"i", "INT", []string{"-2147483648", "2147483647"}, i32, "", ""},
		{"iu", "INT UNSIGNED", []string{"4294967295", "0"}, i64, "", ""},
		{"iz", "INT(6) UNSIGNED ZEROFILL", []string{"42"}, i64, "CAST(@ + 0 AS CHAR)", ""},
		{"l", "BIGINT", []string{"-9223372036854775808", "9223372036854775807"}, i64, "", ""},
		{"lu", "BIGINT UNSIGNED", []string{"18446744073709551615", "9223372036854775808", "0"}, decimalOf(20, 0), "", ""},
		{"d1", "DECIMAL(1,1)", []string{"0.9", "-0.9", "0"}, decimalOf(1, 1), "", ""},
		{"d38", "DECIMAL(38,10)", []string{"9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0.0000000001"}, decimalOf(38, 10), "", ""},
		{"d38i", "DECIMAL(38,0)", []string{"99999999999999999999999999999999999999", "-1"}, decimalOf(38, 0), "", ""},
		{"d39", "DECIMAL(39,0)", []string{"999999999999999999999999999999999999999"}, str, "", ""},
		{"d65", "DECIMAL(65,30)", []string{"99999999999999999999999999999999999.999999999999999999999999999999", "-0.000000000000000000000000000001"}, str, "", ""},
		{"f", "FLOAT", []string{"16777216", "1.2345678806", "-3.402823466E+38", "1.175494351E-38", "0.1"}, arrow.PrimitiveTypes.Float32, "CAST(@ + 0e0 AS CHAR)", ""},
		{"g", "DOUBLE", []string{"1.7976931348623157E+308", "-2.2250738585072014E-308", "0.1"}, arrow.PrimitiveTypes.Float64, "", ""},
		{"bit1", "BIT(1)", []string{"b'1'", "b'0'"}, arrow.FixedWidthTypes.Boolean, "CAST(@ + 0 AS CHAR)", ""},
		{"bit9", "BIT(9)", []string{"b'111111111'", "b'100000000'"}, i64, "CAST(@ + 0 AS CHAR)", ""},
		{"bit63", "BIT(63)", []string{"9223372036854775807"}, i64, "CAST(@ + 0 AS CHAR)", ""},
		{"bit64", "BIT(64)", []string{"18446744073709551615", "1"}, decimalOf(20, 0), "CAST(@ + 0 AS CHAR)", ""},
		{"y", "YEAR", []string{"1901", "2155", "0"}, i32, "CAST(@ + 0 AS CHAR)", ""},
		{"da", "DATE", []string{"'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'0001-01-01'", "'2024-02-29'", "'1969-12-31'", "'2021-00-15'"}, arrow.FixedWidthTypes.Date32, "", ""},
		{"dt", "DATETIME", []string{"'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'0000-00-00 00:00:00'", "'2024-10-27 02:30:00'"}, datetime, "", ""},
		{"dt6", "DATETIME(6)", []string{"'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.000001'", "'2021-02-00 10:00:00.5'", "'2024-01-01'"}, datetime, "", ""},
		{"dt3", "DATETIME(3) NOT NULL", []string{"'2024-01-01 12:00:00.123'", "'0000-00-00 00:00:00'"}, datetime, "", ""},
		{"ts", "TIMESTAMP NULL", []string{"'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'"}, instant, "", ""},
		{"ts6", "TIMESTAMP(6) NULL", []string{"'2038-01-19 03:14:07.999999'"}, instant, "", ""},
		{"ti", "TIME", []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"}, str, "", ""},
		{"ti6", "TIME(6)", []string{"'-838:59:58.000001'", "'25:00:00.5'", "'00:00:00.000000'"}, str, "", ""},
		{"ti2", "TIME(2)", []string{"'-30:00:01.55'"}, str, "", ""},
		{"c", "CHAR(5)", []string{"'ab'", "''", "'ab  '"}, str, "", ""},
		{"vc", "VARCHAR(300)", []string{"''", "'ab '", "'🐘 é ß'", "REPEAT('x', 300)", "'it''s \\\\ \"q\"'"}, str, "", ""},
		{"la", "VARCHAR(50) CHARACTER SET latin1", []string{"'é€ü'"}, str, "CONVERT(@ USING utf8mb4)", ""},
		{"u16", "VARCHAR(50) CHARACTER SET utf16", []string{"'é€🐘'"}, str, "CONVERT(@ USING utf8mb4)", ""},
		{"tx", "LONGTEXT", []string{"''", "REPEAT('Ж', 70000)"}, str, "", ""},
		{"bi", "BINARY(4)", []string{"'a'", "x'00FF00FF'"}, bin, hexText, ""},
		{"vb", "VARBINARY(300)", []string{"''", "x'0000FF'", "REPEAT(x'FF', 300)"}, bin, hexText, ""},
		{"bl", "LONGBLOB", []string{"REPEAT(x'00FE', 40000)"}, bin, hexText, ""},
		{"en", "ENUM('a','','ü')", []string{"'ü'", "''", "0"}, str, "", ""},
		{"se", "SET('a','b','c')", []string{"'c,a'", "''"}, str, "", ""},
		{"js", "JSON", []string{`'{"b": [1, 2.5, null], "a": "é🐘"}'`, "'[]'"}, str, "", ""},
		{"ge", "GEOMETRY", []string{"ST_GeomFromText('POINT(13.4 52.5)')", "ST_GeomFromText('LINESTRING(0 0,1 1)', 3857)"}, bin, "SUBSTRING(HEX(@), 9)", ""},
		{"po", "POINT", []string{"ST_GeomFromText('POINT(1 2)')"}, bin, "SUBSTRING(HEX(@), 9)", ""},
		{"ve", "VECTOR(3)", []string{"TO_VECTOR('[1,-2.5,3e38]')"}, arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.PrimitiveTypes.Float32}), hexText, "mysql"},
		{"uu", "UUID", []string{"'123e4567-e89b-12d3-a456-426655440000'"}, str, "", "mariadb"},
		{"ip", "INET6", []string{"'2001:db8::ff00:42:8329'"}, str, "", "mariadb"},
		{"gen", "INT GENERATED ALWAYS AS (id * 2) VIRTUAL", nil, i32, "", ""},
		{"gen2", "VARCHAR(20) GENERATED ALWAYS AS (CONCAT('n', id)) STORED", nil, str, "", ""},
		{"inv", "INT INVISIBLE", []string{"7"}, i32, "", ""},
		{"we`ird \"na,me?", "VARCHAR(10)", []string{"'odd'"}, str, "", ""},
		{"ünï cödé", "INT", []string{"1"}, i32, "", ""},
	}
}

// TestTypes stores every type at its extremes and compares each value with what the server itself makes of it as text.
func TestTypes(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		cases := slices.DeleteFunc(typeCases(), func(c typeCase) bool { return c.only != "" && c.only != server.Flavor })
		database := server.NewDatabase(t)
		makeTypes(t, server, database, cases)
		p := pipelineOf(database, "all `types`")
		source := openSource(t, configOf(server), p)
		got := readRows(t, source, tidemark.Window{}, 1)
		want := typesAsText(t, server, database, cases)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		schema, err := source.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			column := schema.Columns[i+1]
			if column.Name != c.name || !arrow.TypeEqual(column.Type, c.arrow) {
				t.Errorf("column %q has type %s, want %q %s", column.Name, column.Type, c.name, c.arrow)
			}
			for row := range want {
				if !sameText(c, got[row][i+1], want[row][i+1]) {
					t.Errorf("%s %s, row %d: %.80q, want %.80q", c.name, c.definition, row, got[row][i+1], want[row][i+1])
				}
			}
		}
		if notices := strings.Join(source.Notices(), "\n"); !strings.Contains(notices, `"da": 2 dates`) || !strings.Contains(notices, `"dt3": 6 dates`) {
			t.Errorf("zero dates are not reported: %s", notices)
		}
	})
}

// sameText knows what is meant to differ: dates that do not exist are NULL, floats have several texts.
func sameText(c typeCase, got, want string) bool {
	if got == want {
		return true
	}
	if got == "NULL" {
		return slices.Contains([]string{"da", "dt", "dt6", "dt3", "ts"}, c.name) && (strings.HasPrefix(want, "0000-") || strings.Contains(want, "-00"))
	}
	if c.name == "f" || c.name == "g" {
		a, err1 := strconv.ParseFloat(got, 64)
		b, err2 := strconv.ParseFloat(want, 64)
		return err1 == nil && err2 == nil && a == b
	}
	return false
}

func makeTypes(t *testing.T, server *testenv.Server, database string, cases []typeCase) {
	t.Helper()
	definitions := []string{"id INT PRIMARY KEY"}
	rows := 0
	for _, c := range cases {
		definitions = append(definitions, ident(c.name)+" "+c.definition)
		rows = max(rows, len(c.values))
	}
	statements := []string{
		"SET sql_mode = '', NAMES utf8mb4", "USE " + database,
		"CREATE TABLE `all ``types``` (" + strings.Join(definitions, ", ") + ") CHARACTER SET utf8mb4",
	}
	if server.Flavor == "mysql" {
		statements[0] = "SET sql_mode = '', explicit_defaults_for_timestamp = 1, NAMES utf8mb4"
	}
	for row := range rows {
		names, values := []string{"id"}, []string{strconv.Itoa(row + 1)}
		for _, c := range cases {
			if row < len(c.values) {
				names, values = append(names, ident(c.name)), append(values, c.values[row])
			}
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO `all ``types``` (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(values, ", ")))
	}
	server.Exec(t, statements...)
}

func typesAsText(t *testing.T, server *testenv.Server, database string, cases []typeCase) [][]string {
	t.Helper()
	expressions := []string{"CAST(id AS CHAR)"}
	for _, c := range cases {
		text := c.text
		if text == "" {
			text = "CAST(@ AS CHAR)"
		}
		expressions = append(expressions, strings.ReplaceAll(text, "@", ident(c.name)))
	}
	return queryStrings(t, server.DB(t, database), "SELECT "+strings.Join(expressions, ", ")+" FROM `all ``types``` ORDER BY id")
}

// queryStrings returns a result as text, by the tests' own driver and the text protocol.
func queryStrings(t testing.TB, db *sql.DB, query string) [][]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			row[i] = "NULL"
			if c.Valid {
				row[i] = c.String
			}
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestZeroDatesError(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		server.Exec(t, "SET sql_mode = ''", "USE "+database, "CREATE TABLE z (id INT PRIMARY KEY, d DATE NOT NULL)", "INSERT INTO z VALUES (1, '2024-01-01'), (42, '2024-00-01')")
		config := configOf(server)
		config.ZeroDates = ZeroDatesError
		source := openSource(t, config, pipelineOf(database, "z"))
		_, err := tryRead(t.Context(), source, tidemark.Window{}, 1)
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `row with id = 42: column "d": 2024-00-01 is no date`) {
			t.Errorf("read = %v", err)
		}
	})
}

// TestInvalidUTF8 reads a column whose bytes the server hands out without a look.
func TestInvalidUTF8(t *testing.T) {
	c := &columnBuffer{column: &column{Column: tidemark.Column{Name: "s"}, kind: kindString}, op: opString}
	c.reset(1)
	if _, err := c.value(0, []byte{2, 0xc3, 0x28}); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `"s"`) {
		t.Errorf("value = %v, want ErrInvalid with the column", err)
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		text             string
		precision, scale int
		want             string // "" for an error
	}{
		{"0", 1, 0, "0"}, {"-0.5", 2, 1, "-0.5"}, {"00012.30", 4, 2, "12.30"}, {"1.5", 4, 3, "1.500"},
		{strings.Repeat("9", 38), 38, 0, strings.Repeat("9", 38)}, {"-" + strings.Repeat("9", 38), 38, 0, "-" + strings.Repeat("9", 38)},
		{strings.Repeat("9", 39), 38, 0, ""}, {"123.4", 3, 1, ""}, {"1.23", 3, 1, ""}, {"1e5", 10, 0, ""}, {"", 5, 0, ""}, {"-", 5, 0, ""}, {"1.2.3", 5, 2, ""},
	} {
		got, err := parseDecimal([]byte(c.text), c.precision, c.scale)
		if c.want == "" {
			if err == nil {
				t.Errorf("parseDecimal(%q, %d, %d) = %s, want an error", c.text, c.precision, c.scale, got.ToString(int32(c.scale)))
			}
			continue
		}
		if diff := cmp.Diff(c.want, got.ToString(int32(c.scale))); err != nil || diff != "" {
			t.Errorf("parseDecimal(%q, %d, %d): %v %s", c.text, c.precision, c.scale, err, diff)
		}
	}
}
