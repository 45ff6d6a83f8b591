package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A lake is one place and format that tables are loaded into.
type lake struct {
	name       string
	format     string
	connection string // as the config has it
	steps      string // of rows on their way: "", "change_schema" or "sql"
	folder     string // where its files lie in the end
}

// clear empties the lake.
func (l lake) clear() error {
	if err := os.RemoveAll(l.folder); err != nil {
		return err
	}
	return os.MkdirAll(l.folder, 0o755)
}

const (
	s3Access = "bench-access"
	s3Secret = "bench-secret-key"
)

// openLakes returns a folder and a bucket on a local S3 server, each for both formats. The returned function stops
// the server.
func openLakes(ctx context.Context, o options) ([]lake, func(), error) {
	var lakes []lake
	for _, format := range []string{"iceberg", "parquet"} {
		folder := filepath.Join(o.dir, "lake-"+format)
		lakes = append(lakes, lake{name: format + " on disk", format: format, connection: fmt.Sprintf("{type: file, path: %q}", folder), folder: folder})
	}
	for _, steps := range []string{"change_schema", "sql"} {
		folder := filepath.Join(o.dir, "lake-"+steps)
		lakes = append(lakes, lake{
			name: "iceberg on disk, " + steps, format: "iceberg", connection: fmt.Sprintf("{type: file, path: %q}", folder), folder: folder, steps: steps,
		})
	}
	if o.s3server == "" {
		return lakes, func() {}, nil
	}
	buckets := filepath.Join(o.dir, "buckets")
	endpoint, stop, err := startS3(ctx, o.s3server, buckets)
	if err != nil {
		return nil, nil, err
	}
	for _, format := range []string{"iceberg", "parquet"} {
		bucket := "bench-" + format
		connection := fmt.Sprintf("{type: s3, url: s3://%s/lake, region: us-east-1, endpoint: %q, path_style: true, access_key: %q, secret_key: %q}",
			bucket, endpoint, "${env:BENCH_ACCESS_KEY}", "${env:BENCH_SECRET_KEY}")
		lakes = append(lakes, lake{name: format + " on S3", format: format, connection: connection, folder: filepath.Join(buckets, bucket)})
	}
	if err := errors.Join(os.Setenv("BENCH_ACCESS_KEY", s3Access), os.Setenv("BENCH_SECRET_KEY", s3Secret)); err != nil {
		stop()
		return nil, nil, err
	}
	return lakes, stop, nil
}

// startS3 starts the local S3 server over a folder and returns its endpoint.
func startS3(ctx context.Context, binary, root string) (endpoint string, stop func(), err error) {
	server := command(context.WithoutCancel(ctx), binary, "-root", root, "-access", s3Access, "-secret", s3Secret)
	stdout, err := server.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the S3 server: %w", err)
	}
	stop = func() {
		_ = server.Cancel()
		_ = server.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the S3 server does not start: %w", err)
	}
	return "http://" + strings.TrimPrefix(strings.TrimSpace(line), "http://"), stop, nil
}
