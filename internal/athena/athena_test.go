package athena_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/athena"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func options(t *testing.T, s *testenv.AthenaServer) athena.Options {
	t.Helper()
	cfg, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(s.Region), awsconfig.WithBaseEndpoint(s.Endpoint),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, "")), awsconfig.WithRetryMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	return athena.Options{AWS: cfg, Output: "s3://results/", Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

func all(t *testing.T, r *athena.Result) (rows [][]duckdb.Value) {
	t.Helper()
	for row, err := range r.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestRun: values come as those of a query over the same columns, the names of the columns are no row, and pages are read to
// their end.
func TestRun(t *testing.T) {
	s := testenv.Athena(t)
	s.Put(t, []testenv.AthenaColumn{
		{Name: "n", Type: "bigint"}, {Name: "price", Type: "decimal", Precision: 10, Scale: 2}, {Name: "ratio", Type: "double"}, {Name: "sure", Type: "boolean"},
		{Name: "name", Type: "varchar"}, {Name: "at", Type: "timestamp"}, {Name: "raw", Type: "varbinary"},
	}, []any{"7", "1.50", "0.1", "true", "größe", "2014-07-24 00:00:00.000", "00 ff"}, []any{nil, nil, "NaN", nil, "", nil, nil}, []any{"8", "-2.00", "1.0E10", "false", "n", "2014-07-24 01:02:03.500", ""})
	polled := 0
	s.Answer(func(action string, request, answer []byte) (int, string) {
		switch action {
		case "GetQueryExecution":
			if polled++; polled < 4 {
				return http.StatusOK, strings.Replace(string(answer), `"SUCCEEDED"`, []string{`"QUEUED"`, `"RUNNING"`, `"RUNNING"`}[polled-1], 1)
			}
			return http.StatusOK, strings.Replace(string(answer), `"DataScannedInBytes": 0`, `"DataScannedInBytes": 4096`, 1)
		case "GetQueryResults":
			return http.StatusOK, onePerPage(t, request, answer)
		}
		return 0, ""
	})
	r, err := athena.Run(t.Context(), options(t, s), "-- all\nSELECT * FROM shop.orders")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]duckdb.Value{
		{duckdb.Number("7"), duckdb.Number("1.50"), duckdb.Number("0.1"), true, "größe", "2014-07-24 00:00:00", "00ff"},
		{nil, nil, "nan", nil, "", nil, nil},
		{duckdb.Number("8"), duckdb.Number("-2.00"), duckdb.Number("1.0E10"), false, "n", "2014-07-24 01:02:03.500", ""},
	}
	if diff := cmp.Diff(want, all(t, r)); diff != "" {
		t.Error(diff)
	}
	if r.Columns[1] != (duckdb.Column{Name: "price", Type: "decimal(10,2)"}) || r.Scanned != 4096 || r.ID == "" || polled != 4 {
		t.Errorf("columns %v, %d bytes, query %q, asked %d times", r.Columns, r.Scanned, r.ID, polled)
	}
}

// onePerPage cuts a result into pages of one row.
func onePerPage(t *testing.T, request, answer []byte) string {
	var asked struct{ NextToken string }
	var whole map[string]any
	if err := errors.Join(json.Unmarshal(request, &asked), json.Unmarshal(answer, &whole)); err != nil {
		t.Error(err)
	}
	set, ok := whole["ResultSet"].(map[string]any)
	if !ok {
		return string(answer)
	}
	rows, _ := set["Rows"].([]any)
	at := 0
	if asked.NextToken != "" {
		_, _ = fmt.Sscan(asked.NextToken, &at)
	}
	set["Rows"] = rows[at : at+1]
	if at+1 < len(rows) {
		whole["NextToken"] = fmt.Sprint(at + 1)
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// TestStop: who does not wait any more tells Athena so.
func TestStop(t *testing.T) {
	s := testenv.Athena(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	s.Answer(func(action string, _, answer []byte) (int, string) {
		if action == "GetQueryExecution" {
			cancel(enough)
			return http.StatusOK, strings.Replace(string(answer), `"SUCCEEDED"`, `"RUNNING"`, 1)
		}
		return 0, ""
	})
	if _, err := athena.Run(ctx, options(t, s), "SELECT 1"); !errors.Is(err, enough) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if seen := s.Seen(); !strings.HasPrefix(seen[len(seen)-1], "StopQueryExecution ") {
		t.Errorf("the server has seen %q", seen)
	}
}

// TestFailures: what Athena has against a statement, or whoever sends it, is said with its kind and what to do.
func TestFailures(t *testing.T) {
	failedWith := func(reason string, category int) func(string, []byte, []byte) (int, string) {
		return func(action string, _, answer []byte) (int, string) {
			if action != "GetQueryExecution" {
				return 0, ""
			}
			detail, _ := json.Marshal(map[string]any{"ErrorCategory": category, "ErrorMessage": reason})
			state := fmt.Sprintf(`"FAILED", "StateChangeReason": %q, "AthenaError": %s`, reason, detail)
			return http.StatusOK, strings.Replace(string(answer), `"SUCCEEDED"`, state, 1)
		}
	}
	refused := func(code, message string) func(string, []byte, []byte) (int, string) {
		return func(action string, _, _ []byte) (int, string) {
			if action != "StartQueryExecution" {
				return 0, ""
			}
			return http.StatusBadRequest, fmt.Sprintf(`{"__type":%q,"message":%q,"Message":%q}`, code, message, message)
		}
	}
	for name, tt := range map[string]struct {
		answer func(string, []byte, []byte) (int, string)
		kind   error
		want   string
	}{
		"wrong column":   {failedWith("COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved", 2), tidemark.ErrInvalid, "line 1, column 8: Column 'nope'"},
		"no database":    {failedWith("SCHEMA_NOT_FOUND: line 1:15: Schema 'shop' does not exist", 2), tidemark.ErrInvalid, "with database_prefix before it"},
		"Lake Formation": {failedWith("Insufficient Lake Formation permission(s) on orders", 2), tidemark.ErrDenied, "a denial of Lake Formation: grant the role SELECT"},
		"bucket":         {failedWith("Access denied when writing output to url: s3://results/x.csv", 2), tidemark.ErrDenied, "s3:PutObject where the result goes"},
		"own fault":      {failedWith("GENERIC_INTERNAL_ERROR: node is lost", 1), tidemark.ErrTransient, "node is lost"},
		"no grant":       {refused("AccessDeniedException", "not allowed"), tidemark.ErrDenied, "allow athena:StartQueryExecution"},
		"no workgroup":   {refused("InvalidRequestException", "WorkGroup etl is not found."), tidemark.ErrInvalid, "--workgroup"},
		"no output":      {refused("InvalidRequestException", "No output location provided."), tidemark.ErrInvalid, "--output-location"},
	} {
		s := testenv.Athena(t)
		s.Answer(tt.answer)
		_, err := athena.Run(t.Context(), options(t, s), "SELECT 1")
		if !errors.Is(err, tt.kind) || !strings.Contains(fmt.Sprint(err)+tidemark.Hint(err), tt.want) {
			t.Errorf("%s: %v, %q, want %v with %q", name, err, tidemark.Hint(err), tt.kind, tt.want)
		}
	}
}

// TestOutput: where nobody names a place for results the lake's own is taken, and only then.
func TestOutput(t *testing.T) {
	s := testenv.Athena(t)
	s.Answer(func(action string, request, _ []byte) (int, string) {
		if action == "StartQueryExecution" && !strings.Contains(string(request), "OutputLocation") {
			return http.StatusBadRequest, `{"__type":"InvalidRequestException","Message":"No output location provided. An output location is required"}`
		}
		return 0, ""
	})
	o := options(t, s)
	o.Output, o.Fallback, o.Workgroup = "", "s3://lake/_tidemark/athena/", "primary"
	if _, err := athena.Run(t.Context(), o, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	starts := slices.DeleteFunc(s.Seen(), func(seen string) bool { return !strings.HasPrefix(seen, "StartQueryExecution ") })
	if len(starts) != 2 || !strings.Contains(starts[1], "s3://lake/_tidemark/athena/") || !strings.Contains(starts[1], `"WorkGroup":"primary"`) {
		t.Errorf("started with %q", starts)
	}
}

// TestReadOnly: nothing that would change something is sent.
func TestReadOnly(t *testing.T) {
	o := athena.Options{AWS: aws.Config{Region: "nowhere"}}
	for _, statement := range []string{
		"", "-- nothing\n", "INSERT INTO t SELECT 1", "/* SELECT */ DROP TABLE t", "UNLOAD (SELECT 1) TO 's3://x'", "explain analyze\n insert into t select 1", "(DELETE FROM t)", "ALTER TABLE t ADD PARTITION (a = 1)",
		"EXPLAIN /* x */ ANALYZE INSERT INTO t SELECT 1", "EXPLAIN -- x\nANALYZE DELETE FROM t", "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "SELECT 1; DROP TABLE t",
	} {
		if _, err := athena.Run(t.Context(), o, statement); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", statement, err)
		}
	}
	s := testenv.Athena(t)
	for _, statement := range []string{"SELECT 1", " with a AS (SELECT 1) SELECT * FROM a", "(SELECT 1)", "SHOW DATABASES", "DESCRIBE shop.orders", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "VALUES 1", "EXPLAIN ANALYZE (FORMAT JSON) SELECT 1",
		"SHOW CREATE TABLE t", `SELECT "insert", 'drop;' FROM t;`} {
		if _, err := athena.Run(t.Context(), options(t, s), statement); err != nil {
			t.Errorf("%q: %v", statement, err)
		}
	}
}
