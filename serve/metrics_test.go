package serve_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const meteredPipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
    freshness: 1h
  hasty:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.hasty}
    freshness: 1ms
  gone:
    source: {connection: shop, table: nothing, cursor: at}
    target: {connection: lake, table: shop.gone}
  many:
    source: {connection: shop, tables: ["item*"], cursor: at}
    target: {connection: lake, table: "shop.{table}"}
    freshness: 2h
`

// scrape returns the value of each sample, as NAME{LABEL=VALUE}, and the names of all metrics. Of a histogram the value is
// the number of observations.
func (s *site) scrape(t *testing.T) (samples map[string]float64, names []string) {
	t.Helper()
	code, text := s.send(t, "GET", "/metrics", "")
	if code != 200 {
		t.Fatalf("/metrics: %d %s", code, text)
	}
	if problems, err := promlint.New(strings.NewReader(string(text))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	samples = map[string]float64{}
	for name, family := range families {
		for _, one := range family.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := name
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			samples[key] = one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
		}
	}
	return samples, slices.Sorted(maps.Keys(families))
}

// runAll runs pipelines to their ends, whatever those are.
func (s *site) runAll(t *testing.T, pipelines ...string) {
	t.Helper()
	for _, p := range pipelines {
		var begun runsBody
		s.ask(t, 202, "POST", "/api/v1/pipelines/"+p+"/runs", "", &begun)
		for _, r := range begun.Runs {
			s.follow(t, r.ID)
		}
	}
}

// settled scrapes until the end of the last run is counted: followers may see it before.
func (s *site) settled(t *testing.T, name string, want float64) map[string]float64 {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		samples, _ := s.scrape(t)
		if samples[name] == want || time.Now().After(deadline) {
			return samples
		}
	}
}

// TestMetrics: a scrape tells what runs have done, good ones and bad ones, and how far the lake is behind.
func TestMetrics(t *testing.T) {
	s := newSite(t, "", meteredPipelines)
	s.ordersTable(t)
	s.exec(t, "CREATE TABLE items (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO items VALUES (1, '2024-01-01')")
	before, _ := s.scrape(t)
	for name, want := range map[string]float64{
		"tidemark_store_up": 1, "tidemark_runs_queued": 0, "tidemark_config_last_reload_successful": 1, "tidemark_late{pipeline=orders}": 0,
		"tidemark_late{pipeline=hasty}": 1, "tidemark_runs_total{pipeline=gone,state=failed}": 0,
	} {
		if got, found := before[name]; !found || got != want {
			t.Errorf("before the first run %s is %v (there: %t), want %v", name, got, found, want)
		}
	}
	s.runAll(t, "orders", "orders", "hasty", "many", "gone")
	got := s.settled(t, "tidemark_runs_total{pipeline=gone,state=failed}", 1)
	for name, want := range map[string]float64{
		"tidemark_runs_total{pipeline=orders,state=succeeded}": 2, "tidemark_runs_total{pipeline=orders,state=failed}": 0, "tidemark_runs_total{pipeline=gone,state=failed}": 1,
		"tidemark_attempts_failed_total{error_kind=not found,pipeline=gone}": 1, "tidemark_commit_conflicts_total{pipeline=orders}": 0,
		"tidemark_run_duration_seconds{pipeline=orders}": 2, "tidemark_rows_loaded_total{pipeline=orders}": 3, "tidemark_commits_total{pipeline=orders}": 1,
		"tidemark_commit_seq{pipeline=orders}": 1, "tidemark_loaded_rows{pipeline=orders}": 3, "tidemark_loaded_rows{pipeline=many.items}": 1,
		"tidemark_late{pipeline=orders}": 0, "tidemark_late{pipeline=hasty}": 1, "tidemark_late{pipeline=many.items}": 0, "tidemark_runs_running": 0,
	} {
		if value, found := got[name]; !found || value != want {
			t.Errorf("%s is %v (there: %t), want %v", name, value, found, want)
		}
	}
	if lag := got["tidemark_lag_seconds{pipeline=orders}"]; lag <= 0 || lag > 600 {
		t.Errorf("the lag is %v s", lag)
	}
	if got["tidemark_rows_read_total{pipeline=orders}"] < 3 || got["tidemark_written_bytes_total{pipeline=orders}"] == 0 {
		t.Errorf("read and written: %v", got)
	}
	s.lags(t)
	s.write(t, s.text(t)+"mistake: true\n")
	if got := s.settled(t, "tidemark_config_last_reload_successful", 0); got["tidemark_config_last_reload_successful"] != 0 {
		t.Error("a config with a mistake counts as taken up")
	}
}

// lags checks what the API tells of the same.
func (s *site) lags(t *testing.T) {
	t.Helper()
	var list struct {
		Pipelines []struct {
			Name      string
			Lag       *float64 `json:"lag_seconds"`
			Freshness float64  `json:"freshness_seconds"`
			Late      bool
		}
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines", "", &list)
	type told struct {
		Lag, Late bool
		Freshness float64
	}
	got := map[string]told{}
	for _, p := range list.Pipelines {
		got[p.Name] = told{p.Lag != nil && *p.Lag > 0, p.Late, p.Freshness}
	}
	want := map[string]told{"orders": {true, false, 3600}, "hasty": {true, true, 0.001}, "gone": {}, "many": {true, false, 7200}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is told of pipelines (-want +got):\n%s", diff)
	}
}

// TestDocumented: the table of metrics in docs/serve.md has each one that a scrape shows, and no other.
func TestDocumented(t *testing.T) {
	s := newSite(t, "", meteredPipelines)
	s.ordersTable(t)
	s.runAll(t, "orders", "gone")
	s.settled(t, "tidemark_runs_total{pipeline=gone,state=failed}", 1)
	_, names := s.scrape(t)
	shown := slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "tidemark_") })
	text, err := os.ReadFile("../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(tidemark_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(documented, shown); diff != "" {
		t.Errorf("metrics of docs/serve.md (-) and of a scrape (+):\n%s", diff)
	}
}
