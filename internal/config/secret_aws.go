package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/tidemark-data/tidemark"
)

// fromAWS asks AWS Secrets Manager with the credentials of the AWS environment. With a key, the secret must be a JSON
// object, as those that RDS makes are: {"username":…,"password":…}.
func (s Secret) fromAWS(ctx context.Context) (string, error) {
	shown := "${aws-sm:" + s.name + "}"
	value, err := s.fetchAWS(ctx)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", shown, err)
	}
	if s.key == "" {
		return value, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &object) != nil { // the cause would quote the secret
		return "", tidemark.WithHint(
			fmt.Errorf("secret %s: not a JSON object, but the key %q was asked for: %w", shown, s.key, tidemark.ErrInvalid),
			"leave out #"+s.key+" where the whole secret is the password")
	}
	var field string
	if json.Unmarshal(object[s.key], &field) != nil || field == "" {
		return "", fmt.Errorf("secret %s: no text under the key %q: %w", shown, s.key, tidemark.ErrNotFound)
	}
	return field, nil
}

func (s Secret) fetchAWS(ctx context.Context) (string, error) {
	settings := s.with().aws
	var options []func(*awsconfig.LoadOptions) error
	if region := s.regionAWS(); region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return "", fmt.Errorf("load the AWS environment: %w: %w", tidemark.ErrInvalid, err)
	}
	if loaded.Region == "" {
		return "", tidemark.WithHint(
			fmt.Errorf("no AWS region: %w", tidemark.ErrInvalid), "set region in the section secrets, or AWS_REGION")
	}
	client := secretsmanager.NewFromConfig(loaded, func(o *secretsmanager.Options) {
		if settings.Endpoint != "" {
			o.BaseEndpoint = aws.String(settings.Endpoint)
		}
	})
	answer, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.name)})
	if err != nil {
		return "", awsError(err)
	}
	if answer.SecretString == nil {
		return "", fmt.Errorf("the secret is binary: %w", tidemark.ErrInvalid)
	}
	return *answer.SecretString, nil
}

// regionAWS returns the region that an ARN names, or the configured one.
func (s Secret) regionAWS() string {
	if parts := strings.Split(s.name, ":"); len(parts) > 3 && parts[0] == "arn" {
		return parts[3]
	}
	return s.with().aws.Region
}

func awsError(err error) error {
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return tidemark.WithHint(fmt.Errorf("%w: %w", tidemark.ErrNotFound, err), "check the name and the region of the secret")
	}
	var api smithy.APIError
	refused := []string{"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"}
	if errors.As(err, &api) && slices.Contains(refused, api.ErrorCode()) {
		return tidemark.WithHint(fmt.Errorf("%w: %w", tidemark.ErrDenied, err), "allow secretsmanager:GetSecretValue on the secret")
	}
	return fmt.Errorf("%w: %w", tidemark.ErrTransient, err)
}
