package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// clockOfTest names the variable by which a test starts the program, with all that is in its main, by a clock that the test
// moves: see newClocked.
const clockOfTest = "TIDEMARK_TEST_CLOCK"

func TestMain(m *testing.M) {
	if url := os.Getenv(clockOfTest); url != "" {
		os.Exit(start(testenv.FollowClock(url)))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "tidemark-program-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return testenv.Main(m)
}

// TestScripts runs the real binary against a real server. Each script has a database of its own, $DB, and a user,
// $USER, who may do there what tidemark needs and finds the password in $SHOP_PASSWORD; $URL is the database as that
// user sees it. In files that end in .yaml these are filled in, and $CONNECTIONS is a source "shop" and a folder "lake".
//
//	sql STATEMENT           runs a statement in $DB, as the administrator
//	s3                      puts the connection "lake" into $BUCKET of a server of the test's own
//	rest                    starts an Iceberg REST catalog of the test's own
//	athena                  lets an emulated Athena answer the next statement; skips the test where there is none
//	glue                    takes a Glue catalog of the test's own; skips the test where there is no emulator of AWS
//	hang VARIABLE           listens at an address that it puts into VARIABLE, and never answers
//	called VARIABLE         waits until somebody has connected to that
//	endpoint KIND           makes that server a deaf, readonly or denied one
//	disk FOLDER SIZE        mounts a small disk there; only where [mount] holds
//	otherhost NAME          points "shop" at a server whose certificate, ca.pem, is for NAME alone
//	exits CODE [ARGUMENT…]  runs tidemark, which must end with that code and show no password
func TestScripts(t *testing.T) {
	server := testenv.MySQL(t)
	buildBinary(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(e *testscript.Env) error { return setup(e, server) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sql": runSQL, "s3": runS3, "glue": runGlue, "athena": runAthena, "rest": runREST, "exits": runExits, "hang": runHang, "called": runCalled,
			"disk": runDisk, "endpoint": runEndpoint, "otherhost": runOtherHost,
		},
		Condition: condition,
	})
}

// canary is a password that no output may show.
const canary = "c4nary-pa55word"

func setup(e *testscript.Env, server *testenv.Server) error {
	t, ok := e.T().(testing.TB)
	if !ok {
		return errors.New("no testing.TB")
	}
	database := server.NewDatabase(t)
	user := strings.Replace(database, "tide_", "cli_", 1)
	server.Exec(t,
		"CREATE USER "+user+"@'%' IDENTIFIED BY '"+canary+"'",
		"GRANT SELECT ON "+database+".* TO "+user+"@'%'",
		"GRANT PROCESS ON *.* TO "+user+"@'%'",
		"GRANT SELECT ON performance_schema.* TO "+user+"@'%'",
	)
	t.Cleanup(func() { server.Exec(t, "DROP USER "+user+"@'%'") })
	url := "mysql://" + user + "@" + server.Addr() + "/" + database
	for name, value := range map[string]string{
		"DB": database, "USER": user, "URL": url, "SHOP_PASSWORD": canary, "ADDR": server.Addr(), "HOME": e.WorkDir,
	} {
		e.Setenv(name, value)
	}
	e.Values["t"], e.Values["db"], e.Values["hanging"] = t, server.DB(t, database), map[string]net.Listener{}
	fill := strings.NewReplacer("$CONNECTIONS", `connections:
  shop: {type: mysql, url: "`+url+`", password: "${env:SHOP_PASSWORD}"}
  lake: {type: file, path: lake}
`, "$URL", url, "$ADDR", server.Addr(), "$USER", user, "$DB", database)
	return filepath.WalkDir(e.WorkDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(fill.Replace(string(text))), 0o600)
	})
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	db, ok := ts.Value("db").(*sql.DB)
	if !ok {
		ts.Fatalf("no database")
	}
	_, err := db.Exec(args[0])
	ts.Check(err)
}

