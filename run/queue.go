package run

import (
	"context"
	"fmt"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/sqs"
)

// notices are what a trigger wants to hear of from a queue.
type notices struct{ queue, connection, prefix string }

// Receive waits up to 20 seconds for a queue of SQS to tell of new objects, and returns as soon as it does or ctx ends. With a
// connection only objects of that lake count, and the prefix is that of their keys in the lake, as Objects has it; with "" those
// of all buckets, by their whole keys. What it returns comes again until its Done was called.
func (r *Runner) Receive(ctx context.Context, queue, connection, prefix string) (*sqs.Delivery, error) {
	n := notices{queue, connection, prefix}
	q, err := r.queue(ctx, n)
	if err != nil {
		return nil, err
	}
	d, err := q.Receive(ctx)
	if err != nil && ctx.Err() == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.queues, n) // with credentials that may not hold any more
	}
	return d, err
}

// queue opens a queue once.
func (r *Runner) queue(ctx context.Context, n notices) (*sqs.Queue, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q, ok := r.queues[n]; ok {
		return q, nil
	}
	o := sqs.Options{URL: n.queue, Log: r.log, Prefix: n.prefix}
	access := amazon.Access{For: "the queue " + n.queue, Where: "the connection that the trigger names"}
	if n.connection != "" {
		c, inBucket := r.cfg.Connections[n.connection].(*config.S3)
		if !inBucket {
			return nil, fmt.Errorf("connection %s of queue %s is no bucket: %w", n.connection, n.queue, tidemark.ErrInvalid)
		}
		var err error
		if access.AccessKey, err = c.AccessKey.Resolve(ctx); err != nil {
			return nil, err
		}
		if access.SecretKey, err = c.SecretKey.Resolve(ctx); err != nil {
			return nil, err
		}
		access.Region, access.RoleARN, access.ExternalID = c.Region, c.RoleARN, c.ExternalID
		if o.Bucket = c.Bucket; c.Prefix != "" {
			o.Prefix = c.Prefix + "/" + n.prefix
		}
	}
	var options []func(*awsconfig.LoadOptions) error
	if region := sqs.RegionOf(n.queue); region != "" {
		access.Region = region // a queue may be in another one than the bucket
	} else {
		options = append(options, awsconfig.WithDefaultRegion("us-east-1")) // a server that is not AWS takes any
	}
	var err error
	if o.AWS, err = access.Config(ctx, options...); err != nil {
		return nil, err
	}
	q, err := sqs.Open(o)
	if err != nil {
		return nil, err
	}
	r.queues[n] = q
	return q, nil
}
