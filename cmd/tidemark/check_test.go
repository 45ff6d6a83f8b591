package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

func TestFindingText(t *testing.T) {
	refused := tidemark.WithHint(errors.New("connect to 127.0.0.1:1: refused"), "check the port")
	for want, f := range map[string]run.Finding{
		"ok       connection shop · dns · it is 10.0.0.1\n": {Subject: "connection shop", Step: "dns", Detail: "it is 10.0.0.1"},
		"ok       connection shop · tcp\n":                  {Subject: "connection shop", Step: "tcp"},
		"failed   connection shop · tcp · connect to 127.0.0.1:1: refused\n         check the port\n": {
			Subject: "connection shop", Step: "tcp", Detail: "not shown", Err: refused,
		},
		"warning  connection shop · process · not granted\n": {
			Subject: "connection shop", Step: "process", Err: errors.New("not granted"), Optional: true,
		},
	} {
		if got := findingText(f); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

const policyConfig = `
connections:
  shop: {type: mysql, url: mysql://etl@shop.abc.eu-west-1.rds.amazonaws.com/shop, auth: iam}
  primary: {type: mysql, url: "mysql://o'hara@primary/shop"}
  lake: {type: s3, url: s3://bucket/lake, sse: kms, kms_key: "arn:aws:kms:eu-west-1:1:key/2"}
defaults: {source: {connection: shop, settle_on: primary, cursor: c}, target: {connection: lake}}
catalog: {type: glue, region: eu-west-1, catalog_id: "1", database_prefix: lake_}
pipelines:
  orders: {source: {table: shop.orders}}
  many: {source: {tables: ["shop_2.*", "shop_2.x*", "tenant?.*"]}}
`

func TestPolicyAndGrants(t *testing.T) {
	cfg, err := config.Parse("t.yaml", []byte(policyConfig))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(iamPolicy(cfg), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "Version": "2012-10-17",
 "Statement": [
  {
   "Effect": "Allow",
   "Action": [
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts"
   ],
   "Resource": "arn:aws:s3:::bucket/lake/*"
  },
  {
   "Effect": "Allow",
   "Action": [
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads"
   ],
   "Resource": "arn:aws:s3:::bucket",
   "Condition": {
    "StringLike": {
     "s3:prefix": [
      "lake/*",
      "lake"
     ]
    }
   }
  },
  {
   "Effect": "Allow",
   "Action": [
    "kms:GenerateDataKey",
    "kms:Decrypt"
   ],
   "Resource": "arn:aws:kms:eu-west-1:1:key/2"
  },
  {
   "Effect": "Allow",
   "Action": [
    "rds-db:connect"
   ],
   "Resource": "arn:aws:rds-db:eu-west-1:*:dbuser:*/etl"
  },
  {
   "Effect": "Allow",
   "Action": [
    "glue:GetDatabases",
    "glue:CreateDatabase",
    "glue:GetTables",
    "glue:GetTable",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:DeleteTable",
    "glue:GetPartitions",
    "glue:BatchCreatePartition",
    "glue:BatchUpdatePartition"
   ],
   "Resource": [
    "arn:aws:glue:eu-west-1:1:catalog",
    "arn:aws:glue:eu-west-1:1:database/lake_*",
    "arn:aws:glue:eu-west-1:1:table/lake_*/*"
   ]
  }
 ]
}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	all := grants(cfg)
	if len(all) != 2 || all[0].Connection != "primary" || all[1].Connection != "shop" {
		t.Fatalf("grants of %+v", all)
	}
	if got := all[0].Statements[0]; got != `CREATE USER 'o''hara'@'%' IDENTIFIED BY '…' REQUIRE SSL;` {
		t.Errorf("user of primary: %s", got)
	}
	wantShop := []string{
		`CREATE USER 'etl'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;`,
		"GRANT SELECT ON `shop\\_2`.* TO 'etl'@'%';",
		"GRANT SELECT ON `tenant_`.* TO 'etl'@'%';",
		"GRANT SELECT ON `shop`.`orders` TO 'etl'@'%';",
	}
	if diff := cmp.Diff(wantShop, all[1].Statements[:4]); diff != "" {
		t.Errorf("grants of shop (-want +got):\n%s", diff)
	}
}

// TestGrantsOfFetches lets one user insert, and another only read, where nothing is inserted.
func TestGrantsOfFetches(t *testing.T) {
	cfg, err := config.Parse("t.yaml", []byte(`
connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/shop}
  fetches: {type: mysql, url: mysql://fetches@db.example.com/ops}
  lake: {type: file, path: lake}
defaults: {source: {connection: shop, cursor: c}, target: {connection: lake}}
pipelines:
  orders: {source: {table: shop.orders, watermark_table: fetched}, target: {table: a.orders}}
  items: {source: {table: shop.items, watermark_table: {table: fetch_details, connection: fetches}}, target: {table: a.items}}
  many: {source: {tables: ["shop_2.*"], watermark_table: {table: fetch_details, connection: fetches}}, target: {table: "b.{table}"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := grants(cfg)
	if len(all) != 2 {
		t.Fatalf("grants of %+v", all)
	}
	want := []string{
		`CREATE USER 'fetches'@'%' IDENTIFIED BY '…' REQUIRE SSL;`,
		"GRANT SELECT, INSERT ON `ops`.`fetch_details` TO 'fetches'@'%';",
	}
	if diff := cmp.Diff(want, all[0].Statements); diff != "" {
		t.Errorf("grants of fetches (-want +got):\n%s", diff)
	}
	for _, statement := range all[1].Statements {
		if strings.Contains(statement, "INSERT") {
			t.Errorf("the source's user may write: %s", statement)
		}
	}
	if !slices.Contains(all[1].Statements, "GRANT SELECT ON `shop`.`fetched` TO 'etl'@'%';") {
		t.Errorf("the source's user may not read the table of watermarks: %q", all[1].Statements)
	}
}
