package sqs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// An Object is one that S3 tells of as new.
type Object struct {
	Bucket  string
	Key     string    // whole, as it is called in the bucket
	Version string    // the same however often S3 tells of it, and another once the object is another
	At      time.Time // when it came to be; zero where the message does not say
}

// A message is what may be in one, in any of its shapes: from S3 itself, from S3 by way of SNS, from EventBridge, and from
// EventBridge by way of SNS.
type message struct {
	Records []record // S3
	Event   string   // S3, of the message by which it tries a new configuration

	Type    string // SNS
	Message string // SNS: the message that it passes on

	Source     string    `json:"source"` // EventBridge, as are the others
	DetailType string    `json:"detail-type"`
	Time       time.Time `json:"time"`
	Detail     struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string
			ETag      string `json:"etag"`
			VersionID string `json:"version-id"`
			Sequencer string
		}
	} `json:"detail"`
}

// A record is what S3 tells of one object.
type record struct {
	EventSource string    `json:"eventSource"`
	EventName   string    `json:"eventName"`
	EventTime   time.Time `json:"eventTime"`
	S3          struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string // encoded as in a form
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string
		}
	}
}

// errForeign says that a message is none of S3's.
var errForeign = errors.New("it is no notification of S3")

// read returns the new objects that a message tells of. Of what else S3 tells, such as of objects that were deleted, it
// returns none. A message that is none of S3's is an error.
func read(body string) ([]Object, error) {
	var m message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return nil, errForeign // the decoder's words repeat the text
	}
	switch {
	case m.Type == "Notification" && m.Message != "":
		return read(m.Message) // each time what is within is shorter
	case m.Event == "s3:TestEvent":
		return nil, nil
	case m.Source == "aws.s3":
		return m.bridged()
	case len(m.Records) == 0:
		return nil, errForeign
	}
	var all []Object
	for _, r := range m.Records {
		o, err := r.object()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:") {
			all = append(all, o)
		}
	}
	return all, nil
}

// object returns the object of a record.
func (r record) object() (Object, error) {
	if !strings.HasSuffix(r.EventSource, ":s3") {
		return Object{}, errForeign
	}
	o := r.S3.Object
	key, err := url.QueryUnescape(o.Key)
	if err != nil {
		return Object{}, fmt.Errorf("its key is not encoded as S3 does it: %w", errForeign)
	}
	return named(r.S3.Bucket.Name, key, r.EventTime, o.VersionID, o.ETag, o.Sequencer)
}

// bridged returns the object of a message of EventBridge, which does not encode keys.
func (m message) bridged() ([]Object, error) {
	if m.DetailType != "Object Created" {
		return nil, nil
	}
	o := m.Detail.Object
	object, err := named(m.Detail.Bucket.Name, o.Key, m.Time, o.VersionID, o.ETag, o.Sequencer)
	if err != nil {
		return nil, err
	}
	return []Object{object}, nil
}

// named returns an object with its version: what S3 has called the version, which is the same for all of a bucket that
// keeps none, with what tells apart two objects that were written under one key. A server that does not number what it
// tells of is taken at its time.
func named(bucket, key string, at time.Time, version, etag, sequencer string) (Object, error) {
	if bucket == "" || key == "" || !utf8.ValidString(key) {
		return Object{}, errForeign
	}
	number := cmp.Or(sequencer, at.UTC().Format(time.RFC3339Nano))
	return Object{Bucket: bucket, Key: key, At: at, Version: strings.Trim(version+":"+etag+":"+number, ":")}, nil
}
