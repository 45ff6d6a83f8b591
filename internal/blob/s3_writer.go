package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tidemark-data/tidemark"
)

const (
	maxParts  = 10_000
	firstPart = 8 << 20 // bytes
	firstGrow = 64 << 10
)

// partSize returns the size of the nth part, from 1: 8 MiB, doubled after each thousand parts. So objects up to 8 GiB
// have parts of one size, as R2 demands, and 10,000 parts reach 8 TiB, beyond what S3 allows.
func partSize(n int32) int { return firstPart << ((n - 1) / 1000) }

// s3Writer fills one part while the one before is on its way, so it holds two at most.
type s3Writer struct {
	store    *S3
	ctx      context.Context // of Stage: io.Writer has none
	cancel   context.CancelFunc
	staged   Staged
	checksum bool // the upload was begun with CRC-32

	part    []byte        // being filled
	spare   []byte        // the memory of a part that was sent
	sending chan sentPart // of capacity 1; nil when nothing is on its way
	sent    int32         // number of the last part that was sent
	err     error         // the first
	closed  bool
}

type sentPart struct {
	part Part
	data []byte
	err  error
}

func (w *s3Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.err == nil {
		size := partSize(w.sent + 1)
		n := min(len(p), size-len(w.part))
		w.part = appendWithin(w.part, p[:n], size)
		p = p[n:]
		written += n
		if len(w.part) == size {
			w.send()
		}
	}
	return written, w.err
}

// appendWithin is append that never takes more memory than a part may have.
func appendWithin(part, p []byte, size int) []byte {
	if need := len(part) + len(p); need > cap(part) {
		grown := make([]byte, len(part), min(size, max(need, 2*cap(part), firstGrow)))
		copy(grown, part)
		part = grown
	}
	return append(part, p...)
}

// send waits for the part that is on its way and sends the next one in the background.
func (w *s3Writer) send() {
	if w.wait(); w.err != nil {
		return
	}
	if w.sent == maxParts {
		w.err = fmt.Errorf("stage %q: the object is larger than S3 allows: %w", w.staged.Key, tidemark.ErrInvalid)
		return
	}
	w.sent++
	number, data := w.sent, w.part
	w.sending = make(chan sentPart, 1)
	go func(result chan<- sentPart) { // wait receives from it, in Write, Close or Abort
		part, err := w.upload(w.ctx, number, data)
		result <- sentPart{part: part, data: data, err: err}
	}(w.sending)
	w.part, w.spare = w.spare[:0], nil
}

// wait takes the result of the part that is on its way.
func (w *s3Writer) wait() {
	if w.sending == nil {
		return
	}
	s := <-w.sending
	w.sending = nil
	w.spare = s.data
	w.add(s.part, s.err)
}

func (w *s3Writer) add(p Part, err error) {
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.staged.Parts = append(w.staged.Parts, p)
	w.staged.Size += p.Size
}

func (w *s3Writer) upload(ctx context.Context, number int32, data []byte) (Part, error) {
	s := w.store
	part := Part{Number: number, Size: int64(len(data))}
	in := &s3.UploadPartInput{
		Bucket: &s.config.Bucket, Key: s.full(w.staged.Key), UploadId: aws.String(w.staged.Upload),
		PartNumber: aws.Int32(number), Body: bytes.NewReader(data), ContentLength: aws.Int64(part.Size),
	}
	if w.checksum {
		part.CRC32 = checksum(data)
		in.ChecksumCRC32 = aws.String(part.CRC32)
	}
	out, err := s.client.UploadPart(ctx, in, s.sign)
	if err != nil {
		return Part{}, s.failWrite(ctx, "stage", w.staged.Key, fmt.Errorf("part %d: %w", number, err))
	}
	part.ETag = aws.ToString(out.ETag)
	return part, nil
}

// Close implements StagedWriter. An empty object has one empty part: an upload without parts cannot be completed.
func (w *s3Writer) Close(ctx context.Context) (Staged, error) {
	w.wait()
	if w.err == nil && (len(w.part) > 0 || w.sent == 0) {
		w.add(w.upload(ctx, w.sent+1, w.part))
	}
	if w.err != nil {
		return Staged{}, w.err
	}
	w.release()
	w.closed = true
	return w.staged, nil
}

func (w *s3Writer) Abort(ctx context.Context) error {
	if w.closed {
		return nil
	}
	w.release()
	if err := w.store.Abort(ctx, w.staged); err != nil {
		return err
	}
	w.closed = true
	return nil
}

// release ends what is on its way, waits for that, and gives the memory back.
func (w *s3Writer) release() {
	w.cancel()
	w.wait()
	w.part, w.spare = nil, nil
}
