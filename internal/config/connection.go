package config

import (
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A Connection is a *MySQL, an *S3 or a *Folder.
type Connection interface {
	// location returns what tells two lakes apart, however their connections are called.
	location() string
}

// Auth is a way to log in to MySQL.
type Auth string

const (
	AuthPassword Auth = "password"
	AuthIAM      Auth = "iam" // a token of AWS IAM, made for each connection
)

// A MySQL is a connection to a MySQL or MariaDB server.
type MySQL struct {
	Name     string
	Host     string
	Port     int
	Socket   string // of this machine, in place of Host and Port; ""
	User     string
	Database string // of tables that are named without one; ""
	Password Secret // zero for an empty one and for AuthIAM
	Auth     Auth
	Region   string // for AuthIAM
	TLS      TLS
	ReadRate int64 // rows per second of all readers together; 0: no limit
}

// Address returns host and port as net.Dial takes them.
func (m *MySQL) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

func (m *MySQL) location() string { return "mysql://" + m.Address() }

// TLSMode says how the connection to a server is encrypted.
type TLSMode string

const (
	TLSDefault        TLSMode = "" // TLSVerifyIdentity, and TLSDisabled for loopback addresses and sockets
	TLSVerifyIdentity TLSMode = "verify-identity"
	TLSVerifyCA       TLSMode = "verify-ca"
	TLSRequired       TLSMode = "required"
	TLSDisabled       TLSMode = "disabled"
)

// TLS is the encryption of a MySQL connection.
type TLS struct {
	Mode       TLSMode
	CA         string // a PEM file, absolute; CAofRDS; "" for what the system trusts
	ServerName string // that the certificate must have; "" for the host
}

// CAofRDS is the TLS.CA that stands for the authorities of Amazon RDS.
const CAofRDS = "rds"

// An S3 is a lake in a bucket.
type S3 struct {
	Name       string
	Bucket     string
	Prefix     string // without slashes at its ends; "" for the whole bucket
	Region     string // "" for that of the AWS environment
	Endpoint   string // of another server than Amazon's; ""
	PathStyle  bool
	AccessKey  Secret // zero for the credentials of the AWS environment
	SecretKey  Secret
	RoleARN    string
	ExternalID string
	SSE        string // "aes256", "kms" or "" for what the bucket does
	KMSKey     string // for "kms"; "" for AWS's own
}

func (s *S3) location() string { return s.Endpoint + "|s3://" + s.Bucket + "/" + s.Prefix }

// A Folder is a lake on the local disk.
type Folder struct {
	Name string
	Path string // absolute
}

func (f *Folder) location() string { return "file://" + f.Path }

func (b *builder) connections(specs map[string]connectionSpec) map[string]Connection {
	if len(specs) == 0 && !b.empty && !b.broken["connections"] {
		b.at("connections", "add a mysql connection and one of type s3 or file", "there are no connections")
	}
	built := map[string]Connection{}
	for _, name := range inOrder(b.problems, "connections", specs) {
		path := join("connections", name)
		if !plainKey.MatchString(name) {
			b.at(path, "", "a connection's name consists of letters, digits, '_' and '-'")
		}
		switch spec := specs[name]; {
		case spec.MySQL != nil:
			built[name] = b.mysql(name, path, *spec.MySQL)
		case spec.S3 != nil:
			built[name] = b.s3(name, path, *spec.S3)
		case spec.File != nil:
			built[name] = b.lakeFolder(name, path, *spec.File)
		}
	}
	return built
}

// parseURL parses a URL without ever repeating it: it may hold a password.
func (b *builder) parseURL(path, text, scheme, form string) (*url.URL, bool) {
	if text == "" {
		b.missing(strings.TrimSuffix(path, ".url"), "url")
		return nil, false
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		b.at(path, "", "not a URL: want %s", form)
	case u.Scheme != scheme:
		b.at(path, "", "want a URL of the form %s", form)
	case u.RawQuery != "" || u.Fragment != "":
		b.at(path, "what follows ? or # has keys of its own in this file", "want a URL of the form %s", form)
	default:
		return u, true
	}
	return nil, false
}

func (b *builder) mysql(name, path string, spec mysqlSpec) *MySQL {
	m := &MySQL{
		Name: name, Password: b.bind(spec.Password), Auth: Auth(spec.Auth), Region: spec.Region, Port: 3306,
		TLS: TLS{Mode: TLSMode(spec.TLS.Mode), CA: spec.TLS.CA, ServerName: spec.TLS.ServerName},
	}
	if spec.Socket != "" {
		m.Socket = b.abs(spec.Socket)
	}
	if m.TLS.CA != "" && m.TLS.CA != CAofRDS {
		m.TLS.CA = b.abs(m.TLS.CA)
	}
	if m.ReadRate = spec.ReadRate; b.has(join(path, "read_rate")) || m.ReadRate != 0 {
		b.within(path, "read_rate", m.ReadRate, 100, 1_000_000_000)
	}
	b.mysqlURL(join(path, "url"), spec.URL, m)
	if m.TLS.Mode == TLSDisabled && (m.TLS.CA != "" || m.TLS.ServerName != "") {
		b.at(join(path, "tls"), "", "mode: disabled leaves nothing to check with ca or server_name")
	}
	if m.Auth == AuthIAM {
		b.iam(path, m)
	}
	return m
}

func (b *builder) mysqlURL(path, text string, m *MySQL) {
	u, ok := b.parseURL(path, text, "mysql", "mysql://USER@HOST:PORT/DATABASE")
	if !ok {
		return
	}
	m.Host, m.User, m.Database = u.Hostname(), u.User.Username(), strings.Trim(u.Path, "/")
	if _, found := u.User.Password(); found {
		b.at(path, "take it out of the URL and set password: ${env:NAME}", "a password in the URL")
	}
	if m.Host == "" {
		b.at(path, "", "the host is missing: want mysql://USER@HOST:PORT/DATABASE")
	}
	if m.User == "" {
		b.at(path, "", "the user is missing: want mysql://USER@HOST:PORT/DATABASE")
	}
	if strings.Contains(m.Database, "/") {
		b.at(path, "", "more than a database behind the host: want mysql://USER@HOST:PORT/DATABASE")
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			b.at(path, "", "the port is not from 1 to 65535")
		}
		m.Port = int(n)
	}
}

