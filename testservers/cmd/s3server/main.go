// Command s3server is a real S3 server on a folder, for tests and the demo: the gateway of versitygw on its posix
// backend. Each bucket is a folder below the root. Conditional writes are atomic, as on S3 itself.
//
// It prints its address, host:port, as the first line of its output once it accepts requests, logs to standard error,
// and stops on SIGTERM or SIGINT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := os.Stdout
	os.Stdout = os.Stderr // the gateway prints remarks, and the first line must be the address
	if err := run(ctx, os.Args[1:], out); err != nil {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, root, bucket, region, access, secret string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("s3server", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 means a free one")
	flags.StringVar(&o.root, "root", "", "`folder` that holds the buckets; it is made when it is not there")
	flags.StringVar(&o.bucket, "bucket", "", "`name` of a bucket to make at the start")
	flags.StringVar(&o.region, "region", "us-east-1", "region that clients must name")
	flags.StringVar(&o.access, "access", "", "access `key` id")
	flags.StringVar(&o.secret, "secret", "", "secret access `key`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.root == "" || o.access == "" || o.secret == "" || flags.NArg() > 0 {
		return errors.New("-root, -access and -secret are needed, and nothing else")
	}
	root, err := filepath.Abs(o.root) // the backend changes the working folder
	if err != nil {
		return err
	}
	o.root = root
	if err := os.MkdirAll(filepath.Join(o.root, o.bucket), 0o755); err != nil {
		return err
	}
	return serve(ctx, o, out)
}

// serve listens until ctx ends. The gateway opens its own listener and does not tell which port it got, so a free
// one is found beforehand; should somebody else be quicker, another one is.
func serve(ctx context.Context, o options, out io.Writer) error {
	for attempt := 1; ; attempt++ {
		addr, err := freeAddress(o.addr)
		if err != nil {
			return err
		}
		err = gateway(ctx, o, addr, out)
		if addr == o.addr || attempt == 5 || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
}

// freeAddress replaces port 0 by a port that is free at the moment.
func freeAddress(addr string) (string, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func gateway(ctx context.Context, o options, addr string, out io.Writer) error {
	backend, err := openBackend(o.root)
	if err != nil {
		return err
	}
	ready := func() { fmt.Fprintln(out, addr) }
	return embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess:    o.access,
		RootUserSecret:    o.secret,
		Region:            o.region,
		Ports:             []string{addr},
		MaxConnections:    1000,
		MaxRequests:       1000,
		MultipartMaxParts: 10_000,
		KeepAlive:         true,
		Quiet:             true,
		S3Options:         []s3api.Option{s3api.WithOnListen(ready)},
	})
}

// openBackend keeps ETags and the like in extended attributes, and in files beside the root on file systems that have
// none.
func openBackend(root string) (*posix.Posix, error) {
	options := posix.PosixOpts{NewDirPerm: 0o755, Concurrency: 1000}
	if err := (meta.XattrMeta{}).Test(root); err == nil {
		return posix.New(root, meta.XattrMeta{}, options)
	}
	options.SideCarDir = root + ".meta"
	if err := os.MkdirAll(options.SideCarDir, 0o755); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(options.SideCarDir)
	if err != nil {
		return nil, err
	}
	return posix.New(root, sidecar, options)
}
