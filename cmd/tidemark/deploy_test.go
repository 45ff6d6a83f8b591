package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark/internal/config"
)

const (
	root     = "../.."
	unitFile = root + "/deploy/tidemark.service"
)

// textOf reads a file of the repository.
func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitValues returns the values that a unit gives for a key.
func unitValues(text, key string) (all []string) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), key+"="); found {
			all = append(all, value)
		}
	}
	return all
}

// understands checks that a command line after the program's name is one that the program takes.
func understands(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRootCommand(&app{out: io.Discard, err: io.Discard, env: os.LookupEnv}).Find(args)
	if err != nil || cmd.Name() != "serve" {
		t.Fatalf("%q is the command %s, %v", args, cmd.Name(), err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	if file := cmd.Flag("config").Value.String(); file != "/etc/tidemark/tidemark.yaml" {
		t.Errorf("%q reads the config %s", args, file)
	}
}

// smallest is a config that says nothing of the server.
const smallest = `
connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/shop}
  lake: {type: file, path: lake}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated_at}, target: {connection: lake, table: shop.orders}}
`

// serverOf returns the server's part of a config that says nothing of it, with variables set.
func serverOf(t *testing.T, env map[string]string) config.Server {
	t.Helper()
	cfg, err := config.Parse("tidemark.yaml", []byte(smallest), config.WithEnvironment(func(name string) (string, bool) {
		value, found := env[name]
		return value, found
	}))
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Server
}

// TestUnit: systemd takes the unit, the program its command line and its variables, and there is time for runs to finish.
func TestUnit(t *testing.T) {
	text := textOf(t, unitFile)
	starts := unitValues(text, "ExecStart")
	if len(starts) != 1 {
		t.Fatalf("ExecStart: %q", starts)
	}
	line := strings.Fields(starts[0])
	if filepath.Base(line[0]) != "tidemark" || !filepath.IsAbs(line[0]) {
		t.Errorf("ExecStart runs %s", line[0])
	}
	understands(t, line[1:])

	env := map[string]string{}
	for _, setting := range unitValues(text, "Environment") {
		name, value, _ := strings.Cut(strings.NewReplacer("%S", "/var/lib", "%C", "/var/cache").Replace(setting), "=")
		env[name] = value
	}
	server := serverOf(t, env)
	if folder := "/var/lib/" + strings.Join(unitValues(text, "StateDirectory"), ""); filepath.Dir(server.Store) != folder {
		t.Errorf("the store is %s, want it in %s, the one folder that may be written", server.Store, folder)
	}
	limits := unitValues(text, "TimeoutStopSec")
	if len(limits) != 1 {
		t.Fatalf("TimeoutStopSec: %q", limits)
	}
	limit, err := time.ParseDuration(strings.Replace(limits[0], "min", "m", 1))
	if err != nil || limit < server.StopTimeout+10*time.Second { // requests and notifications end behind runs
		t.Errorf("TimeoutStopSec is %s (%v); the server takes %s to end", limit, err, server.StopTimeout)
	}
}

// TestUnitVerify: systemd finds nothing wrong with the unit.
func TestUnitVerify(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	// It looks for the program that is started, which is not installed here.
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAllString(textOf(t, unitFile), "ExecStart="+here)
	unit := filepath.Join(t.TempDir(), "tidemark.service")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(program, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}

// An instruction is one of a Dockerfile.
type instruction struct{ name, rest string }

// instructions reads a Dockerfile.
func instructions(text string) (all []instruction) {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if name, rest, found := strings.Cut(strings.TrimSpace(line), " "); found {
			all = append(all, instruction{name, strings.TrimSpace(rest)})
		}
	}
	return all
}

// last returns the rest of the last instruction of that name.
func last(all []instruction, name string) string {
	for _, i := range slices.Backward(all) {
		if i.name == name {
			return i.rest
		}
	}
	return ""
}

// TestDockerfile: the image is built with the Go of go.mod from files that are there, and serves as nobody in particular.
func TestDockerfile(t *testing.T) {
	all := instructions(textOf(t, root+"/Dockerfile"))
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(textOf(t, root+"/go.mod"))[1]
	if all[0].name != "FROM" || !strings.HasPrefix(all[0].rest, "golang:"+version+"-bookworm ") {
		t.Errorf("it begins with %v; go.mod has Go %s", all[0], version)
	}
	if release := last(all, "FROM"); release != "debian:bookworm-slim" {
		t.Errorf("it runs on %s: the C++ library must be as new as the one that it was built with", release)
	}
	ignored := strings.Fields(textOf(t, root+"/.dockerignore"))
	for _, i := range all {
		paths := strings.Fields(i.rest)
		if i.name != "COPY" || strings.HasPrefix(paths[0], "--from") {
			continue
		}
		for _, path := range paths[:len(paths)-1] {
			if _, err := os.Stat(filepath.Join(root, path)); err != nil || path != "." && !slices.Contains(ignored, "!"+path) {
				t.Errorf("COPY %s: %v, or .dockerignore leaves it out", path, err)
			}
		}
	}
	if user := last(all, "USER"); user != "65532:65532" {
		t.Errorf("it ends as the user %q", user)
	}
	var entry, args []string
	for name, to := range map[string]*[]string{"ENTRYPOINT": &entry, "CMD": &args} {
		if err := json.Unmarshal([]byte(last(all, name)), to); err != nil {
			t.Errorf("%s: %v", name, err) // without brackets a shell would get the signals
		}
	}
	if !slices.Equal(entry, []string{"tidemark"}) {
		t.Errorf("ENTRYPOINT %q", entry)
	}
	understands(t, args)
	env := map[string]string{}
	for _, setting := range strings.Fields(last(all, "ENV")) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	server := serverOf(t, env)
	if volume := last(all, "VOLUME"); filepath.Dir(server.Store) != volume || server.Listen != "0.0.0.0:"+last(all, "EXPOSE") {
		t.Errorf("store %s, volume %s; listens on %s, exposes %s", server.Store, volume, server.Listen, last(all, "EXPOSE"))
	}
}

// TestImageContext: no package that the program is made of is left out of the image's context.
func TestImageContext(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if and .Module .Module.Main}}{{.Dir}}{{range .EmbedFiles}} {{.}}{{end}}{{end}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{".": true}
	for _, line := range strings.Fields(textOf(t, root+"/.dockerignore")) {
		if path, found := strings.CutPrefix(line, "!"); found {
			kept[path] = true
		}
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		path, err := filepath.Rel(top, fields[0])
		if err != nil {
			t.Fatal(err)
		}
		packages++
		if first, _, _ := strings.Cut(filepath.ToSlash(path), "/"); !kept[first] || strings.Contains(path, "testdata") {
			t.Errorf(".dockerignore leaves out %s", path)
		}
	}
	if packages < 10 {
		t.Errorf("%d packages: %s", packages, out)
	}
}
