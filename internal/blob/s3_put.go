package blob

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tidemark-data/tidemark"
)

// Put implements Store.
func (s *S3) Put(ctx context.Context, key string, data []byte, o PutOptions) error {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return err
	}
	if o.IfAbsent {
		return s.putIfAbsent(ctx, key, data)
	}
	return s.failWrite(ctx, "put", key, s.put(ctx, s.putInput(key, data)))
}

func (s *S3) putInput(key string, data []byte) *s3.PutObjectInput {
	in := &s3.PutObjectInput{Bucket: &s.config.Bucket, Key: s.full(key), Body: bytes.NewReader(data)}
	in.ContentLength = aws.Int64(int64(len(data)))
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = s.encryption()
	in.ChecksumCRC32 = aws.String(checksum(data))
	return in
}

func (s *S3) put(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) error {
	return s.withChecksum(func(with bool) error {
		if !with {
			in.ChecksumCRC32 = nil
		}
		if _, err := in.Body.(io.Seeker).Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := s.client.PutObject(ctx, in, append(options, s.sign)...)
		return err
	})
}

// putIfAbsent sends a conditional put and makes the retries itself. The SDK's would hide the one thing that counts: a
// 412 on a second attempt may be caused by the first one, whose reply was lost. Then the bytes decide whose it is.
func (s *S3) putIfAbsent(ctx context.Context, key string, data []byte) error {
	in := s.putInput(key, data)
	in.IfNoneMatch = aws.String("*")
	once := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

	var err error
	uncertain := false // an attempt that was reported failed may have been executed
	for attempt := 1; ; attempt++ {
		err = s.put(ctx, in, once)
		if err == nil {
			return nil
		}
		if hasCode(err, "PreconditionFailed") {
			if !uncertain {
				return s.fail(ctx, "put", key, ErrExist)
			}
			break
		}
		uncertain = uncertain || !refused(err)
		conflict := hasCode(err, "ConditionalRequestConflict", "OperationAborted") // with another put: nothing was decided
		again := conflict || !refused(err) || status(err) == 0 && hopeless(err) == ""
		if !again || attempt == maxAttempts || sleep(ctx, backoff(attempt)) != nil {
			break
		}
	}
	if !uncertain {
		return s.fail(ctx, "put", key, err)
	}
	return s.resolve(ctx, key, data, err)
}

// resolve looks whose object is under key after a conditional put whose outcome is not known. err is its last error.
func (s *S3) resolve(ctx context.Context, key string, data []byte, err error) error {
	there, readErr := Read(ctx, s, key, int64(len(data)))
	switch {
	case readErr == nil && bytes.Equal(there, data):
		return nil // it is ours
	case readErr == nil, errors.Is(readErr, errTooLarge):
		return s.fail(ctx, "put", key, ErrExist)
	}
	if hasCode(err, "PreconditionFailed") { // and gone, or not to be read
		err = fmt.Errorf("%w: %w", tidemark.ErrTransient, readErr)
	}
	return unknown{s.fail(ctx, "put", key, err)}
}

// withChecksum makes a request with a checksum, and once more without when the server refuses it because of that.
// From then on the store sends none.
func (s *S3) withChecksum(request func(with bool) error) error {
	if s.noChecksum.Load() {
		return request(false)
	}
	err := request(true)
	if !refusesChecksum(err) {
		return err
	}
	s.noChecksum.Store(true)
	return request(false)
}

func refusesChecksum(err error) bool {
	return hasCode(err, "NotImplemented", "InvalidRequest", "InvalidArgument") &&
		strings.Contains(strings.ToLower(err.Error()), "checksum")
}

// checksum returns the CRC-32 of data as S3 wants it.
func checksum(data []byte) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(data))
	return base64.StdEncoding.EncodeToString(sum[:])
}