func runS3(ts *testscript.TestScript, _ bool, _ []string) {
	t := testOf(ts)
	s := testenv.S3(t)
	for name, value := range map[string]string{
		"TIDEMARK_CONNECTIONS_LAKE_URL":        "s3://" + s.Bucket + "/lake",
		"TIDEMARK_CONNECTIONS_LAKE_ENDPOINT":   s.Endpoint,
		"TIDEMARK_CONNECTIONS_LAKE_REGION":     s.Region,
		"TIDEMARK_CONNECTIONS_LAKE_PATH_STYLE": "true",
		"BUCKET":                               s.Bucket,
		"LAKE_KEY":                             s.AccessKey,
		"LAKE_SECRET":                          s.SecretKey,
		"AWS_EC2_METADATA_DISABLED":            "true",
	} {
		ts.Setenv(name, value)
	}
}

// testOf returns the test that a script is a part of.
func testOf(ts *testscript.TestScript) testing.TB {
	t, ok := ts.Value("t").(testing.TB)
	if !ok {
		ts.Fatalf("no testing.TB")
	}
	return t
}

func runGlue(ts *testscript.TestScript, _ bool, _ []string) {
	t := testOf(ts)
	g := testenv.Glue(t)
	for name, value := range map[string]string{
		"TIDEMARK_CATALOG_ENDPOINT":        g.Endpoint,
		"TIDEMARK_CATALOG_REGION":          g.Region,
		"TIDEMARK_CATALOG_DATABASE_PREFIX": g.DatabasePrefix,
		"GLUE_KEY":                         g.AccessKey,
		"GLUE_SECRET":                      canary,
	} {
		ts.Setenv(name, value)
	}
}

// runAthena lets Athena answer the next statement with two rows, of which it has read 4 KB.
func runAthena(ts *testscript.TestScript, _ bool, _ []string) {
	t := testOf(ts)
	a := testenv.Athena(t)
	a.Put(t, []testenv.AthenaColumn{{Name: "status", Type: "varchar"}, {Name: "n", Type: "bigint"}}, []any{"CLOSED", "7"}, []any{nil, "12"})
	a.Answer(func(action string, request, answer []byte) (int, string) {
		if action == "GetQueryExecution" && strings.Contains(string(answer), "wrong") {
			return 200, strings.Replace(string(answer), `"SUCCEEDED"`, `"FAILED", "StateChangeReason": "COLUMN_NOT_FOUND: line 1:8: Column 'wrong' cannot be resolved"`, 1)
		}
		return 200, strings.Replace(string(answer), `"DataScannedInBytes": 0`, `"DataScannedInBytes": 4096`, 1)
	})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_ATHENA": a.Endpoint, "AWS_REGION": a.Region, "AWS_ACCESS_KEY_ID": a.AccessKey, "AWS_SECRET_ACCESS_KEY": canary,
	} {
		ts.Setenv(name, value)
	}
}

func runREST(ts *testscript.TestScript, _ bool, _ []string) {
	t := testOf(ts)
	s := testenv.REST(t)
	for name, value := range map[string]string{
		"TIDEMARK_CATALOG_URI": s.URI, "REST_URI": s.URI, "REST_TOKEN": s.Token, "REST_SECRET": s.ClientSecret, "REST_CLIENT": s.ClientID, "WRONG_TOKEN": canary,
	} {
		ts.Setenv(name, value)
	}
}

func runHang(ts *testscript.TestScript, neg bool, args []string) {
	t, ok := ts.Value("t").(testing.TB)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage: hang VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	t.Cleanup(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
	if all, ok := ts.Value("hanging").(map[string]net.Listener); ok {
		all[args[0]] = l
	}
}

func runCalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: called VARIABLE")
	}
	all, _ := ts.Value("hanging").(map[string]net.Listener)
	l, ok := all[args[0]].(*net.TCPListener)
	if !ok {
		ts.Fatalf("nothing hangs at %s", args[0])
	}
	ts.Check(l.SetDeadline(time.Now().Add(time.Minute)))
	c, err := l.Accept()
	ts.Check(err)
	ts.Defer(func() { _ = c.Close() })
}

func runExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits CODE [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("tidemark", args[1:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if strings.Contains(ts.ReadFile("stdout")+ts.ReadFile("stderr"), canary) {
		ts.Fatalf("the output shows the password")
	}
}
