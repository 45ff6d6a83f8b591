package tidemark_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

var someTime = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func durationOf(i int) time.Duration { return time.Duration(i) * time.Millisecond }

func TestWatermarkRoundTrip(t *testing.T) {
	w := tidemark.Watermark{
		Version: tidemark.WatermarkVersion, Pipeline: "orders", Seq: 3, Run: "r",
		High:     tidemark.TemporalValue(tidemark.CursorDatetime, 1406160000000000),
		Settled:  tidemark.TemporalValue(tidemark.CursorDatetime, 1406159990000000),
		Overlap:  tidemark.Overlap{Name: "x.overlap", Rows: 2, Bytes: 99, Checksum: "abc"},
		Rejected: tidemark.Rejected{Run: "r", Name: "x.rejected", Rows: 1, Bytes: 9, Checksum: "abc"},
		Origin:   tidemark.Origin{Server: "uuid", Table: "db2.orders"}, Cursor: "order_last_updated",
		Mode: tidemark.ModeMerge, Key: []string{"order_id"},
		Selection: &tidemark.Selection{Where: "region = 'eu'", Columns: []string{"order_id", "order_last_updated"}},
		Settlements: []tidemark.Settlement{{T0: someTime, Max: tidemark.IntegerValue(5), Suspects: []tidemark.Suspect{
			{Thread: 7, Transaction: "421", Started: someTime, Statement: true, Who: "app@host"},
		}}},
		SettledBy: tidemark.SettledEarlier, HeldBy: "app@host", T0: someTime, Committed: someTime, Rows: 10, Total: 30,
	}
	data, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := tidemark.DecodeWatermark(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, back, cmp.Comparer(func(a, b tidemark.CursorValue) bool { return a == b })); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if strings.Contains(string(data), "\n") {
		t.Errorf("the record must be one line: %s", data)
	}
}

// TestWatermarkVersion: who does not know rejected rows may go on as long as there are none.
func TestWatermarkVersion(t *testing.T) {
	for version, w := range map[int]tidemark.Watermark{1: {Pipeline: "p"}, 2: {Pipeline: "p", Rejected: tidemark.Rejected{Run: "r"}}} {
		data, err := w.Encode()
		if err != nil || !strings.HasPrefix(string(data), fmt.Sprintf(`{"v":%d,`, version)) {
			t.Errorf("%s, %v, want version %d", data, err, version)
		}
	}
}

func TestDecodeWatermarkRefuses(t *testing.T) {
	for _, data := range []string{"", "{", `{"v":0}`, `{"v":99,"pipeline":"p"}`, `{"v":1,"high":"soon"}`} {
		if _, err := tidemark.DecodeWatermark([]byte(data)); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("DecodeWatermark(%q): %v, want ErrInvalid", data, err)
		}
	}
	if _, err := tidemark.DecodeWatermark([]byte(`{"v":99}`)); !strings.Contains(tidemark.Hint(err), "update") {
		t.Errorf("a newer version needs a hint, got %q", tidemark.Hint(err))
	}
}

func TestHints(t *testing.T) {
	inner := fmt.Errorf("open: %w", tidemark.ErrDenied)
	err := fmt.Errorf("run: %w", tidemark.WithHint(inner, "grant SELECT"))
	if got := tidemark.Hint(err); got != "grant SELECT" {
		t.Errorf("Hint = %q", got)
	}
	if !errors.Is(err, tidemark.ErrDenied) || err.Error() != "run: open: denied" {
		t.Errorf("a hint must not change the error: %v", err)
	}
	if tidemark.WithHint(nil, "x") != nil || tidemark.Hint(inner) != "" {
		t.Error("no error, no hint")
	}
}

func TestParsePipelineID(t *testing.T) {
	for _, good := range []string{"orders", "shop.orders_2", "a-b"} {
		if id, err := tidemark.ParsePipelineID(good); err != nil || string(id) != good {
			t.Errorf("ParsePipelineID(%q) = %q, %v", good, id, err)
		}
	}
	for _, bad := range []string{"", "Orders", "../x", "a..b", "a/b", ".a", strings.Repeat("a", 129), "ü"} {
		if _, err := tidemark.ParsePipelineID(bad); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("ParsePipelineID(%q): %v, want ErrInvalid", bad, err)
		}
	}
}

func TestSchemaIsUnique(t *testing.T) {
	s := tidemark.Schema{Unique: [][]string{{"a", "b"}, {"c"}}}
	for columns, want := range map[string]bool{"a b": true, "b a": true, "c": true, "a": false, "a c": false, "": false} {
		if got := s.IsUnique(strings.Fields(columns)); got != want {
			t.Errorf("IsUnique(%q) = %v, want %v", columns, got, want)
		}
	}
}
