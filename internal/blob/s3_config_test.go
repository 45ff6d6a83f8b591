package blob_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

func TestS3ConfigCheck(t *testing.T) {
	good := blob.S3Config{Bucket: "b", Prefix: "/a/b/", Region: "eu-west-1", Endpoint: "https://s3.example.com:9000", SSE: "aws:kms", KMSKeyID: "k"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]blob.S3Config{
		"bucket is missing":    {},
		"bucket \"a/b\"":       {Bucket: "a/b"},
		"prefix":               {Bucket: "b", Prefix: "a/../b"},
		"give both or none":    {Bucket: "b", AccessKey: "a"},
		"without a role":       {Bucket: "b", ExternalID: "x"},
		"sse \"kms\"":          {Bucket: "b", SSE: "kms"},
		"needs sse aws:kms":    {Bucket: "b", SSE: "AES256", BucketKey: true},
		"use a URL such as":    {Bucket: "b", Endpoint: "s3.example.com"},
		"do not belong into":   {Bucket: "b", Endpoint: "https://a:canary@s3.example.com"},
		"prefix \"a//b\": use": {Bucket: "b", Prefix: "a//b"},
	} {
		err := bad.Check()
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v, want ErrInvalid with %q", bad, err, name)
		}
		if _, err := blob.OpenS3(t.Context(), bad); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("open %+v: %v, want ErrInvalid", bad, err)
		}
	}
}

func TestS3ConfigHidesSecrets(t *testing.T) {
	c := blob.S3Config{Bucket: "b", Prefix: "lake", AccessKey: "canary-a", SecretKey: "canary-s", SessionToken: "canary-t"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "canary") || !strings.Contains(text, "s3://b/lake") {
			t.Errorf("%s = %s", verb, text)
		}
	}
}

// TestS3DefaultChain takes key and region from where AWS's own tools take them.
func TestS3DefaultChain(t *testing.T) {
	isolateAWS(t)
	c := testConfig(t)
	access, secret := c.AccessKey, c.SecretKey
	c.AccessKey, c.SecretKey, c.Region = "", "", ""

	_, err := blob.OpenS3(t.Context(), c)
	if !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(err), "AWS_PROFILE") {
		t.Errorf("without credentials: %v, hint %q", err, tidemark.Hint(err))
	}
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	if err := openS3(t, c).Put(t.Context(), "a", nil, blob.PutOptions{}); err != nil {
		t.Error(err)
	}
	c.Endpoint = ""
	if _, err := blob.OpenS3(t.Context(), c); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "region") {
		t.Errorf("without a region: %v, hint %q", err, tidemark.Hint(err))
	}
}

// isolateAWS keeps the machine's own credentials out.
func isolateAWS(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	nothing := filepath.Join(t.TempDir(), "nothing")
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", nothing)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// TestS3Role assumes a role at a stand-in for STS, which there is no server of, and uses what it gets at the real
// server.
func TestS3Role(t *testing.T) {
	isolateAWS(t)
	c := testConfig(t)
	asked := map[string]string{}
	deny := false
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		for _, name := range []string{"Action", "RoleArn", "ExternalId", "RoleSessionName"} {
			asked[name] = r.Form.Get(name)
		}
		if deny {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>
			<SessionToken></SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			c.AccessKey, c.SecretKey)
	}))
	t.Cleanup(sts.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	role := c
	role.AccessKey, role.SecretKey = "caller", "caller-secret"
	role.RoleARN, role.ExternalID = "arn:aws:iam::123456789012:role/lake", "tide"
	if err := openS3(t, role).Put(t.Context(), "a", nil, blob.PutOptions{}); err != nil {
		t.Error(err)
	}
	want := map[string]string{"Action": "AssumeRole", "RoleArn": role.RoleARN, "ExternalId": "tide", "RoleSessionName": "tidemark"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	deny = true
	_, err := blob.OpenS3(t.Context(), role)
	if !errors.Is(err, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(err), "trust policy") || strings.Contains(err.Error(), "caller-secret") {
		t.Errorf("denied role: %v, hint %q", err, tidemark.Hint(err))
	}
}
