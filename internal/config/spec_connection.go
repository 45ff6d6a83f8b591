package config

// This file is the part of the reference, see spec.go, that says what connections are.

// connectionSpec is a database or a lake.
type connectionSpec struct {
	// What the connection leads to: a MySQL or MariaDB server, a bucket, or a folder of this machine.
	Type string `yaml:"type" enum:"mysql,s3,file"`

	MySQL *mysqlSpec `variant:"mysql"`
	S3    *s3Spec    `variant:"s3"`
	File  *fileSpec  `variant:"file"`
}

// mysqlSpec is a MySQL or MariaDB server.
type mysqlSpec struct {
	// mysql://USER@HOST:PORT/DATABASE. The port defaults to 3306; the database serves tables that are named
	// without one. Never a password here.
	URL string `yaml:"url"`

	// A Unix socket of this machine, in place of the URL's host and port.
	Socket string `yaml:"socket"`

	// A reference to the password: ${env:NAME}, ${file:/path} or ${aws-sm:name#key}. It is looked up for each new
	// connection, so that a rotated password is found.
	Password Secret `yaml:"password"`

	// How to log in: with the password, or with a token of AWS IAM that is made for each connection.
	Auth string `yaml:"auth" enum:"password,iam" default:"password"`

	// The AWS region of an RDS instance, for auth: iam. Known from the host name of an RDS endpoint.
	Region string `yaml:"region"`

	// How the connection is encrypted.
	TLS tlsSpec `yaml:"tls"`

	// How many rows per second all runs together read from the server at most, so that it is not flooded. The default is no
	// limit.
	ReadRate int64 `yaml:"read_rate"`

	connectionShared `yaml:",inline"`
}

// connectionShared is the part of a connection that all kinds have.
type connectionShared struct {
	// How many runs that tidemark serve starts may use the connection at the same time. The default is no limit.
	MaxRuns int `yaml:"max_runs"`
}

// tlsSpec is the encryption of a MySQL connection.
type tlsSpec struct {
	// verify-identity checks the certificate and the host name, verify-ca the certificate alone, required only
	// encrypts. The default is verify-identity, and disabled for this machine's own addresses.
	Mode string `yaml:"mode" enum:"verify-identity,verify-ca,required,disabled"`

	// A file with the certificates of the authority, PEM, relative to this file; or "rds" for those of Amazon RDS,
	// from the place where the system keeps them. The default is what the system trusts.
	CA string `yaml:"ca"`

	// The host name that the certificate must have, where the connection goes through a tunnel.
	ServerName string `yaml:"server_name"`
}

// s3Spec is a lake in a bucket of S3 or of a server that speaks its protocol.
type s3Spec struct {
	// s3://BUCKET/PREFIX: all tables lie below it.
	URL string `yaml:"url"`

	// The AWS region of the bucket. The default is that of the AWS environment.
	Region string `yaml:"region"`

	// The address of another server than Amazon's, such as http://127.0.0.1:9000.
	Endpoint string `yaml:"endpoint"`

	// Put the bucket into the path and not into the host name, as most other servers want it.
	PathStyle bool `yaml:"path_style" default:"false"`

	// References to a pair of keys. The default is what the AWS environment gives: variables, profile, web
	// identity, container or instance role.
	AccessKey Secret `yaml:"access_key"`

	// The second half of access_key.
	SecretKey Secret `yaml:"secret_key"`

	// The role to assume for all access to the lake.
	RoleARN string `yaml:"role_arn"`

	// What the role's owner asks for in the assume-role call.
	ExternalID string `yaml:"external_id"`

	// Encryption at rest: aes256 (SSE-S3) or kms. The default is what the bucket does.
	SSE string `yaml:"sse" enum:"aes256,kms"`

	// The key for sse: kms; the default is AWS's own.
	KMSKey string `yaml:"kms_key"`

	connectionShared `yaml:",inline"`
}

// fileSpec is a lake in a folder.
type fileSpec struct {
	// file:///absolute/path of the folder, or use path.
	URL string `yaml:"url"`

	// The folder, relative to this file.
	Path string `yaml:"path"`

	connectionShared `yaml:",inline"`
}
