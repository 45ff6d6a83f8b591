package blob

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/tidemark-data/tidemark"
)

const (
	hintBucket  = "create the bucket, or correct its name in the connection"
	hintGrant   = "grant the right to it (`tidemark check --iam-policy` prints the policy); without s3:ListBucket, S3 answers so for a missing object, too"
	hintKeys    = "correct the access key and the secret key, or the profile that they come from"
	hintExpired = "the session is over: log in again, or use a role"
	hintKMS     = "look at the KMS key: its id, its state, and that its policy allows kms:GenerateDataKey and kms:Decrypt"
	hintFull    = "the server's storage is full: free some space there, then run again; nothing half-written is visible"
	hintServer  = "the server lacks what commits need: use one that honours If-None-Match and multipart uploads"
)

// verdicts are the codes that mean more than their HTTP status does.
var verdicts = map[string]verdict{
	"NoSuchBucket":                 {tidemark.ErrNotFound, hintBucket},
	"NoSuchKey":                    {tidemark.ErrNotFound, ""},
	"NoSuchUpload":                 {tidemark.ErrNotFound, ""},
	"NotFound":                     {tidemark.ErrNotFound, ""},
	"XAdminUserNotFound":           {tidemark.ErrDenied, hintKeys}, // versitygw's, with status 404
	"InvalidAccessKeyId":           {tidemark.ErrDenied, hintKeys},
	"SignatureDoesNotMatch":        {tidemark.ErrDenied, hintKeys},
	"ExpiredToken":                 {tidemark.ErrDenied, hintExpired},
	"ExpiredTokenException":        {tidemark.ErrDenied, hintExpired},
	"InvalidToken":                 {tidemark.ErrDenied, hintExpired},
	"TokenRefreshRequired":         {tidemark.ErrDenied, hintExpired},
	"RequestTimeTooSkewed":         {tidemark.ErrDenied, "set the clock of this machine"},
	"KMS.NotFoundException":        {tidemark.ErrInvalid, hintKMS},
	"KMS.DisabledException":        {tidemark.ErrInvalid, hintKMS},
	"KMS.KMSInvalidStateException": {tidemark.ErrInvalid, hintKMS},
	"QuotaExceeded":                {tidemark.ErrInvalid, hintFull},
	"NoSpaceLeftOnDevice":          {tidemark.ErrInvalid, hintFull},
	"XMinioStorageFull":            {tidemark.ErrInvalid, hintFull},
	"NotImplemented":               {tidemark.ErrInvalid, hintServer},
	"SlowDown":                     {tidemark.ErrTransient, ""},
	"RequestTimeout":               {tidemark.ErrTransient, ""},
	"OperationAborted":             {tidemark.ErrTransient, ""},
	"ConditionalRequestConflict":   {tidemark.ErrTransient, ""},
}

// judge returns the verdict on an error of the SDK. A bare status 404 is not ErrNotFound: callers take that for an
// object that is not there, and a lake without a watermark is loaded from the beginning.
func (s *S3) judge(err error) verdict {
	if region := elsewhere(err); region != "" && region != s.client.Options().Region {
		return verdict{tidemark.ErrInvalid, fmt.Sprintf("the bucket is in the region %s: set region: %s", region, region)}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if v, ok := verdicts[api.ErrorCode()]; ok {
			return v
		}
	}
	var signing *v4.SigningError
	if errors.As(err, &signing) || strings.Contains(err.Error(), "get credentials") {
		return verdict{tidemark.ErrDenied, hintKeys}
	}
	switch code := status(err); {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return verdict{tidemark.ErrDenied, hintGrant}
	case code >= 300 && code < 400:
		return verdict{tidemark.ErrInvalid, "the bucket is elsewhere: set region (or endpoint) to where it is"}
	case code == http.StatusTooManyRequests, code >= 500:
		return verdict{tidemark.ErrTransient, ""}
	case code >= 400:
		return verdict{tidemark.ErrInvalid, ""}
	}
	return s.judgeNetwork(err)
}

// judgeNetwork never says ErrNotFound: a host that is not found must not look like an object that is not there.
func (s *S3) judgeNetwork(err error) verdict {
	endpoint := s.config.Endpoint
	if endpoint == "" {
		endpoint = "AWS"
	}
	if hint := hopeless(err); hint != "" {
		return verdict{tidemark.ErrInvalid, hint}
	}
	return verdict{tidemark.ErrTransient, endpoint + " cannot be reached: look at the network, and at endpoint and region"}
}

// hopeless returns what to do about a network error that comes again with every attempt; "" for the others. All of
// these come before the request is sent.
func hopeless(err error) string {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		header      tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, tidemark.ErrInvalid): // an address that is not dialled
		return "no bucket is there: correct endpoint"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host " + dns.Name + " does not exist: correct endpoint or region"
	case errors.As(err, &certificate):
		return "the server's certificate is not trusted: correct endpoint, or name its authority in AWS_CA_BUNDLE"
	case errors.As(err, &header), err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the server does not speak TLS there: use http:// in endpoint"
	}
	return ""
}

// elsewhere returns the region in which the server says that the bucket is, or "".
func elsewhere(err error) string {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil || response.HTTPStatusCode() < 300 {
		return ""
	}
	return response.Response.Header.Get("X-Amz-Bucket-Region")
}
