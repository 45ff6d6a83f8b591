package shell

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	type got struct {
		Text string
		Line int
		Flat string
	}
	for _, c := range []struct {
		name, text string
		want       []got
	}{
		{"nothing", "", nil},
		{"only comments", "-- one\n;/* two\n ; */ ;\n", nil},
		{"one", "SELECT 1;", []got{{"SELECT 1", 1, "SELECT 1"}}},
		{"without the last semicolon", "SELECT 1;\n\nSELECT\n 2", []got{{"SELECT 1", 1, "SELECT 1"}, {"SELECT\n 2", 3, "SELECT  2"}}},
		{"two in a line", "SELECT 1; SELECT ü;", []got{{"SELECT 1", 1, "SELECT 1"}, {"          SELECT ü", 1, "SELECT ü"}}},
		{"the second goes on", "SELECT 1; SELECT\n2;", []got{{"SELECT 1", 1, "SELECT 1"}, {"          SELECT\n2", 1, "SELECT 2"}}},
		{"strings", "SELECT ';', 'it''s;', E'\\';', \"a;\"\"b\";", []got{{"SELECT ';', 'it''s;', E'\\';', \"a;\"\"b\"", 1, "SELECT ';', 'it''s;', E'\\';', \"a;\"\"b\""}}},
		{"a name that ends in e", "SELECT date'\\';", []got{{"SELECT date'\\'", 1, "SELECT date'\\'"}}},
		{"a string over lines", "SELECT 'a\n;b'\n;", []got{{"SELECT 'a\n;b'\n", 1, ""}}},
		{"dollars", "SELECT $$;$$, $x$;$$;$x$, $1;", []got{{"SELECT $$;$$, $x$;$$;$x$, $1", 1, "SELECT $$;$$, $x$;$$;$x$, $1"}}},
		{"comments", "SELECT -- no;\n 1 /* ; /* ; */ ;\n */ + 2;", []got{{"SELECT -- no;\n 1 /* ; /* ; */ ;\n */ + 2", 1, "SELECT   1    + 2"}}},
		{"a comment before", "-- head\nSELECT 1;", []got{{"SELECT 1", 2, "SELECT 1"}}},
		{"minus is none", "SELECT 3 - -1, 4 / 2;", []got{{"SELECT 3 - -1, 4 / 2", 1, "SELECT 3 - -1, 4 / 2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s splitter
			var all []statement
			for _, line := range strings.Split(c.text, "\n") {
				all = append(all, s.add(line)...)
			}
			var list []got
			for _, one := range append(all, s.rest()...) {
				list = append(list, got{one.text, one.line, one.flat})
			}
			if diff := cmp.Diff(c.want, list); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
