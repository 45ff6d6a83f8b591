package query

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// typesLake has a table with a column per type, and a row of odd values, one of extremes, and one of NULLs.
func typesLake(t *testing.T) *lake {
	l := newLake(t)
	fields := []arrow.Field{
		field(1, "i", i32), field(2, "l", i64), field(3, "f", arrow.PrimitiveTypes.Float32), field(4, "d", arrow.PrimitiveTypes.Float64),
		field(5, "m", &arrow.Decimal128Type{Precision: 38, Scale: 10}), field(6, "u", &arrow.Decimal128Type{Precision: 20}),
		field(7, "b", arrow.FixedWidthTypes.Boolean), field(8, "s", str), field(9, "x", arrow.BinaryTypes.Binary),
		field(10, "dt", arrow.FixedWidthTypes.Date32), field(11, "ts", &arrow.TimestampType{Unit: arrow.Microsecond}),
		field(12, "tz", arrow.FixedWidthTypes.Timestamp_us), field(13, "v", arrow.ListOfField(field(14, "element", arrow.PrimitiveTypes.Float32))),
	}
	s := l.table("a", "types", fields...)
	s.Data = append(s.Data, l.file("types.parquet", 1, fields,
		`{"i":-2147483648,"l":-9223372036854775808,"f":16777216,"d":0.1,"m":"-0.0000000001","u":"18446744073709551615","b":true,"s":"a\"b,c\nd","x":"AP8=","dt":"0001-01-01","ts":"2014-07-24 00:00:00","tz":"2024-07-31T17:50:18.000001Z","v":[1.5,null]}`,
		`{"i":2147483647,"l":9223372036854775807,"f":3.4e38,"d":1.7976931348623157e308,"m":"9999999999999999999999999999.9999999999","u":"0","b":false,"s":"","x":"","dt":"9999-12-31","ts":"9999-12-31 23:59:59.999999","tz":"1970-01-01T00:00:00Z","v":[]}`,
		`{}`))
	return l
}

func output(t *testing.T, l *lake, statement string, write func(*bytes.Buffer, *Result) error) string {
	t.Helper()
	r, err := Run(t.Context(), l.options(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func asCSV(b *bytes.Buffer, r *Result) error { return WriteCSV(b, r.Columns, r.Rows()) }

// asJSON has an object per row.
func asJSON(b *bytes.Buffer, r *Result) error {
	out := json.NewEncoder(b)
	for row, err := range r.Rows() {
		if err != nil {
			return err
		}
		object := make(duckdb.Struct, len(row))
		for i, v := range row {
			object[i] = duckdb.Member{Name: r.Columns[i].Name, Value: v}
		}
		if err := out.Encode(object); err != nil {
			return err
		}
	}
	return nil
}

func TestWriteTypes(t *testing.T) {
	l := typesLake(t)
	want := `i,l,f,d,m,u,b,s,x,dt,ts,tz,v
-2147483648,-9223372036854775808,1.6777216e+07,0.1,-0.0000000001,18446744073709551615,true,"a""b,c
d",00ff,0001-01-01,2014-07-24 00:00:00,2024-07-31T17:50:18.000001Z,"[1.5,null]"
2147483647,9223372036854775807,3.4e+38,1.7976931348623157e+308,9999999999999999999999999999.9999999999,0,false,,,9999-12-31,9999-12-31 23:59:59.999999,1970-01-01T00:00:00Z,[]
,,,,,,,,,,,,
`
	if diff := cmp.Diff(want, output(t, l, "FROM a.types ORDER BY i NULLS LAST", asCSV)); diff != "" {
		t.Error(diff)
	}
	want = `{"i":-2147483648,"l":-9223372036854775808,"f":1.6777216e+07,"d":0.1,"m":-0.0000000001,"u":18446744073709551615,"b":true,"s":"a\"b,c\nd","x":"00ff","dt":"0001-01-01","ts":"2014-07-24 00:00:00","tz":"2024-07-31T17:50:18.000001Z","v":[1.5,null]}
{"i":null,"l":null,"f":null,"d":null,"m":null,"u":null,"b":null,"s":null,"x":null,"dt":null,"ts":null,"tz":null,"v":null}
`
	got := output(t, l, "FROM a.types WHERE i < 0 OR i IS NULL ORDER BY i NULLS LAST", asJSON)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestValues shows that values of all types are told without loss, as valid JSON.
func TestValues(t *testing.T) {
	l := newLake(t)
	tests := []struct{ statement, want string }{
		{"SELECT 'nan'::DOUBLE AS n, '-inf'::FLOAT AS f", `{"n":"nan","f":"-inf"}` + "\n"},
		{"SELECT {'b': 1, 'a': [DATE '2020-01-02']} AS s, MAP {'k': 1.50} AS m", `{"s":{"a":["2020-01-02 00:00:00"],"b":1},"m":{"k":1.50}}` + "\n"},
		{"SELECT [DATE '2020-01-02'] AS d, [[1.50]] AS n, '\\xAA'::BLOB AS b", `{"d":["2020-01-02"],"n":[[1.50]],"b":"aa"}` + "\n"},
		{"SELECT INTERVAL '14 months 3 days 1.5 seconds' AS i, TIME '01:02:03.5' AS t, '6e5bd6f1-0c29-4180-bf95-58880300863c'::UUID AS u",
			`{"i":"14 months 3 days 1.500000 seconds","t":"01:02:03.500000","u":"6e5bd6f1-0c29-4180-bf95-58880300863c"}` + "\n"},
		{"SELECT 170141183460469231731687303715884105727::HUGEINT AS h, 0.00::DECIMAL(4,2) AS z, -1.05::DECIMAL(4,2) AS m", `{"h":170141183460469231731687303715884105727,"z":0.00,"m":-1.05}` + "\n"},
	}
	for _, tt := range tests {
		got := output(t, l, tt.statement, asJSON)
		if diff := cmp.Diff(tt.want, got); diff != "" || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", tt.statement, diff)
		}
	}
}
