package duckdb

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCells shows that values read out of DuckDB's own vectors are those that the driver has, for every type that is read
// so: with a list beside them a statement goes the driver's way.
func TestCells(t *testing.T) {
	db := open(t, Options{})
	for _, values := range []string{
		"TRUE, FALSE", "(-128)::TINYINT, 127::TINYINT, 0::TINYINT", "(-32768)::SMALLINT, 32767::SMALLINT", "(-2147483648)::INTEGER, 2147483647::INTEGER",
		"(-9223372036854775808)::BIGINT, 9223372036854775807::BIGINT", "255::UTINYINT, 0::UTINYINT", "65535::USMALLINT", "4294967295::UINTEGER", "18446744073709551615::UBIGINT",
		"170141183460469231731687303715884105727::HUGEINT, (-170141183460469231731687303715884105727)::HUGEINT, 1::HUGEINT",
		"340282366920938463463374607431768211455::UHUGEINT, 18446744073709551616::UHUGEINT",
		"0.1::FLOAT, 16777216::FLOAT, 'nan'::FLOAT, '-inf'::FLOAT", "0.1::DOUBLE, 1e300::DOUBLE, 'inf'::DOUBLE, -0.0::DOUBLE",
		"'', 'a', 'twelve bytes', 'thirteen bytes', 'größer als zwölf'", `''::BLOB, '\xAA\x00'::BLOB, 'a longer one than that'::BLOB`,
		"'6e5bd6f1-0c29-4180-bf95-58880300863c'::UUID, '00000000-0000-0000-0000-000000000000'::UUID",
		"DATE '0001-01-01', DATE '1969-12-31', DATE '9999-12-31'", "TIME '00:00:00', TIME '01:02:03.5', TIME '23:59:59.999999'",
		"TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMP '2024-07-31 17:50:18', TIMESTAMP '9999-12-31 23:59:59'",
		"'1969-12-31 23:59:59'::TIMESTAMP_S", "'1969-12-31 23:59:59.5'::TIMESTAMP_MS", "'1969-12-31 23:59:59.123456789'::TIMESTAMP_NS",
		"TIMESTAMPTZ '1969-12-31 23:59:59.999999+02', TIMESTAMPTZ '2024-07-31 17:50:18+00'",
		"0.00::DECIMAL(4,2), -1.05::DECIMAL(4,2), 99.99::DECIMAL(4,2)", "-0.000001::DECIMAL(9,6)", "7::DECIMAL(18,0), -123456789012.345678::DECIMAL(18,6)",
		"0.000000000000000001::DECIMAL(18,18), -0.123456789012345678::DECIMAL(18,18)",
		"9999999999999999999999999999.9999999999::DECIMAL(38,10), -0.0000000001::DECIMAL(38,10)", "'b'::ENUM('a', 'b')",
	} {
		list := "FROM (VALUES (" + strings.ReplaceAll(values, ", ", "), (") + "), (NULL)) AS t(v)"
		if strings.Contains(values, "ENUM") {
			list = "FROM (VALUES (" + values + "), (NULL)) AS t(v)"
		}
		native, typ := firstColumn(t, db, "SELECT v "+list, true)
		driven, wantType := firstColumn(t, db, "SELECT v, [1] "+list, false)
		if diff := cmp.Diff(driven, native); diff != "" || len(native) < 2 {
			t.Errorf("%s: %s", values, diff)
		}
		if typ != wantType {
			t.Errorf("%s: type %s, want %s", values, typ, wantType)
		}
	}
}

// TestCellsInfinite shows what the driver takes for a date of its own.
func TestCellsInfinite(t *testing.T) {
	db := open(t, Options{})
	for _, typ := range []string{"DATE", "TIMESTAMP", "TIMESTAMPTZ"} {
		got, _ := firstColumn(t, db, "FROM (VALUES ("+typ+" 'infinity'), ("+typ+" '-infinity'))", true)
		if diff := cmp.Diff([]Value{"infinity", "-infinity"}, got); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
}

func firstColumn(t *testing.T, db *DB, statement string, native bool) (values []Value, typ string) {
	t.Helper()
	rows, err := db.Query(t.Context(), &Statement{SQL: statement})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	if (rows.native != nil) != native {
		t.Fatalf("%s: native %v, want %v", statement, rows.native != nil, native)
	}
	for row, err := range rows.All() {
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		values = append(values, row[0])
	}
	return values, rows.Columns[0].Type
}

// TestRowsAsTheyCome shows that a result needs not be there as a whole: in 64 MiB the first rows of one of 80 GB come at
// once, also when nobody wants the rest, and again on the same database.
func TestRowsAsTheyCome(t *testing.T) {
	db, err := Open(t.Context(), Options{Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 3 {
		rows, err := db.Query(t.Context(), &Statement{SQL: "SELECT range AS n FROM range(10000000000)"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for row, err := range rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			if want := Number([]string{"0", "1", "2"}[n]); row[0] != want {
				t.Errorf("row %d is %v", n, row)
			}
			if n++; n == 3 {
				break
			}
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRowsEnd shows that an error far down and the end of the context are told behind the rows before them.
func TestRowsEnd(t *testing.T) {
	db := open(t, Options{})
	count := func(ctx context.Context, statement string, each func()) (n int, err error) {
		rows, err := db.Query(ctx, &Statement{SQL: statement})
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for _, err := range rows.All() {
			if err != nil {
				return n, err
			}
			n++
			each()
		}
		return n, nil
	}
	n, err := count(t.Context(), "SELECT CAST(CASE WHEN range = 5000000 THEN 'x' ELSE '1' END AS INTEGER) FROM range(10000000)", func() {})
	var wrong *Error
	if n == 0 || n > 5_000_000 || !errors.As(err, &wrong) || !strings.Contains(wrong.Message, "'x'") {
		t.Errorf("%d rows, error %v", n, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("that is enough")
	begin := time.Now()
	n, err = count(ctx, "SELECT range FROM range(100000000000)", func() { cancel(stopped) })
	if n == 0 || !errors.Is(err, stopped) || time.Since(begin) > time.Minute {
		t.Errorf("%d rows, error %v after %v", n, err, time.Since(begin))
	}
	if n, err := count(t.Context(), "SELECT 1 WHERE false", func() {}); n != 0 || err != nil {
		t.Errorf("%d rows, error %v", n, err)
	}
}
