package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// Canaries are secrets that no output and no file of the lake may show. Each has its place, so that a leak tells
// where it comes from; a part of one is a leak too.
const (
	canaryPassword = "c4nary-right-pa55word"  // of the database
	canaryWrong    = "c4nary-wrong-pa55word"  // refused by the database
	canaryURL      = "c4nary-url-pa55word"    // in a URL, where it must not be
	canaryFile     = "c4nary-inline-pa55word" // in the config, where it must not be
	canarySecret   = "c4nary-s3-secret-key"   // refused by the bucket
	canaryBearer   = "c4nary-bearer-token"    // refused by the catalog
	canaryToken    = "c4nary"                 // all of them begin with this
)

// TestNoSecretInOutput runs every command, in good and in bad cases, with and without --json and -v, and looks for
// the canaries in all that it prints and in all that it leaves in the lake.
func TestNoSecretInOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary and starts it some hundred times")
	}
	s := newVault(t)
	for _, c := range s.cases() {
		for _, flags := range [][]string{nil, {"-vv"}, {"-vv", "--json", "--log-json"}} {
			args := append(append([]string{}, c.args...), flags...)
			t.Run(c.name+" "+strings.Join(flags, " "), func(t *testing.T) { s.check(t, c, args) })
		}
	}
	s.checkLake(t)
}

// A vault is a database whose password is a canary, and a folder with configs that lead to it, rightly and wrongly.
type vault struct {
	binary      string
	dir, url    string
	environment []string
	hidden      []string // all secrets of the environment
}

func newVault(t *testing.T) *vault {
	t.Helper()
	server := testenv.MySQL(t)
	database := server.NewDatabase(t)
	user := strings.Replace(database, "tide_", "vault_", 1)
	server.Exec(t, "CREATE USER "+user+"@'%' IDENTIFIED BY '"+canaryPassword+"'",
		"GRANT SELECT ON "+database+".* TO "+user+"@'%'",
		"CREATE TABLE "+database+".orders (id INT PRIMARY KEY, updated_at DATETIME, note TEXT)",
		"INSERT INTO "+database+".orders VALUES (1, '2024-01-01', 'a'), (2, '2024-01-02', 'b')")
	t.Cleanup(func() { server.Exec(t, "DROP USER "+user+"@'%'") })
	bucket, tables := testenv.S3(t), testenv.REST(t)
	s := &vault{
		binary: buildBinary(t), dir: t.TempDir(),
		url: "mysql://" + user + "@" + server.Addr() + "/" + database,
		environment: []string{
			"RIGHT=" + canaryPassword, "WRONG=" + canaryWrong, "S3_KEY=" + bucket.AccessKey,
			"S3_RIGHT=" + bucket.SecretKey, "S3_WRONG=" + canarySecret, "TOKEN_WRONG=" + canaryBearer,
			"TOKEN_RIGHT=" + tables.Token, "CLIENT_RIGHT=" + tables.ClientSecret, "AWS_EC2_METADATA_DISABLED=true",
			"GOGC=400", // a process starts in half the time
		},
		hidden: []string{canaryToken, bucket.SecretKey, tables.Token, tables.ClientSecret},
	}
	s.write(t, bucket, server)
	s.writeCatalogs(t, tables)
	return s
}

