// Package amazon is what the services of AWS have in common for those who speak with them: how region and credentials are
// found, and what an error says. Each service has a package of its own.
package amazon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tidemark-data/tidemark"
)

// Access says as whom, and where, AWS is asked. It holds secrets: print none of it.
type Access struct {
	Region     string // "" for that of the AWS environment
	AccessKey  string // "" for the credentials of the AWS environment
	SecretKey  string
	RoleARN    string // to assume
	ExternalID string

	For   string // what is asked for, in messages; "" for the catalog
	Where string // the part of the config that says the above, in hints; "" for the section catalog
}

// Config finds region and credentials. It asks AWS for the credentials, where they come from there, and for nothing else.
func (a Access) Config(ctx context.Context, options ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	if a.Region != "" {
		options = append(options, awsconfig.WithRegion(a.Region))
	}
	if a.AccessKey != "" {
		options = append(options, awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, "")))
	}
	what, where := cmp.Or(a.For, "the catalog"), cmp.Or(a.Where, "the section catalog")
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, tidemark.WithHint(fmt.Errorf("read the AWS configuration for %s: %w: %w", what, tidemark.ErrInvalid, err),
			"look at AWS_PROFILE and the files in ~/.aws")
	}
	if cfg.Region == "" {
		return cfg, tidemark.WithHint(fmt.Errorf("region of %s is missing: %w", what, tidemark.ErrInvalid),
			"set region in "+where+", or AWS_REGION")
	}
	if a.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "tidemark"
			if a.ExternalID != "" {
				o.ExternalID = aws.String(a.ExternalID)
			}
		}))
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, tidemark.WithHint(fmt.Errorf("credentials for %s: %w: %w", what, tidemark.ErrDenied, err),
			"set access_key and secret_key in "+where+", or AWS_PROFILE, or give the machine a role")
	}
	return cfg, nil
}

// strangers are the codes by which every service says that it does not believe who is asking.
var strangers = []string{"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"}

// A Fault is what a service has answered in place of what was asked.
type Fault struct{ Code, Message string }

// Explain says what was being done, and gives an error of a request its kind by its code: tidemark.ErrDenied, with a hint, where
// the service does not believe who is asking; else that of kinds; else tidemark.ErrTransient. The Fault is zero where the
// service has not answered.
func Explain(ctx context.Context, doing string, kinds map[string]error, err error) (f Fault, explained error) {
	if cause := context.Cause(ctx); cause != nil {
		return f, fmt.Errorf("%s: %w", doing, cause)
	}
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &api) {
		return f, fmt.Errorf("%s: %w: %w", doing, tidemark.ErrTransient, err)
	}
	f = Fault{api.ErrorCode(), api.ErrorMessage()}
	if slices.Contains(strangers, f.Code) {
		return f, tidemark.WithHint(fmt.Errorf("%s: %w: %s: %s", doing, tidemark.ErrDenied, f.Code, f.Message),
			"look at access_key, secret_key and role_arn of the section catalog, or at the AWS environment")
	}
	return f, fmt.Errorf("%s: %w: %s: %s", doing, cmp.Or(kinds[f.Code], tidemark.ErrTransient), f.Code, f.Message)
}
