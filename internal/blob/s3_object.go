package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tidemark-data/tidemark"
)

// Get implements Store. A reader that loses its connection goes on with a new one behind the last byte, as long as
// the object is the same.
func (s *S3) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := first(checkKey(key), checkRange(key, offset), ctx.Err()); err != nil {
		return nil, err
	}
	if length == 0 { // HTTP has no empty ranges
		_, err := s.Stat(ctx, key)
		return io.NopCloser(bytes.NewReader(nil)), err
	}
	r := &s3Reader{store: s, ctx: ctx, key: key, next: offset, end: -1}
	if length > 0 {
		r.end = offset + length
	}
	err := r.open()
	if hasCode(err, "InvalidRange") { // it begins at or behind the end
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if err != nil {
		return nil, s.fail(ctx, "get", key, err)
	}
	return r, nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, key string) (Object, error) {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return Object{}, err
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.config.Bucket, Key: s.full(key)})
	if code := status(err); code >= 300 && code < 500 {
		err = s.reason(ctx, key, err)
	}
	if err != nil {
		return Object{}, s.fail(ctx, "stat", key, err)
	}
	return Object{
		Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified), ETag: aws.ToString(out.ETag),
	}, nil
}

// reason asks once more why HEAD failed: its answers have no body, and so do not tell a missing object from a missing
// bucket, nor a wrong key from a missing right.
func (s *S3) reason(ctx context.Context, key string, head error) error {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.config.Bucket, Key: s.full(key), Range: aws.String("bytes=0-0"),
	})
	if err == nil {
		err = out.Body.Close()
	}
	if err == nil || hasCode(err, "InvalidRange") {
		return head // it came this moment
	}
	return err
}

// List implements Store. Objects whose names are no keys, such as the empty "folders" that consoles make, are left
// out.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := first(checkPrefix(prefix), ctx.Err()); err != nil {
			yield(Object{}, err)
			return
		}
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.config.Bucket, Prefix: s.full(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, s.fail(ctx, "list", prefix, err))
				return
			}
			for _, o := range page.Contents {
				key := strings.TrimPrefix(aws.ToString(o.Key), s.prefix)
				if checkKey(key) != nil {
					continue
				}
				object := Object{
					Key: key, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified), ETag: aws.ToString(o.ETag),
				}
				if !yield(object, nil) {
					return
				}
			}
		}
	}
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.config.Bucket, Key: s.full(key)})
	if err == nil || hasCode(err, "NoSuchKey") {
		return nil
	}
	return s.failWrite(ctx, "delete", key, err)
}

// Sweep implements Sweeper.
func (s *S3) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	if err := first(checkPrefix(prefix), ctx.Err()); err != nil {
		return 0, err
	}
	swept := 0
	pages := s3.NewListMultipartUploadsPaginator(s.client,
		&s3.ListMultipartUploadsInput{Bucket: &s.config.Bucket, Prefix: s.full(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return swept, s.fail(ctx, "sweep", prefix, err)
		}
		for _, u := range page.Uploads {
			key := strings.TrimPrefix(aws.ToString(u.Key), s.prefix)
			if checkKey(key) != nil || !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			if err := s.abort(ctx, key, aws.ToString(u.UploadId)); err != nil {
				return swept, err
			}
			swept++
		}
	}
	return swept, nil
}

// maxResumes bounds how often a reader goes on without having got a single byte.
const maxResumes = 3

type s3Reader struct {
	store   *S3
	ctx     context.Context // of Get: io.Reader has none
	key     string
	next    int64 // offset of the next byte
	end     int64 // of the range; -1: the object's end
	etag    string
	body    io.ReadCloser
	resumes int
}

func (r *s3Reader) open() error {
	in := &s3.GetObjectInput{Bucket: &r.store.config.Bucket, Key: r.store.full(r.key)}
	if r.end >= 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.next, r.end-1))
	} else if r.next > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.next))
	}
	if r.etag != "" {
		in.IfMatch = aws.String(r.etag)
	}
	out, err := r.store.client.GetObject(r.ctx, in)
	if err != nil {
		return err
	}
	r.body, r.etag = out.Body, aws.ToString(out.ETag)
	r.end = r.next + aws.ToInt64(out.ContentLength)
	return nil
}

func (r *s3Reader) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.next += int64(n)
		if n > 0 {
			r.resumes = 0
		}
		if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return n, err
		}
		if r.ctx.Err() != nil || !isNetwork(err) || r.next >= r.end || r.resumes == maxResumes {
			return n, r.store.fail(r.ctx, "read", r.key, err)
		}
		r.resumes++
		_ = r.body.Close()
		if err := r.open(); err != nil {
			if hasCode(err, "PreconditionFailed") {
				err = fmt.Errorf("the object was replaced meanwhile: %w", tidemark.ErrTransient)
			}
			r.body = io.NopCloser(bytes.NewReader(nil))
			r.resumes = maxResumes
			return n, r.store.fail(r.ctx, "read", r.key, err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (r *s3Reader) Close() error { return r.body.Close() }
