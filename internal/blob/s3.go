package blob

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tidemark-data/tidemark"
)

const (
	maxAttempts   = 6                      // of one request
	firstBackoff  = 100 * time.Millisecond // before the second one, doubled before each further one
	answerTimeout = 60 * time.Second       // from the end of a request to the first byte of its answer
)

// S3Config says where a bucket is and who reads and writes it. Its String hides the secrets.
type S3Config struct {
	Bucket string
	Prefix string // of all keys; "" or names separated by slashes
	Region string // "" leaves it to the environment and the profile; with an Endpoint, us-east-1 at last

	Endpoint  string // URL of a server that is not AWS; "" means AWS
	PathStyle bool   // the bucket is a part of the path and not of the host's name, as most servers but AWS want it

	// Static credentials. All empty: the default chain of AWS (environment, profile, container, instance).
	AccessKey    string
	SecretKey    string
	SessionToken string

	RoleARN    string // a role to assume with those credentials; "" for none
	ExternalID string // as the role's owner demands it; may be ""

	SSE       string // encryption of what is written: "" (the bucket's default), "AES256" or "aws:kms"
	KMSKeyID  string // for aws:kms; "" means the account's key for S3
	BucketKey bool   // for aws:kms: one data key per bucket, which makes far fewer requests to KMS
}

// String names the place and leaves the credentials out.
func (c S3Config) String() string {
	return strings.TrimSuffix("s3://"+c.Bucket+"/"+strings.Trim(c.Prefix, "/"), "/")
}

// GoString is String, so that %#v shows no secret either.
func (c S3Config) GoString() string { return c.String() }

// Check returns every mistake that can be seen without a request, joined; each is tidemark.ErrInvalid.
func (c S3Config) Check() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format+": %w", append(args, tidemark.ErrInvalid)...))
		}
	}
	wrong(c.Bucket == "", "bucket is missing")
	wrong(strings.ContainsAny(c.Bucket, "/ "), "bucket %q: a name has no slashes and spaces", c.Bucket)
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		wrong(checkKey(p) != nil, "prefix %q: use names separated by single slashes", c.Prefix)
	}
	wrong((c.AccessKey == "") != (c.SecretKey == ""), "access key and secret key: give both or none")
	wrong(c.ExternalID != "" && c.RoleARN == "", "external id without a role")
	wrong(c.SSE != "" && c.SSE != "AES256" && c.SSE != "aws:kms", "sse %q: use AES256 or aws:kms", c.SSE)
	wrong(c.SSE != "aws:kms" && (c.KMSKeyID != "" || c.BucketKey), "a KMS key or bucket key needs sse aws:kms")
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		bad := err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == ""
		wrong(bad, "endpoint: use a URL such as https://s3.example.com")
		wrong(!bad && u.User != nil, "endpoint: credentials do not belong into the URL")
	}
	return errors.Join(errs...)
}

// S3 is a store in a bucket of AWS S3 or of a server that speaks its protocol. It implements Store, Stager and
// Sweeper. Commits need a server that honours If-None-Match; ProbeConditional finds out.
type S3 struct {
	config S3Config
	client *s3.Client
	http   *http.Client // of client
	prefix string       // "" or ends at a slash
	tls    bool

	// noChecksum is set once the server has refused a request because of its checksum header.
	noChecksum atomic.Bool
}

var _ interface {
	Store
	Stager
	Sweeper
} = (*S3)(nil)

// OpenS3 finds the credentials, but does not yet talk to the bucket. Missing or refused credentials are
// tidemark.ErrDenied, mistakes in c tidemark.ErrInvalid. ctx is only for this call.
func OpenS3(ctx context.Context, c S3Config) (*S3, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	cfg, client, err := loadConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	s := &S3{config: c, http: client, tls: !strings.HasPrefix(c.Endpoint, "http://")}
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		s.prefix = p + "/"
	}
	s.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = c.PathStyle
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
		// The checksums are ours, as headers: trailers, the SDK's way, are what other servers stumble over.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return s, nil
}

// Close lets go of the connections to the server that nobody uses. Calls that are under way or follow are not hindered.
func (s *S3) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

func loadConfig(ctx context.Context, c S3Config) (aws.Config, *http.Client, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(newRetryer),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = answerTimeout
		})),
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	} else if c.Endpoint != "" {
		options = append(options, config.WithDefaultRegion("us-east-1"))
	}
	if c.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, nil, tidemark.WithHint(
			fmt.Errorf("read the AWS configuration: %w: %w", tidemark.ErrInvalid, err),
			"look at AWS_PROFILE and the files in ~/.aws")
	}
	client, err := httpClient(cfg.HTTPClient)
	if err != nil {
		return aws.Config{}, nil, err
	}
	cfg.HTTPClient = client
	if cfg.Region == "" {
		return aws.Config{}, nil, tidemark.WithHint(fmt.Errorf("region is missing: %w", tidemark.ErrInvalid),
			"set region in the connection, or AWS_REGION")
	}
	if c.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(
			sts.NewFromConfig(cfg), c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = "tidemark"
				if c.ExternalID != "" {
					o.ExternalID = aws.String(c.ExternalID)
				}
			}))
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, nil, credentialsError(c, err)
	}
	return cfg, client, nil
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		never := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if hopeless(err) != "" {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})
		o.Retryables = append([]retry.IsErrorRetryable{never}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return backoff(attempt), nil })
	})
}

// backoff returns how long to wait after an attempt, counted from 1, that failed: about three seconds over all
// attempts. Whoever wants to bear longer faults runs again; tidemark.ErrTransient tells so.
func backoff(attempt int) time.Duration {
	d := firstBackoff << max(attempt-1, 0)
	return d/2 + rand.N(d)
}

func (s *S3) String() string { return s.config.String() }

// full returns a key's name in the bucket.
func (s *S3) full(key string) *string { return aws.String(s.prefix + key) }

// sign returns the options of a request that carries data. Over TLS the data is not hashed for the signature as well.
func (s *S3) sign(o *s3.Options) {
	if s.tls {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

// encryption returns the headers that every write which makes an object carries.
func (s *S3) encryption() (sse types.ServerSideEncryption, key *string, bucketKey *bool) {
	if s.config.KMSKeyID != "" {
		key = aws.String(s.config.KMSKeyID)
	}
	if s.config.BucketKey {
		bucketKey = aws.Bool(true)
	}
	return types.ServerSideEncryption(s.config.SSE), key, bucketKey
}
