package main

import (
	"context"
	"fmt"
	"strings"
)

// A table is made and filled by the server alone, with the same values each time: every column is an expression over
// the row's number n, from 1.
type table struct {
	name    string
	rows    int64
	cursor  string
	columns []column
	keys    string

	change string // a change_schema of some of its columns, as YAML
	filter string // a condition that some rows meet, in the SQL of both sides

	group, sum string // what a query groups by and sums up
}

type column struct{ name, definition, value string }

// narrowTable is the orders table of the demo, with the keys that a table of this size would have. The cursor grows
// with the key, 20 rows to the second.
func narrowTable(rows int64) table {
	return table{
		name: "narrow", rows: rows, cursor: "order_last_updated",
		columns: []column{
			{"order_id", "INT NOT NULL", "n"},
			{"order_last_updated", "DATETIME NOT NULL", "'2013-07-25' + INTERVAL n DIV 20 SECOND"},
			{"customer_id", "INT NOT NULL", "1 + CRC32(n) % 12435"},
			{"order_status", "VARCHAR(25) NOT NULL", "ELT(1 + CRC32(n * 7) % 9, 'COMPLETE', 'PENDING_PAYMENT', 'PROCESSING', 'PENDING', 'CLOSED', 'ON_HOLD', 'SUSPECTED_FRAUD', 'CANCELED', 'PAYMENT_REVIEW')"},
		},
		keys:   "PRIMARY KEY (order_id), KEY (order_last_updated)",
		change: "{order_id: {type: bigint}, order_status: {rename: status}, customer_id: {rename: customer}}",
		filter: "order_status <> 'COMPLETE'",
		group:  "order_status", sum: "customer_id",
	}
}

// wideTable has 25 columns of mixed types, some of them NULL now and then.
func wideTable(rows int64) table {
	return table{
		name: "wide", rows: rows, cursor: "updated_at",
		columns: []column{
			{"id", "BIGINT UNSIGNED NOT NULL", "n"},
			{"updated_at", "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)", "'2020-01-01' + INTERVAL n * 50000 MICROSECOND"},
			{"created_at", "DATETIME(3) NOT NULL", "'2020-01-01' + INTERVAL n * 50 * 1000 MICROSECOND"},
			{"birthday", "DATE", "IF(n % 10 = 0, NULL, '1940-01-01' + INTERVAL CRC32(n) % 25000 DAY)"},
			{"tiny", "TINYINT NOT NULL", "n % 100 - 50"},
			{"flag", "TINYINT(1) NOT NULL", "n % 3 = 0"},
			{"small", "SMALLINT UNSIGNED NOT NULL", "CRC32(n) % 65536"},
			{"medium", "MEDIUMINT", "IF(n % 7 = 0, NULL, CRC32(n) % 8000000)"},
			{"number", "INT NOT NULL", "CAST(CRC32(n) AS SIGNED) - 2147483648"},
			{"large", "BIGINT NOT NULL", "n * 1000003"},
			{"price", "DECIMAL(12,2) NOT NULL", "(CRC32(n) % 10000000) / 100"},
			{"rate", "DECIMAL(20,8)", "IF(n % 5 = 0, NULL, n / 7)"},
			{"ratio", "DOUBLE NOT NULL", "SQRT(n)"},
			{"weight", "FLOAT", "n / 3"},
			{"made_in", "YEAR NOT NULL", "1990 + n % 30"},
			{"opens", "TIME NOT NULL", "SEC_TO_TIME(n % 86400)"},
			{"state", "ENUM('new','open','held','done') NOT NULL", "1 + n % 4"},
			{"code", "CHAR(8) NOT NULL", "LPAD(HEX(CRC32(n)), 8, '0')"},
			{"name", "VARCHAR(60) NOT NULL", "CONCAT('customer number ', n)"},
			{"email", "VARCHAR(120)", "IF(n % 4 = 0, NULL, CONCAT(HEX(CRC32(n)), '@mail', n % 50, '.example'))"},
			{"city", "VARCHAR(40) NOT NULL", "ELT(1 + n % 5, 'Amsterdam', 'Berlin', 'Kraków', 'København', 'Zürich')"},
			{"note", "TEXT", "IF(n % 2 = 0, NULL, REPEAT(CONCAT('note ', n, ' '), 1 + n % 8))"},
			{"digest", "VARBINARY(16) NOT NULL", "UNHEX(LEFT(SHA2(n, 256), 32))"},
			{"attributes", "JSON NOT NULL", `CONCAT('{"n": ', n, ', "odd": ', IF(n % 2, 'true', 'false'), '}')`},
			{"country", "CHAR(2) NOT NULL", "ELT(1 + n % 6, 'NL', 'DE', 'PL', 'DK', 'CH', 'FR')"},
		},
		keys:   "PRIMARY KEY (id), KEY (updated_at)",
		change: "{tiny: {type: bigint}, number: {type: string}, price: {type: double}, note: {drop: true}, code: {rename: short_code}}",
		filter: "state <> 'new'",
		group:  "city", sum: "large",
	}
}

func (t table) create() string {
	var b strings.Builder
	for _, c := range t.columns {
		fmt.Fprintf(&b, "  %s %s,\n", c.name, c.definition)
	}
	return fmt.Sprintf("CREATE TABLE %s (\n%s  %s\n) CHARACTER SET utf8mb4", t.name, b.String(), t.keys)
}

const digits = 1000 // rows of the helper table that numbers are multiplied from

// fill makes the table and its rows.
func (db *database) fill(ctx context.Context, t table) error {
	numbers := make([]string, digits)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("(%d)", i)
	}
	err := db.exec(ctx, databaseName,
		"DROP TABLE IF EXISTS digits, "+t.name,
		"CREATE TABLE digits (d INT PRIMARY KEY)",
		"INSERT INTO digits VALUES "+strings.Join(numbers, ","),
		t.create())
	if err == nil {
		err = db.insert(ctx, t, 0, t.rows)
	}
	if err != nil {
		return err
	}
	return db.exec(ctx, databaseName, "ANALYZE TABLE "+t.name)
}

// insert adds rows behind the first ones, a million to a transaction.
func (db *database) insert(ctx context.Context, t table, behind, rows int64) error {
	values := make([]string, len(t.columns))
	for i, c := range t.columns {
		values[i] = c.value
	}
	statements := []string{"SET time_zone = '+00:00'", "SET sql_mode = ''"}
	for from := int64(0); from < rows; from += digits * digits {
		count := min(digits*digits, rows-from)
		statements = append(statements, fmt.Sprintf(
			"INSERT INTO %s SELECT %s FROM (SELECT %d + a.d * %d + b.d + 1 AS n FROM digits a, digits b WHERE a.d * %d + b.d < %d ORDER BY a.d, b.d) AS numbers",
			t.name, strings.Join(values, ", "), behind+from, digits, digits, count))
	}
	return db.exec(ctx, databaseName, statements...)
}
