package testenv

import (
	"bufio"
	"crypto/rand"
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

// An S3Server is a real S3 server on a folder, with a bucket that this test alone uses. Buckets are addressed by path.
type S3Server struct {
	Endpoint  string // http://127.0.0.1:port
	Region    string
	Bucket    string
	AccessKey string
	SecretKey string
}

const (
	s3Region = "us-east-1"
	s3Access = "tide-test-access"
	s3Secret = "tide-test-secret-key"
)

type s3Process struct {
	endpoint string
	root     string
}

// S3 returns an S3 server of this process's own, with a fresh bucket. The server is built from the module testservers;
// the binary is kept in the user's cache folder, so that only a change of its source builds it again.
func S3(t testing.TB) *S3Server {
	t.Helper()
	started.Lock()
	defer started.Unlock()
	if started.s3 == nil {
		started.s3 = new(outcome[*s3Process])
		started.s3.value, started.s3.err = startS3()
	}
	p, err := started.s3.value, started.s3.err
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the S3 server for tests cannot be built: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// In the server's storage a bucket is a folder.
	bucket := "test-" + strings.ToLower(rand.Text()[:12])
	if err := os.Mkdir(filepath.Join(p.root, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	return &S3Server{Endpoint: p.endpoint, Region: s3Region, Bucket: bucket, AccessKey: s3Access, SecretKey: s3Secret}
}

// startS3 needs started to be locked.
func startS3() (*s3Process, error) {
	binary, err := buildTestServer("s3server")
	if err != nil {
		return nil, err
	}
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	started.folders = append(started.folders, dir)
	root := filepath.Join(dir.path, "buckets")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0", "-root", root, "-bucket", "test", "-access", s3Access, "-secret", s3Secret)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(cmd)
	if err != nil {
		return nil, err
	}
	started.processes = append(started.processes, p)
	line, err := firstLine(stdout)
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the S3 server did not start: %w: %s", err, &p.log)
	}
	return &s3Process{endpoint: "http://" + strings.TrimPrefix(line, "http://"), root: root}, nil
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
