package duckdb

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tidemark-data/tidemark"
)

func TestTravel(t *testing.T) {
	tests := []struct {
		sql, want string
		all       []AsOf
	}{
		{"SELECT 1 AS version", "SELECT 1 AS version", nil},
		{"FROM a FOR VERSION AS OF 12 WHERE x", `FROM "~0".a                 WHERE x`, []AsOf{{Database: "~0", Version: "12"}}},
		{"FROM s.a FOR SYSTEM_VERSION AS OF '1_2' b", `FROM "~0".s.a                           b`, []AsOf{{Database: "~0", Version: "1_2"}}},
		{`FROM "s.x"."a""b" /* FOR */ FOR version as of 1`, `FROM "~0"."s.x"."a""b"                        ` + " ", []AsOf{{Database: "~0", Version: "1"}}},
		{"FROM a\nFOR VERSION AS OF\n3\nJOIN b AT (VERSION => 4) USING (x)", "FROM \"~0\".a\n            \n \nJOIN \"~1\".b               USING (x)",
			[]AsOf{{Database: "~0", Version: "3"}, {Database: "~1", Version: "4"}}},
		{"FROM a FOR TIMESTAMP AS OF TIMESTAMP '2024-01-01' x", `FROM "~0".a                                       x`, []AsOf{{Database: "~0", Moment: "TIMESTAMP '2024-01-01'"}}},
		{"FROM a FOR TIMESTAMP AS OF now() - INTERVAL '1' DAY x", `FROM "~0".a                                         x`, []AsOf{{Database: "~0", Moment: "now() - INTERVAL '1' DAY"}}},
		{"FROM a FOR SYSTEM_TIME AS OF (current_timestamp - interval '1' hour)", `FROM "~0".a                                                         `,
			[]AsOf{{Database: "~0", Moment: "(current_timestamp - interval '1' hour)"}}},
		{"FROM a AT (TIMESTAMP => '2024-01-01'::DATE), b", `FROM "~0".a                                , b`, []AsOf{{Database: "~0", Moment: "'2024-01-01'::DATE"}}},
		{"FROM a FOR TIMESTAMP AS OF TIMESTAMP '2024-01-01 00:00' AT TIME ZONE 'Europe/Berlin' WHERE y", "FROM \"~0\".a" + strings.Repeat(" ", 76) + "WHERE y",
			[]AsOf{{Database: "~0", Moment: "TIMESTAMP '2024-01-01 00:00' AT TIME ZONE 'Europe/Berlin'"}}},
		{"SELECT 'FROM a FOR VERSION AS OF 1', \"a FOR VERSION AS OF 1\", $$a FOR VERSION AS OF 1$$, $x$a FOR VERSION AS OF 1$x$ -- a FOR VERSION AS OF 1", "", nil},
		{"SELECT E'\\' FROM a FOR VERSION AS OF 1', version FROM b /* FROM a /* */ FOR VERSION AS OF 1 */", "", nil},
		{"SELECT ts AT TIME ZONE 'UTC', version FROM a FOR", "", nil},
	}
	for _, tt := range tests {
		if tt.want == "" {
			tt.want = tt.sql
		}
		got, all, err := travel(tt.sql)
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if len(got) != len(tt.sql) || !slices.Equal(strings.Fields(got), strings.Fields(tt.want)) || strings.Count(got, "\n") != strings.Count(tt.sql, "\n") {
			t.Errorf("%s\nis  %q\nwant %q", tt.sql, got, tt.want)
		}
		var list []AsOf
		for _, a := range all {
			list = append(list, *a)
		}
		if diff := cmp.Diff(tt.all, list, cmpopts.IgnoreUnexported(AsOf{})); diff != "" {
			t.Errorf("%s: %s", tt.sql, diff)
		}
	}
	for _, sql := range []string{
		"FROM a FOR VERSION AS OF", "FROM a FOR VERSION AS OF x", "FROM a b FOR VERSION AS OF 1", "SELECT 1 FOR VERSION AS OF 1", "FROM a FOR TIMESTAMP AS OF",
		"FROM a FOR TIMESTAMP AS OF (1", "FROM c.b.a FOR VERSION AS OF 1", "FROM a AT (VERSION => 1", "FROM range(3) FOR VERSION AS OF 1",
	} {
		if _, _, err := travel(sql); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// FuzzTravel: whatever is written, the text keeps its length and its lines.
func FuzzTravel(f *testing.F) {
	f.Add("FROM a\nFOR VERSION AS OF\n3 JOIN \"b\" AT (TIMESTAMP => $$x$$) -- 'x'")
	f.Add("FROM a /* /* */ FOR TIMESTAMP AS OF E'\\'' + INTERVAL 1 DAY")
	f.Fuzz(func(t *testing.T, sql string) {
		got, all, err := travel(sql)
		if err != nil {
			return
		}
		if len(got) != len(sql) || strings.Count(got, "\n") != strings.Count(sql, "\n") || len(all) == 0 && got != sql {
			t.Errorf("%q is %q", sql, got)
		}
	})
}

// TestTravelHidesNothing: the databases of old tables have nothing else to show.
func TestTravelHidesNothing(t *testing.T) {
	db := open(t, Options{})
	for _, sql := range []string{
		`FROM a FOR VERSION AS OF 1, "~0".information_schema.tables`, `FROM a FOR VERSION AS OF 1, "~0".pg_catalog.pg_views`, `FROM s.a FOR VERSION AS OF 1, "~0".main.duckdb_views`,
	} {
		if s, err := db.Parse(t.Context(), sql); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("%s: %+v, %v", sql, s, err)
		}
	}
	s, err := db.Parse(t.Context(), `FROM a FOR VERSION AS OF 1, "~0".duckdb_views`)
	if err != nil || s.Tables[1].AsOf != nil && s.Tables[0].AsOf != nil {
		t.Errorf("%+v, %v: taken for the old table", s, err)
	}
}

// TestPlaceOfTravel: errors behind a clause point at what was written.
func TestPlaceOfTravel(t *testing.T) {
	db := open(t, Options{})
	for _, sql := range []string{"ATTACH ':memory:' AS \"~0\"", "CREATE VIEW \"~0\".main.orders AS SELECT 1 AS id"} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for sql, want := range map[string]string{
		"SELECT id FROM orders FOR VERSION AS OF 1 WHERE größe = 1":              "line 1, column 49: ",
		"SELECT 'größe',\n id FROM orders\nFOR VERSION AS OF 1 WHERE nosuch = 1": "line 3, column 27: ",
		"SELECT id FROM orders FOR VERSION AS OF 1 WHERE id = = 1":               "line 1, column 54: ",
	} {
		s, err := db.Parse(t.Context(), sql)
		if err == nil {
			_, err = db.Query(t.Context(), s)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}
