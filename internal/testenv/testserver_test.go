package testenv

import (
	"bytes"
	"net/http"
	"testing"
)

func TestS3(t *testing.T) {
	first, second := S3(t), S3(t)
	if first.Endpoint != second.Endpoint || first.Bucket == second.Bucket {
		t.Errorf("got %+v, then %+v, want one server and two buckets", first, second)
	}
	res, err := http.Get(first.Endpoint + "/" + first.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusForbidden || !bytes.Contains(body.Bytes(), []byte("<Error>")) {
		t.Errorf("without a signature: %s %s, want that S3 denies access", res.Status, &body)
	}
}

func TestEmbedded(t *testing.T) {
	s := Embedded(t)
	var got int
	if err := s.DB(t, "").QueryRow("SELECT COUNT(*) FROM retail_db.orders").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != 68883 {
		t.Errorf("%d orders, want 68883", got)
	}
}