// rdsHost is the name of an RDS instance, cluster or proxy; the region is part of it.
var rdsHost = regexp.MustCompile(`\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?\.?$`)

// RegionOf returns the AWS region of an RDS host, or "".
func RegionOf(host string) string {
	if found := rdsHost.FindStringSubmatch(host); found != nil {
		return found[1]
	}
	return ""
}

func (b *builder) iam(path string, m *MySQL) {
	if !m.Password.IsZero() {
		b.at(join(path, "password"), "take the password out", "auth: iam makes its own token")
	}
	if m.TLS.Mode == TLSDisabled || m.TLS.Mode == TLSRequired {
		b.at(join(path, "tls"), "use verify-identity", "auth: iam sends its token in clear text, so the server must be verified")
	}
	if m.Region != "" {
		return
	}
	if m.Region = RegionOf(m.Host); m.Region != "" {
		return
	}
	b.at(path, "set region", "auth: iam needs the region of the RDS instance, which the host name does not tell")
}

func (b *builder) s3(name, path string, spec s3Spec) *S3 {
	s := &S3{
		Name: name, Region: spec.Region, Endpoint: strings.TrimRight(spec.Endpoint, "/"), PathStyle: spec.PathStyle,
		AccessKey: b.bind(spec.AccessKey), SecretKey: b.bind(spec.SecretKey),
		RoleARN: spec.RoleARN, ExternalID: spec.ExternalID, SSE: spec.SSE, KMSKey: spec.KMSKey,
	}
	if u, ok := b.parseURL(join(path, "url"), spec.URL, "s3", "s3://BUCKET/PREFIX"); ok {
		s.Bucket, s.Prefix = u.Host, strings.Trim(u.Path, "/")
		if s.Bucket == "" || u.User != nil {
			b.at(join(path, "url"), "", "want a URL of the form s3://BUCKET/PREFIX")
		}
	}
	if u, err := url.Parse(s.Endpoint); s.Endpoint != "" && (err != nil || u.Host == "" || u.User != nil) {
		b.at(join(path, "endpoint"), "", "want a URL such as http://127.0.0.1:9000")
	}
	if s.AccessKey.IsZero() != s.SecretKey.IsZero() {
		b.at(path, "leave both out to use the AWS environment", "access_key and secret_key go together")
	}
	if s.ExternalID != "" && s.RoleARN == "" {
		b.at(join(path, "external_id"), "", "external_id needs role_arn")
	}
	if s.KMSKey != "" && s.SSE != "kms" {
		b.at(join(path, "kms_key"), "", "kms_key needs sse: kms")
	}
	return s
}

func (b *builder) lakeFolder(name, path string, spec fileSpec) *Folder {
	f := &Folder{Name: name}
	switch {
	case spec.URL != "" && spec.Path != "":
		b.at(path, "keep one", "url and path name the same thing")
	case spec.URL != "":
		u, ok := b.parseURL(join(path, "url"), spec.URL, "file", "file:///absolute/path")
		if ok && (u.Host != "" || !filepath.IsAbs(u.Path)) {
			b.at(join(path, "url"), "use path for a folder relative to this file", "want a URL of the form file:///absolute/path")
		} else if ok {
			f.Path = filepath.Clean(u.Path)
		}
	case spec.Path != "":
		f.Path = b.abs(spec.Path)
	default:
		b.missing(path, "path")
	}
	return f
}

// abs returns path as it is seen from the folder of the config.
func (b *builder) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(b.folder, path)
}
