package testenv

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A QueueServer is a queue of SQS and a bucket of S3, whose notifications go to the queue.
type QueueServer struct {
	URL       string // of the queue
	Bucket    string
	Region    string
	AccessKey string
	SecretKey string

	t    testing.TB
	moto string
	name string
}

// Queue makes a queue and a bucket on a moto server, an emulator of AWS: that of TIDEMARK_TEST_MOTO, or one on its usual
// port of this machine. The test is skipped when there is none. A message that was handed out comes again after so many
// seconds, unless it was deleted.
//
// moto tells of an object without a version and a sequencer, and does not look at signatures.
func Queue(t testing.TB, seconds int) *QueueServer {
	t.Helper()
	name := "tide-" + strings.ToLower(rand.Text()[:12])
	q := &QueueServer{
		Bucket: name, Region: "us-east-1", AccessKey: "tide-test-access", SecretKey: "tide-test-secret-key", t: t, name: name,
		moto: cmp.Or(os.Getenv("TIDEMARK_TEST_MOTO"), "http://127.0.0.1:5555"),
	}
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(q.moto + "/moto-api/data.json")
	if err != nil {
		t.Skipf("no moto server at %s (TIDEMARK_TEST_MOTO): %v", q.moto, err)
	}
	_ = answer.Body.Close()
	var made struct{ QueueURL string }
	q.ask("CreateQueue", map[string]any{"QueueName": name, "Attributes": map[string]string{"VisibilityTimeout": fmt.Sprint(seconds)}}, &made)
	q.URL = made.QueueURL
	q.put("/"+name, "")
	t.Cleanup(func() {
		q.ask("DeleteQueue", map[string]any{"QueueUrl": q.URL}, nil)
	})
	q.put("/"+name+"?notification", `<NotificationConfiguration><QueueConfiguration><Id>new</Id><Queue>arn:aws:sqs:us-east-1:123456789012:`+name+
		`</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>`)
	q.ask("PurgeQueue", map[string]any{"QueueUrl": q.URL}, nil) // of the message by which S3 tries it
	return q
}

// PutObject writes an object, of which the queue is told.
func (q *QueueServer) PutObject(key, text string) {
	q.t.Helper()
	q.put("/"+q.Bucket+"/"+key, text)
}

// Send puts a message into the queue.
func (q *QueueServer) Send(body string) {
	q.t.Helper()
	q.ask("SendMessage", map[string]any{"QueueUrl": q.URL, "MessageBody": body}, nil)
}

// Count returns how many messages are in the queue, those included that were handed out and not deleted.
func (q *QueueServer) Count() string {
	q.t.Helper()
	var told struct{ Attributes map[string]string }
	q.ask("GetQueueAttributes", map[string]any{"QueueUrl": q.URL, "AttributeNames": []string{"All"}}, &told)
	return told.Attributes["ApproximateNumberOfMessages"] + "+" + told.Attributes["ApproximateNumberOfMessagesNotVisible"]
}

// ask sends a request to SQS.
func (q *QueueServer) ask(action string, request map[string]any, to any) {
	q.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		q.t.Fatal(err)
	}
	text := q.send(http.MethodPost, "/", "sqs", body, map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + action})
	if to == nil {
		return
	}
	if err := json.Unmarshal(text, to); err != nil {
		q.t.Fatalf("%s: %v in %s", action, err, text)
	}
}

func (q *QueueServer) put(path, body string) {
	q.t.Helper()
	q.send(http.MethodPut, path, "s3", []byte(body), nil)
}

func (q *QueueServer) send(method, path, service string, body []byte, header map[string]string) []byte {
	q.t.Helper()
	r, err := http.NewRequest(method, q.moto+path, bytes.NewReader(body))
	if err != nil {
		q.t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+q.AccessKey+"/20260101/"+q.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		q.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
		q.t.Fatalf("%s %s: %s %v\n%s", method, path, answer.Status, err, text)
	}
	return text
}
