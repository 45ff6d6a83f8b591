package testenv

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Embedded returns the MySQL-compatible server of `make demo`, with its orders table in database retail_db: the one
// server that is no MySQL and no MariaDB, and knows little of what they have.
func Embedded(t testing.TB) *Server {
	t.Helper()
	started.Lock()
	defer started.Unlock()
	if started.embedded == nil {
		started.embedded = new(outcome[*Server])
		started.embedded.value, started.embedded.err = startEmbedded()
	}
	if err := started.embedded.err; errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the embedded server cannot be built: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	return started.embedded.value
}

// startEmbedded needs started to be locked.
func startEmbedded() (*Server, error) {
	address, err := startTestServer("mysqlserver", "-user", testUser, "-password", testPassword)
	if err != nil {
		return nil, err
	}
	s, err := parseServer("mysql://" + testUser + ":" + testPassword + "@" + address + "/")
	if err != nil {
		return nil, fmt.Errorf("the embedded server at %s: %w", address, err)
	}
	s.Flavor = "embedded"
	return s, nil
}

// startTestServer builds and starts a command of the module testservers on a free loopback port, and returns its address.
// It needs started to be locked.
func startTestServer(name string, args ...string) (address string, err error) {
	binary, err := buildTestServer(name)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	p, err := startProcess(cmd)
	if err != nil {
		return "", err
	}
	started.processes = append(started.processes, p)
	line, err := firstLine(stdout)
	if err != nil {
		p.stop()
		return "", fmt.Errorf("%s did not start: %w: %s", name, err, &p.log)
	}
	return line, nil
}

// firstLine reads the line by which a server says that it is ready, and where. What it prints later is thrown away.
func firstLine(r io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // ends with the server
		buffered := bufio.NewReader(r)
		line, err := buffered.ReadString('\n')
		answers <- answer{strings.TrimSpace(line), err}
		_, _ = io.Copy(io.Discard, buffered)
	}()
	select {
	case a := <-answers:
		return a.line, a.err
	case <-time.After(startLimit):
		return "", errors.New("it does not say that it is ready")
	}
}

// buildTestServer builds a command of the module testservers and returns its binary. A missing source is fs.ErrNotExist.
func buildTestServer(name string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "testservers")
	key, err := sourceKey(source, filepath.Join(source, "cmd", name))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(cache, "tidemark-testenv", name+"-"+key)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	// Several test processes may build at once: each writes its own file, and the rename is atomic.
	building := fmt.Sprintf("%s.%d", binary, os.Getpid())
	defer os.Remove(building)
	build := exec.Command("go", "build", "-o", building, "./cmd/"+name)
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return binary, os.Rename(building, binary)
}

// sourceKey hashes the module's requirements and the command's own files.
func sourceKey(module, command string) (string, error) {
	files, err := filepath.Glob(filepath.Join(command, "*.go"))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("source of %s: %w", filepath.Base(command), fs.ErrNotExist)
	}
	hash := sha256.New()
	for _, path := range append(files, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")) {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(path), len(data), data)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}