// write writes the configs.
func (s *vault) write(t *testing.T, bucket *testenv.S3Server, server *testenv.Server) {
	t.Helper()
	good := fmt.Sprintf(`{type: mysql, url: "%s", password: "${env:RIGHT}"}`, s.url)
	lake := "{type: file, path: lake}"
	inBucket := func(secret string) string {
		return fmt.Sprintf(`{type: s3, url: "s3://%s/lake", endpoint: "%s", region: %s, path_style: true, access_key: "${env:S3_KEY}", secret_key: "${env:%s}"}`,
			bucket.Bucket, bucket.Endpoint, bucket.Region, secret)
	}
	withPassword := strings.Replace(s.url, "@", ":"+canaryURL+"@", 1)
	malformed := "mysql://etl:" + canaryURL + "%zz@" + server.Addr() + "/x"
	badPort := "mysql://etl:" + canaryURL + "@127.0.0.1:port/x"
	for name, connections := range map[string][2]string{
		"good":      {good, lake},
		"bucket":    {good, inBucket("S3_RIGHT")},
		"keys":      {good, inBucket("S3_WRONG")},
		"wrong":     {strings.Replace(good, "RIGHT", "WRONG", 1), lake},
		"host":      {`{type: mysql, url: "mysql://etl@no-such-host.invalid/x", password: "${env:RIGHT}", tls: {mode: disabled}}`, lake},
		"port":      {`{type: mysql, url: "mysql://etl@127.0.0.1:1/x", password: "${env:RIGHT}"}`, lake},
		"tls":       {strings.Replace(good, "}", "", 1), lake},
		"url":       {fmt.Sprintf(`{type: mysql, url: "%s"}`, withPassword), lake},
		"malformed": {fmt.Sprintf(`{type: mysql, url: "%s"}`, malformed), lake},
		"badport":   {fmt.Sprintf(`{type: mysql, url: "%s"}`, badPort), lake},
		"query":     {fmt.Sprintf(`{type: mysql, url: "%s?password=%s"}`, s.url, canaryURL), lake},
		"s3url":     {good, fmt.Sprintf(`{type: s3, url: "s3://key:%s@bucket/lake"}`, canaryURL)},
		"literal":   {fmt.Sprintf(`{type: mysql, url: "%s", password: "%s"}`, s.url, canaryFile), lake},
		"alias":     {fmt.Sprintf(`{type: mysql, url: "%s", passwort: "%s"}`, s.url, canaryFile), lake},
		"object":    {fmt.Sprintf(`{type: mysql, url: "%s", password: {value: "%s"}}`, s.url, canaryFile), lake},
		"list":      {fmt.Sprintf(`{type: mysql, url: "%s", password: ["%s"]}`, s.url, canaryFile), lake},
		"reference": {fmt.Sprintf(`{type: mysql, url: "%s", password: "${vault:%s}"}`, s.url, canaryFile), lake},
		"halfway":   {fmt.Sprintf(`{type: mysql, url: "%s", password: "%s${env:RIGHT}"}`, s.url, canaryFile), lake},
		"s3literal": {good, fmt.Sprintf(`{type: s3, url: "s3://bucket/lake", access_key: "${env:S3_KEY}", secret_key: "%s"}`, canaryFile)},
		"broken":    {fmt.Sprintf("{type: mysql, url: \"%s\", password: \"%s", s.url, canaryFile), lake},
		"tabs":      {fmt.Sprintf("\n\t\ttype: mysql\n\t\tpassword: %s", canaryFile), lake},
		"twice":     {fmt.Sprintf(`{type: mysql, url: "%s", password: %s, password: %s}`, s.url, canaryFile, canaryFile), lake},
		"number":    {fmt.Sprintf(`{type: mysql, url: "%s", password: !!int "%s"}`, s.url, canaryFile), lake},
	} {
		config := fmt.Sprintf(`connections:
  shop: %s
  lake: %s
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated_at}, target: {connection: lake, table: shop.orders}}
  folder: {source: {connection: shop, table: orders, cursor: updated_at}, target: {connection: lake, table: shop.folder, format: parquet}}
`, connections[0], connections[1])
		if err := os.WriteFile(filepath.Join(s.dir, name+".yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// writeCatalogs writes configs whose catalog is a REST server.
func (s *vault) writeCatalogs(t *testing.T, tables *testenv.RESTServer) {
	t.Helper()
	at := fmt.Sprintf("{type: rest, uri: %q, warehouse: %s, ", tables.URI, tables.Warehouse)
	for name, catalog := range map[string]string{
		"rest":        at + `token: "${env:TOKEN_RIGHT}"}`,
		"restclient":  at + `client_id: ` + tables.ClientID + `, client_secret: "${env:CLIENT_RIGHT}"}`,
		"resttoken":   at + `token: "${env:TOKEN_WRONG}"}`,
		"restsecret":  at + `client_id: ` + tables.ClientID + `, client_secret: "${env:TOKEN_WRONG}"}`,
		"resthost":    `{type: rest, uri: "http://no-such-host.invalid/api", token: "${env:TOKEN_WRONG}"}`,
		"restliteral": at + `token: "` + canaryFile + `"}`,
		"resturl":     `{type: rest, uri: "https://user:` + canaryURL + `@127.0.0.1/api"}`,
	} {
		config := fmt.Sprintf(`connections:
  shop: {type: mysql, url: "%s", password: "${env:RIGHT}"}
  lake: {type: file, path: restlake}
catalog: %s
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated_at}, target: {connection: lake, table: shop.orders}}
`, s.url, catalog)
		if err := os.WriteFile(filepath.Join(s.dir, name+".yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// catalogCases are those of the configs with a REST catalog.
func catalogCases() (cases []secretCase) {
	for config, code := range map[string]int{
		"rest": exitOK, "restclient": exitOK, "resttoken": exitFailed, "restsecret": exitFailed, "resthost": exitFailed, "restliteral": exitUsage, "resturl": exitUsage,
	} {
		for _, command := range []string{"check", "run"} {
			cases = append(cases, secretCase{config + ": " + command, []string{command, "-c", config + ".yaml"}, code})
		}
	}
	return cases
}

// A secretCase is a command line and how it must end.
type secretCase struct {
	name string
	args []string
	code int
}

func (s *vault) cases() []secretCase {
	withPassword := strings.Replace(s.url, "@", ":"+canaryURL+"@", 1)
	cases := []secretCase{
		{"version", []string{"version"}, exitOK},
		{"init", []string{"init", s.url, "--table", "orders", "--lake", "lake", "--password-env", "RIGHT", "-c", "made.yaml", "--force"}, exitOK},
		{"init with a wrong password", []string{"init", s.url, "--table", "orders", "--lake", "lake", "--password-env", "WRONG", "-c", "never.yaml"}, exitFailed},
		{"init with a password in the URL", []string{"init", withPassword, "--lake", "lake", "-c", "never.yaml"}, exitUsage},
		{"init with a malformed URL", []string{"init", "mysql://etl:" + canaryURL + "%zz@127.0.0.1/x", "--lake", "lake", "-c", "never.yaml"}, exitUsage},
		{"init with a lake that has a password", []string{"init", s.url, "--lake", "s3://key:" + canaryURL + "@bucket/lake", "--password-env", "RIGHT", "-c", "never.yaml"}, exitUsage},
		{"check --grants", []string{"check", "--grants", "-c", "good.yaml"}, exitOK},
		{"check --iam-policy", []string{"check", "--iam-policy", "-c", "bucket.yaml"}, exitOK},
		{"adopt", []string{"watermark", "adopt", "orders", "older", "-c", "good.yaml"}, exitFailed},
		{"adopt with a wrong password", []string{"watermark", "adopt", "orders", "older", "-c", "wrong.yaml"}, exitFailed},
		{"adopt with wrong keys", []string{"watermark", "adopt", "orders", "older", "-c", "keys.yaml"}, exitFailed},
		{"export", []string{"export", "--go", "orders", "-c", "good.yaml"}, exitOK},
		{"export of a bucket", []string{"export", "--go", "orders", "-c", "bucket.yaml"}, exitOK},
		{"export with a password in the URL", []string{"export", "--go", "orders", "-c", "url.yaml"}, exitUsage},
		{"export with a literal password", []string{"export", "--go", "orders", "-c", "literal.yaml"}, exitUsage},
		{"query that fails", []string{"query", "SELECT nothing FROM shop.orders", "-c", "good.yaml"}, exitUsage},
	}
	commands := [][]string{{"check"}, {"plan"}, {"run"}, {"watermark", "show"}, {"query", "SELECT COUNT(*) FROM shop.orders"}, {"verify"},
		{"maintain"}, {"repair", "--deletes", "--dry-run"}, {"repair", "--deletes", "--yes"},
		{"backfill", "orders", "--dry-run"}, {"backfill", "orders", "--to", "2024-01-02", "--yes"}, {"replay", "orders", "--dry-run"}, {"replay", "orders", "--yes"}, {"rewind", "orders", "--to", "1", "--dry-run"}, {"watermark", "audit"}, {"catalog", "list"},
		{"catalog", "show", "orders", "--ddl"}, {"catalog", "comment", "folder", "text"}, {"catalog", "drop", "orders", "--dry-run"}, {"checks", "suggest", "orders"}, {"catalog", "import", "nowhere", "--as", "shop.new"}}
	add := func(config string, codes ...int) { // of the commands
		for i, command := range commands {
			args := append(append([]string{}, command...), "-c", config+".yaml")
			cases = append(cases, secretCase{config + ": " + command[0], args, codes[i]})
		}
	}
	// The lake is made by the first of these.
	fine := append(slices.Repeat([]int{exitOK}, len(commands)-1), exitFailed) // there is nothing to import
	add("good", fine...)
	add("bucket", fine...)
	add("keys", slices.Repeat([]int{exitFailed}, len(commands))...)
	for _, config := range []string{"wrong", "host", "port"} { // the lake alone is enough for the others
		add(config, exitFailed, exitFailed, exitFailed, exitOK, exitOK, exitFailed, exitOK, exitFailed, exitFailed, exitFailed, exitFailed, exitFailed, exitFailed, exitOK, exitOK, exitOK, exitOK, exitOK, exitOK, exitOK, exitFailed)
	}
	for _, config := range []string{
		"tls", "url", "malformed", "badport", "query", "s3url", "literal", "alias", "object", "list", "reference",
		"halfway", "s3literal", "broken", "tabs", "twice", "number",
	} {
		args := []string{"run", "-c", config + ".yaml"}
		cases = append(cases, secretCase{config + ": run", args, exitUsage})
	}
	return append(cases, catalogCases()...)
}

// check runs a command and looks at all that it prints.
func (s *vault) check(t *testing.T, c secretCase, args []string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(s.binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &out, &out
	cmd.Env = append(s.environment, "PATH="+os.Getenv("PATH"), "HOME="+s.dir)
	code := 0
	if err := cmd.Run(); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			t.Fatal(err)
		}
		code = failed.ExitCode()
	}
	if code != c.code {
		t.Errorf("tidemark %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, c.code, &out)
	}
	s.search(t, "the output of "+c.name, out.String())
}

// search reports secrets in a text.
func (s *vault) search(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range s.hidden {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s shows a secret: …%q…", where, text[max(0, at-80):min(len(text), at+60)])
		}
	}
}

// checkLake looks into every file of the lake, text or not, and into the config that init made.
func (s *vault) checkLake(t *testing.T) {
	t.Helper()
	files := 0
	look := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		files++
		s.search(t, path, string(data))
	}
	err := filepath.WalkDir(filepath.Join(s.dir, "lake"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			look(path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	look(filepath.Join(s.dir, "made.yaml"))
	if _, err := os.Stat(filepath.Join(s.dir, "never.yaml")); err == nil || files < 8 {
		t.Errorf("%d files of the lake were looked at; a failed init left a config: %v", files, err == nil)
	}
}
