package config

import (
	"net/url"
	"regexp"
	"strings"
)

func (b *builder) catalog(spec catalogSpec) Catalog {
	c := Catalog{Type: CatalogType(spec.Type)}
	switch {
	case c.Type == CatalogSQLite && spec.Path == "":
		b.at("catalog", "set path to a file of this machine", "a sqlite catalog needs a path")
	case c.Type == CatalogSQLite:
		c.Path = b.abs(spec.Path)
	case spec.Path != "":
		b.at("catalog.path", "", "only a sqlite catalog has a path")
	}
	switch c.Type {
	case CatalogGlue:
		c.Glue = b.glue(spec)
	case CatalogREST:
		c.REST = b.rest(spec)
	}
	b.onlyKeys(c.Type, spec)
	return c
}

// onlyKeys refuses keys of another kind of catalog.
func (b *builder) onlyKeys(kind CatalogType, spec catalogSpec) {
	for _, key := range []struct {
		name, owner string
		set, mine   bool
	}{
		{"uri", "rest", spec.URI != "", kind == CatalogREST},
		{"warehouse", "rest", spec.Warehouse != "", kind == CatalogREST},
		{"token", "rest", !spec.Token.IsZero(), kind == CatalogREST},
		{"client_id", "rest", spec.ClientID != "", kind == CatalogREST},
		{"client_secret", "rest", !spec.ClientSecret.IsZero(), kind == CatalogREST},
		{"scope", "rest", spec.Scope != "", kind == CatalogREST},
		{"token_url", "rest", spec.TokenURL != "", kind == CatalogREST},
		{"sign", "rest", spec.Sign != "", kind == CatalogREST},
		{"ca", "rest", spec.CA != "", kind == CatalogREST},
		{"region", "glue", spec.Region != "", kind == CatalogGlue || spec.Sign != ""},
		{"endpoint", "glue", spec.Endpoint != "", kind == CatalogGlue},
		{"catalog_id", "glue", spec.CatalogID != "", kind == CatalogGlue},
		{"database_prefix", "glue", spec.DatabasePrefix != "", kind == CatalogGlue},
		{"access_key", "glue", !spec.AccessKey.IsZero(), kind == CatalogGlue || spec.Sign != ""},
		{"secret_key", "glue", !spec.SecretKey.IsZero(), kind == CatalogGlue || spec.Sign != ""},
		{"role_arn", "glue", spec.RoleARN != "", kind == CatalogGlue || spec.Sign != ""},
		{"external_id", "glue", spec.ExternalID != "", kind == CatalogGlue || spec.Sign != ""},
	} {
		if key.set && !key.mine {
			hint := ""
			if kind == CatalogREST {
				hint = "a rest catalog that is AWS's own has it beside sign"
			}
			b.at(join("catalog", key.name), hint, "only a %s catalog has this key", key.owner)
		}
	}
}

func (b *builder) rest(spec catalogSpec) REST {
	r := REST{
		URI: strings.TrimRight(spec.URI, "/"), Warehouse: spec.Warehouse, Token: b.bind(spec.Token), ClientID: spec.ClientID,
		ClientSecret: b.bind(spec.ClientSecret), Scope: spec.Scope, TokenURL: spec.TokenURL, Sign: spec.Sign, AWS: b.glue(spec),
	}
	if spec.CA != "" {
		r.CA = b.abs(spec.CA)
	}
	if r.URI == "" {
		b.at("catalog", "set uri to the address below which /v1 is", "a rest catalog needs a uri")
	} else if !isHTTP(r.URI) {
		b.at("catalog.uri", "", "want a URL such as https://catalog.example.com, without a password in it")
	}
	if r.TokenURL != "" && !isHTTP(r.TokenURL) {
		b.at("catalog.token_url", "", "want a URL such as https://login.example.com/oauth/token, without a password in it")
	}
	if (r.ClientID == "") != r.ClientSecret.IsZero() {
		b.at("catalog", "", "client_id and client_secret go together")
	}
	if r.ClientID == "" && (r.Scope != "" || r.TokenURL != "") {
		b.at("catalog", "", "scope and token_url go with client_id")
	}
	ways := 0
	for _, way := range []bool{!r.Token.IsZero(), r.ClientID != "", r.Sign != ""} {
		if way {
			ways++
		}
	}
	if ways > 1 {
		b.at("catalog", "", "token, client_id and sign are three ways to log in; keep one")
	}
	return r
}

func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == ""
}

// glueWord is what the names of Glue consist of; all others are folded by Glue or refused by Athena.
var glueWord = regexp.MustCompile(`^[a-z0-9_]*$`)

func (b *builder) glue(spec catalogSpec) Glue {
	g := Glue{
		Region: spec.Region, Endpoint: strings.TrimRight(spec.Endpoint, "/"), CatalogID: spec.CatalogID, DatabasePrefix: spec.DatabasePrefix,
		AccessKey: b.bind(spec.AccessKey), SecretKey: b.bind(spec.SecretKey), RoleARN: spec.RoleARN, ExternalID: spec.ExternalID,
	}
	if u, err := url.Parse(g.Endpoint); g.Endpoint != "" && (err != nil || u.Host == "" || u.User != nil) {
		b.at("catalog.endpoint", "", "want a URL such as https://glue.eu-central-1.amazonaws.com")
	}
	if g.AccessKey.IsZero() != g.SecretKey.IsZero() {
		b.at("catalog", "leave both out to use the AWS environment", "access_key and secret_key go together")
	}
	if g.ExternalID != "" && g.RoleARN == "" {
		b.at("catalog.external_id", "", "external_id needs role_arn")
	}
	if !glueWord.MatchString(g.DatabasePrefix) {
		b.at("catalog.database_prefix", "", "the names of databases in Glue have lower case letters, digits and '_' only")
	}
	return g
}

// catalogOfLakes refuses a lake of this machine in a catalog whose readers are elsewhere.
func (b *builder) catalogOfLakes(c *Config) {
	if c.Catalog.Type != CatalogGlue {
		return
	}
	for name, connection := range c.Connections {
		if _, local := connection.(*Folder); local {
			b.at(join("connections", name), "use an s3 connection, or catalog: {type: folder}",
				"a glue catalog cannot name tables in a folder of this machine")
		}
	}
}
