package restserve

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// table loads a table: the metadata file as it lies in the lake, without the snapshots that no branch or tag names where
// the client wants it so.
func (h *Handler) table(a *answer) error {
	mode := a.URL.Query().Get("snapshots")
	if mode != "" && mode != "all" && mode != "refs" {
		return bad("snapshots=" + strconv.Quote(mode) + ": want all or refs")
	}
	lake, err := h.o.Open(a.Context(), a.lake)
	if err != nil {
		return err
	}
	id := tidemark.TableID{Namespace: a.namespace, Name: a.name}
	location, metadata, err := lake.Metadata(a.Context(), id)
	if errors.Is(err, tidemark.ErrNotFound) {
		return noTable(id)
	}
	if err != nil {
		return err
	}
	if a.Method == http.MethodHead {
		return a.nothing()
	}
	body, err := loaded(location, metadata, mode == "refs", lake.Properties())
	if err != nil {
		return fmt.Errorf("table %s: metadata file %s: %w", id, location, err)
	}
	// The name of a metadata file does not do for a tag: a table that was dropped and made again has the same ones.
	sum := sha256.Sum256(body)
	tag := `W/"` + hex.EncodeToString(sum[:16]) + `"` // weak, since it is the same with and without gzip
	a.Header().Set("ETag", tag)
	a.Header().Set("Cache-Control", "no-cache")
	if sameTag(a.request.Header.Values("If-None-Match"), tag) {
		a.WriteHeader(http.StatusNotModified)
		return nil
	}
	return a.send(body)
}

// sameTag reports whether one of the tags in a header If-None-Match is tag.
func sameTag(header []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(header, ","), ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// loaded is the answer to who loads a table. The metadata is not decoded and encoded again: it goes out byte for byte.
func loaded(location string, metadata []byte, refs bool, properties map[string]string) ([]byte, error) {
	if !json.Valid(metadata) {
		return nil, fmt.Errorf("it is no JSON: %w", tidemark.ErrInvalid)
	}
	if refs {
		var err error
		if metadata, err = withRefs(metadata); err != nil {
			return nil, err
		}
	}
	if properties == nil {
		properties = map[string]string{}
	}
	head, err := json.Marshal(location)
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(properties)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{
		[]byte(`{"metadata-location":`), head, []byte(`,"metadata":`), bytes.TrimSpace(metadata), []byte(`,"config":`), tail, []byte(`}`),
	}, nil), nil
}

// withRefs takes the snapshots out that are neither current nor named by a branch or tag.
func withRefs(metadata []byte) ([]byte, error) {
	type snapshot struct {
		ID int64 `json:"snapshot-id"`
	}
	var head struct {
		Current   *int64              `json:"current-snapshot-id"`
		Refs      map[string]snapshot `json:"refs"`
		Snapshots []json.RawMessage   `json:"snapshots"`
	}
	members := map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal(metadata, &head), json.Unmarshal(metadata, &members)); err != nil {
		return nil, fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	named := map[int64]bool{}
	if head.Current != nil {
		named[*head.Current] = true
	}
	for _, r := range head.Refs {
		named[r.ID] = true
	}
	kept := []json.RawMessage{}
	for _, raw := range head.Snapshots {
		var s snapshot
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("snapshot: %w: %w", tidemark.ErrInvalid, err)
		}
		if named[s.ID] {
			kept = append(kept, raw)
		}
	}
	some, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	members["snapshots"] = some
	return json.Marshal(members)
}

// metrics takes what a client reports of its scans, and forgets it. A client that was refused would warn its user at every
// query.
func (h *Handler) metrics(a *answer) error { return a.nothing() }
