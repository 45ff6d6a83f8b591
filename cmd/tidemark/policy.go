package main

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/sqs"
)

// A policy is an AWS IAM policy.
type policy struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Effect    string
	Action    []string
	Resource  any                            // a string, or several
	Condition map[string]map[string][]string `json:",omitempty"`
}

// iamPolicy returns what the role of tidemark needs for all connections of a config, and no more: nothing outside the
// prefixes of its lakes, and nothing of other buckets.
func iamPolicy(cfg *config.Config) policy {
	p := policy{Version: "2012-10-17", Statement: []policyStatement{}}
	for _, name := range slices.Sorted(maps.Keys(cfg.Connections)) {
		switch c := cfg.Connections[name].(type) {
		case *config.S3:
			p.Statement = append(p.Statement, lakeStatements(c)...)
		case *config.MySQL:
			if c.Auth == config.AuthIAM { // the config does not know the account and the id of the instance
				p.allow("arn:aws:rds-db:"+c.Region+":*:dbuser:*/"+c.User, "rds-db:connect")
			}
		}
	}
	if cfg.Catalog.Type == config.CatalogGlue {
		p.Statement = append(p.Statement, glueStatement(cfg.Catalog.Glue))
	}
	queues := map[string]bool{}
	for _, t := range cfg.Triggers {
		if t.Queue != "" && !queues[t.Queue] {
			queues[t.Queue] = true
			p.allow(queueARN(t.Queue), "sqs:ReceiveMessage", "sqs:DeleteMessage")
		}
	}
	return p
}

// queueARN names the queue of a URL, https://HOST/ACCOUNT/NAME.
func queueARN(queue string) string {
	account, name := "*", "*"
	if u, err := url.Parse(queue); err == nil {
		if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); len(parts) == 2 {
			account, name = parts[0], parts[1]
		}
	}
	return "arn:aws:sqs:" + cmp.Or(sqs.RegionOf(queue), "*") + ":" + account + ":" + name
}

// glueStatement allows what a catalog needs, in the databases with its prefix only. Glue wants the right on the catalog
// and the database too where a table is meant.
func glueStatement(g config.Glue) policyStatement {
	place := "arn:aws:glue:" + cmp.Or(g.Region, "*") + ":" + cmp.Or(g.CatalogID, "*") + ":"
	return policyStatement{
		Effect: "Allow",
		Action: []string{
			"glue:GetDatabases", "glue:CreateDatabase", "glue:GetTables", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable",
			"glue:GetPartitions", "glue:BatchCreatePartition", "glue:BatchUpdatePartition",
		},
		Resource: []string{place + "catalog", place + "database/" + g.DatabasePrefix + "*", place + "table/" + g.DatabasePrefix + "*/*"},
	}
}

func (p *policy) allow(resource string, actions ...string) {
	p.Statement = append(p.Statement, policyStatement{Effect: "Allow", Action: actions, Resource: resource})
}

func lakeStatements(s *config.S3) []policyStatement {
	bucket := "arn:aws:s3:::" + s.Bucket
	objects := bucket + "/*"
	list := policyStatement{Effect: "Allow", Action: []string{"s3:ListBucket", "s3:ListBucketMultipartUploads"}, Resource: bucket}
	if s.Prefix != "" {
		objects = bucket + "/" + s.Prefix + "/*"
		list.Condition = map[string]map[string][]string{"StringLike": {"s3:prefix": {s.Prefix + "/*", s.Prefix}}}
	}
	var p policy
	p.allow(objects, "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
	p.Statement = append(p.Statement, list)
	if s.SSE == "kms" && s.KMSKey != "" {
		p.allow(s.KMSKey, "kms:GenerateDataKey", "kms:Decrypt")
	}
	return p.Statement
}
