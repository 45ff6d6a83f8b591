// Package sqs receives from an SQS queue what S3 tells of new objects. It knows what the messages say, in all shapes in which they
// come, and takes them from the queue once they were used; what objects are for is not its matter.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
)

const (
	atOnce    = 10   // the most messages that SQS hands out, and takes back
	pollFor   = 20   // seconds, the longest that SQS lets somebody wait
	maxWarned = 1000 // messages that are remembered, so that the log tells of each once
)

// Options say which queue it is, and which objects count.
type Options struct {
	AWS aws.Config   // with region and credentials
	URL string       // of the queue; requests go to its host
	Log *slog.Logger // gets a warning for each message that says nothing; nil discards

	Bucket string // only objects of this bucket; "" for all
	Prefix string // only objects whose whole key begins with it
}

// A Queue is one of SQS. Its methods may be called at the same time.
type Queue struct {
	o      Options
	client *sqs.Client

	mu     sync.Mutex
	warned []string // ids of messages that the log has told of, the oldest first
}

// Open returns a queue. It asks nobody whether that is there. A URL that is none is tidemark.ErrInvalid.
func Open(o Options) (*Queue, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the queue's URL is none: %w", tidemark.ErrInvalid)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	at := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	return &Queue{o: o, client: sqs.NewFromConfig(o.AWS, func(s *sqs.Options) { s.BaseEndpoint = &at })}, nil
}

// RegionOf returns the region that the URL of a queue of AWS names; "" where it names none.
func RegionOf(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	host, ours := u.Hostname(), false
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		ours = ours || strings.HasSuffix(host, domain)
	}
	labels := strings.Split(host, ".")
	if !ours {
		return ""
	}
	for i, label := range labels[:len(labels)-2] {
		switch {
		case label == "sqs" || label == "sqs-fips":
			return labels[i+1]
		case label == "queue" && i > 0: // as URLs were before
			return labels[i-1]
		}
	}
	return ""
}

// A Delivery is what a queue has handed out at once, to nobody else for the queue's visibility timeout.
type Delivery struct {
	Objects []Object // those that count
	Used    int      // messages that could be read, also those whose objects do not count
	Left    int      // messages that say nothing of S3; they stay in the queue

	queue   *Queue
	handles []types.DeleteMessageBatchRequestEntry
}

// Receive waits up to 20 seconds for messages, and returns as soon as there are some or ctx ends. What it returns comes
// again, from this queue or through another process, until Done was called.
func (q *Queue) Receive(ctx context.Context) (*Delivery, error) {
	answer, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.o.URL, MaxNumberOfMessages: atOnce, WaitTimeSeconds: pollFor,
	})
	if err != nil {
		return nil, q.fail(ctx, "receive from", "sqs:ReceiveMessage", err)
	}
	d := &Delivery{queue: q}
	for i, m := range answer.Messages {
		objects, err := read(aws.ToString(m.Body))
		if err != nil {
			d.Left++
			q.warn(aws.ToString(m.MessageId), err)
			continue
		}
		d.Used++
		d.handles = append(d.handles, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
		for _, o := range objects {
			if (q.o.Bucket == "" || o.Bucket == q.o.Bucket) && strings.HasPrefix(o.Key, q.o.Prefix) {
				d.Objects = append(d.Objects, o)
			}
		}
	}
	return d, nil
}

// warn tells once of a message that stays.
func (q *Queue) warn(id string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if slices.Contains(q.warned, id) {
		return
	}
	q.warned = append(q.warned[max(len(q.warned)+1-maxWarned, 0):], id)
	q.o.Log.Warn("a message stays in the queue", "queue", q.o.URL, "message", id, "err", err)
}

// Done takes the messages that could be read from the queue, for good. Call it once what they tell of is kept. Those that
// it could not take come again, as they do when nobody calls it.
func (d *Delivery) Done(ctx context.Context) error {
	if len(d.handles) == 0 {
		return nil
	}
	answer, err := d.queue.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &d.queue.o.URL, Entries: d.handles})
	if err != nil {
		return d.queue.fail(ctx, "delete messages from", "sqs:DeleteMessage", err)
	}
	if len(answer.Failed) > 0 {
		f := answer.Failed[0]
		return fmt.Errorf("delete messages from queue %s: %d of %d stay: %w: %s: %s",
			d.queue.o.URL, len(answer.Failed), len(d.handles), tidemark.ErrTransient, aws.ToString(f.Code), aws.ToString(f.Message))
	}
	return nil
}

// kinds are the kinds of SQS's errors, by their codes.
var kinds = map[string]error{
	"AccessDenied":                            tidemark.ErrDenied,
	"AccessDeniedException":                   tidemark.ErrDenied,
	"InvalidClientTokenId":                    tidemark.ErrDenied,
	"SignatureDoesNotMatch":                   tidemark.ErrDenied,
	"KmsAccessDenied":                         tidemark.ErrDenied,
	"QueueDoesNotExist":                       tidemark.ErrNotFound,
	"AWS.SimpleQueueService.NonExistentQueue": tidemark.ErrNotFound,
	"InvalidAddress":                          tidemark.ErrInvalid,
	"UnsupportedOperation":                    tidemark.ErrInvalid,
}

// fail says what was being done, and gives an error its kind.
func (q *Queue) fail(ctx context.Context, doing, action string, err error) error {
	fault, err := amazon.Explain(ctx, doing+" queue "+q.o.URL, kinds, err)
	switch {
	case fault.Code == "KmsAccessDenied":
		return tidemark.WithHint(err, "allow kms:Decrypt on the queue's key")
	case errors.Is(err, tidemark.ErrNotFound):
		return tidemark.WithHint(err, "look at the queue's URL, its region and its account")
	case errors.Is(err, tidemark.ErrDenied):
		return tidemark.WithHint(err, "allow sqs:ReceiveMessage and sqs:DeleteMessage on the queue to who asks: the connection of the trigger, or the AWS environment; it was "+action)
	}
	return err
}
