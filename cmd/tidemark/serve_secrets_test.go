package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestNoSecretInServer: a login that is refused, in a server that logs all it can, shows no password: not in the log, not in
// what is told of the run, and not in the store.
func TestNoSecretInServer(t *testing.T) {
	v := newVault(t)
	writeText(t, filepath.Join(v.dir, "served.yaml"), fmt.Sprintf(`connections:
  shop: {type: mysql, url: "%s", password: "${env:WRONG}"}
  lake: {type: s3, url: "s3://bucket/lake", endpoint: "http://127.0.0.1:1", region: us-east-1, path_style: true, access_key: "${env:S3_KEY}", secret_key: "${env:S3_WRONG}"}
  disk: {type: file, path: lake}
server: {listen: "127.0.0.1:0"}
defaults: {retries: 0, source: {connection: shop, cursor: updated_at}}
pipelines:
  orders: {source: {table: orders}, target: {connection: disk, table: shop.orders}, triggers: [{every: 1h}, {source: 1h}]}
  away: {source: {table: orders}, target: {connection: lake, table: shop.orders}, triggers: [{every: 1h}, {object: {connection: lake}}]}
`, v.url))
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(v.binary, append(args, "-c", "served.yaml")...)
		cmd.Dir, cmd.Env = v.dir, append(v.environment, "PATH="+os.Getenv("PATH"), "HOME="+v.dir)
		return cmd
	}
	log := new(heard)
	server := command("serve", "-vv")
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	told := ""
	for deadline := time.Now().Add(time.Minute); strings.Count(told, "\n") < 2 && time.Now().Before(deadline); {
		out, err := command("runs", "--state", "failed", "--json").Output()
		if err == nil {
			told = string(out)
		}
	}
	for line := range strings.Lines(told) {
		var r tidemark.Run
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Error == "" {
			t.Fatalf("%v in %s", err, line)
		}
		out, err := command("runs", "show", string(r.ID)).CombinedOutput()
		if err != nil {
			t.Errorf("runs show: %v\n%s", err, out)
		}
		told += string(out)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if !strings.Contains(told, "orders") || !strings.Contains(told, "away") {
		t.Errorf("not both runs have failed: %s\n%s", told, log)
	}
	v.search(t, "the log", log.String())
	v.search(t, "what is told of runs", told)
	store, err := os.ReadFile(filepath.Join(v.dir, ".tidemark", "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	v.search(t, "the store", string(store))
}
