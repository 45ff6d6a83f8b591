package blob

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tidemark-data/tidemark"
)

// A staged object is a multipart upload that is not completed. S3 keeps it until it is completed or aborted, or until
// a lifecycle rule aborts it; the uploads of killed processes are Sweep's.

// Stage implements Stager.
func (s *S3) Stage(ctx context.Context, key string) (StagedWriter, error) {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return nil, err
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &s.config.Bucket, Key: s.full(key)}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = s.encryption()
	w := &s3Writer{store: s, staged: Staged{Key: key}}
	err := s.withChecksum(func(with bool) error {
		in.ChecksumAlgorithm, w.checksum = "", with
		if with {
			in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
		}
		out, err := s.client.CreateMultipartUpload(ctx, in)
		if err == nil {
			w.staged.Upload = aws.ToString(out.UploadId)
		}
		return err
	})
	if err != nil {
		return nil, s.failWrite(ctx, "stage", key, err)
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w, nil
}

// Complete implements Stager.
func (s *S3) Complete(ctx context.Context, staged Staged) error {
	if err := first(checkStaged(staged), ctx.Err()); err != nil {
		return err
	}
	parts := make([]types.CompletedPart, len(staged.Parts))
	for i, p := range staged.Parts {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(p.Number), ETag: aws.String(p.ETag)}
		if p.CRC32 != "" {
			parts[i].ChecksumCRC32 = aws.String(p.CRC32)
		}
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.config.Bucket, Key: s.full(staged.Key), UploadId: aws.String(staged.Upload),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil && !hasCode(err, "NoSuchUpload", "InvalidPart") {
		return s.failWrite(ctx, "complete", staged.Key, err)
	}
	// Success says little: S3 remembers an upload that was completed before, and says so again even when the object
	// has been replaced or deleted since. Nor does NoSuchUpload: this very request may have completed it, and lost
	// its first reply. The object tells.
	there, err := s.appear(ctx, staged.Key)
	switch {
	case errors.Is(err, tidemark.ErrNotFound):
		return s.fail(ctx, "complete", staged.Key, fmt.Errorf("the staged object is gone: %w", tidemark.ErrNotFound))
	case err != nil:
		return err
	case there.Size != staged.Size:
		return s.fail(ctx, "complete", staged.Key, ErrExist)
	}
	return nil
}

// Check implements Stager.
func (s *S3) Check(ctx context.Context, staged Staged) (StagedState, error) {
	if err := first(checkStaged(staged), ctx.Err()); err != nil {
		return StagedGone, err
	}
	there, err := s.parts(ctx, staged)
	if err == nil && slices.EqualFunc(staged.Parts, there, samePart) {
		return StagedPending, nil
	}
	if err != nil && !hasCode(err, "NoSuchUpload") {
		return StagedGone, s.fail(ctx, "check", staged.Key, err)
	}
	o, err := s.appear(ctx, staged.Key)
	switch {
	case errors.Is(err, tidemark.ErrNotFound):
		return StagedGone, nil
	case err != nil:
		return StagedGone, err
	case o.Size == staged.Size:
		return StagedDone, nil
	}
	return StagedGone, nil
}

// appear is Stat for an object whose upload is gone, so that it should be there. A process that was killed a moment
// ago may have asked for its completion, and some servers take the upload away before they show the object; so a
// missing one is looked for again, for a third of a second in all.
func (s *S3) appear(ctx context.Context, key string) (Object, error) {
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		o, err := s.Stat(ctx, key)
		if !errors.Is(err, tidemark.ErrNotFound) || delay > 200*time.Millisecond {
			return o, err
		}
		if err := sleep(ctx, delay); err != nil {
			return Object{}, s.fail(ctx, "stat", key, err)
		}
	}
}

// parts returns what the server has of a staged object, in the order of the numbers.
func (s *S3) parts(ctx context.Context, staged Staged) ([]Part, error) {
	var parts []Part
	pages := s3.NewListPartsPaginator(s.client, &s3.ListPartsInput{
		Bucket: &s.config.Bucket, Key: s.full(staged.Key), UploadId: aws.String(staged.Upload),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parts {
			parts = append(parts, Part{Number: aws.ToInt32(p.PartNumber), ETag: aws.ToString(p.ETag), Size: aws.ToInt64(p.Size)})
		}
	}
	return parts, nil
}

func samePart(a, b Part) bool {
	return a.Number == b.Number && a.Size == b.Size && strings.Trim(a.ETag, `"`) == strings.Trim(b.ETag, `"`)
}

// Abort implements Stager.
func (s *S3) Abort(ctx context.Context, staged Staged) error {
	if err := first(checkStaged(staged), ctx.Err()); err != nil {
		return err
	}
	return s.abort(ctx, staged.Key, staged.Upload)
}

func (s *S3) abort(ctx context.Context, key, upload string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.config.Bucket, Key: s.full(key), UploadId: aws.String(upload),
	})
	if hasCode(err, "NoSuchUpload") {
		return nil
	}
	return s.failWrite(ctx, "abort", key, err)
}
