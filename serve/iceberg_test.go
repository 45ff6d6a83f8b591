package serve_test

import (
	"testing"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
)

// TestIcebergToken: another engine reads what a pipeline has loaded, by a token where the server asks for one.
func TestIcebergToken(t *testing.T) {
	s := newSite(t, "", lakePipelines)
	s.ordersTable(t)
	s.runNow(t, "orders")
	var made struct{ Token string }
	s.ask(t, 201, "POST", "/api/v1/tokens", `{"name": "engine", "role": "viewer"}`, &made)
	if _, err := rest.NewCatalog(t.Context(), "tide", s.base+"/iceberg", rest.WithWarehouseLocation("lake")); err == nil {
		t.Error("an engine without a token was let in")
	}
	c, err := rest.NewCatalog(t.Context(), "tide", s.base+"/iceberg", rest.WithWarehouseLocation("lake"), rest.WithOAuthToken(made.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	loaded, err := c.LoadTable(t.Context(), table.Identifier{"shop", "orders"})
	if err != nil {
		t.Fatal(err)
	}
	_, batches, err := loaded.Scan().ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for batch, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		rows += batch.NumRows()
		batch.Release()
	}
	if rows != 2 {
		t.Errorf("%d rows, want 2", rows)
	}
}
