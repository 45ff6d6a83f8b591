package sqs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Messages in the forms that AWS documents.
const (
	plain = `{"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventTime": "2026-03-01T04:15:09.123Z",
		"eventName": "ObjectCreated:Put", "s3": {"s3SchemaVersion": "1.0", "configurationId": "c", "bucket": {"name": "lake", "arn": "arn:aws:s3:::lake"},
		"object": {"key": "in/caf%C3%A9+1%2B2.csv", "size": 1024, "eTag": "d41d8cd9", "versionId": "096fKKXTRTtl3on89fVO", "sequencer": "0055AED6DCD90281E5"}}}]}`
	bridged = `{"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3", "account": "111122223333",
		"time": "2026-03-01T04:15:09Z", "region": "eu-west-1", "resources": ["arn:aws:s3:::lake"], "detail": {"version": "0", "bucket": {"name": "lake"},
		"object": {"key": "in/café 1+2%20.csv", "size": 5, "etag": "b1946ac9", "version-id": "IYV3p45B", "sequencer": "617f08299329d189"}, "reason": "PutObject"}}`
	tried = `{"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-03-01T04:15:09Z", "Bucket": "lake", "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw"}`
)

// throughSNS is how SNS passes a message on.
func throughSNS(text string) string {
	within, _ := json.Marshal(text)
	return `{"Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Subject": "Amazon S3 Notification", "Message": ` + string(within) + `, "Timestamp": "2026-03-01T04:15:10Z"}`
}

// TestRead: the objects that each form of a message tells of.
func TestRead(t *testing.T) {
	at := time.Date(2026, 3, 1, 4, 15, 9, 123e6, time.UTC)
	object := Object{"lake", "in/café 1+2.csv", "096fKKXTRTtl3on89fVO:d41d8cd9:0055AED6DCD90281E5", at}
	other := Object{"lake", "in/café 1+2%20.csv", "IYV3p45B:b1946ac9:617f08299329d189", at.Truncate(time.Second)}
	without := strings.NewReplacer(`, "versionId": "096fKKXTRTtl3on89fVO", "sequencer": "0055AED6DCD90281E5"`, "", "aws:s3", "minio:s3", "ObjectCreated:Put", "s3:ObjectCreated:Put")
	two := strings.Replace(plain, "}}}]}", "}}}, "+strings.TrimPrefix(strings.ReplaceAll(plain, "ObjectCreated:Put", "ObjectRemoved:Delete"), `{"Records": [`), 1)
	for name, c := range map[string]struct {
		body string
		want []Object
	}{
		"plain":                      {plain, []Object{object}},
		"through SNS":                {throughSNS(plain), []Object{object}},
		"EventBridge":                {bridged, []Object{other}},
		"EventBridge through SNS":    {throughSNS(bridged), []Object{other}},
		"one made, one removed":      {two, []Object{object}},
		"EventBridge, removed":       {strings.Replace(bridged, "Object Created", "Object Deleted", 1), nil},
		"the test of S3":             {tried, nil},
		"the test through SNS":       {throughSNS(tried), nil},
		"a server without a version": {without.Replace(plain), []Object{{"lake", object.Key, "d41d8cd9:2026-03-01T04:15:09.123Z", at}}},
	} {
		got, err := read(c.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestReadForeign: messages that are none of S3's.
func TestReadForeign(t *testing.T) {
	for _, body := range []string{
		"", "hello", "[]", "{}", `{"Records": []}`, `{"Records": [{"eventSource": "aws:ses"}]}`, `{"Records": [{}]}`, throughSNS("hello"), throughSNS(""),
		strings.Replace(bridged, "aws.s3", "aws.ec2", 1), strings.Replace(plain, "caf%C3%A9", "caf%C3", 1), strings.Replace(plain, "caf%C3%A9", "100%", 1),
		strings.Replace(plain, `"name": "lake"`, `"name": ""`, 1), strings.Replace(bridged, `"name": "lake"`, `"name": ""`, 1),
		strings.Replace(plain, "2026-03-01T04:15:09.123Z", "yesterday", 1),
	} {
		if got, err := read(body); err == nil {
			t.Errorf("%s\nis read as %v", body, got)
		}
	}
}

// FuzzRead: whatever stands in a message, an object that comes out has a name.
func FuzzRead(f *testing.F) {
	for _, body := range []string{plain, bridged, tried, throughSNS(plain), "{", `{"Type":"Notification","Message":"{}"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		objects, err := read(body)
		if err != nil && objects != nil {
			t.Errorf("%v and %v", objects, err)
		}
		for _, o := range objects {
			if o.Bucket == "" || o.Key == "" || o.Version == "" {
				t.Errorf("an object without a name: %+v", o)
			}
		}
	})
}

// TestRegionOf: the URLs that AWS gives to queues, now and before.
func TestRegionOf(t *testing.T) {
	for queue, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/123456789012/q":                  "eu-west-1",
		"https://sqs-fips.us-gov-west-1.amazonaws.com/1/q":                    "us-gov-west-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/1/q":                         "cn-north-1",
		"https://vpce-0a1b.sqs.us-east-1.vpce.amazonaws.com/1/q":              "us-east-1",
		"https://sqs.eu-central-1.api.aws/1/q":                                "eu-central-1",
		"https://eu-west-2.queue.amazonaws.com/1/q":                           "eu-west-2",
		"https://queue.amazonaws.com/1/q":                                     "",
		"http://127.0.0.1:5555/1/q":                                           "",
		"http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q": "",
		"https://sqs.example.com/q":                                           "",
		"://":                                                                 "",
	} {
		if got := RegionOf(queue); got != want {
			t.Errorf("%s: %q, want %q", queue, got, want)
		}
	}
}
