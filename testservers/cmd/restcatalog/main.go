// Command restcatalog is a small Iceberg REST catalog for tests. It keeps tables in memory and their metadata files in
// folders of this machine. What a commit requires and what it changes is judged by iceberg-go, not by the code under
// test; the rest, routes, answers and credentials, follows the specification of the REST catalog.
//
// It serves one warehouse, below the prefix that its configuration names, to those who bring a token: that of -token, one
// that its token endpoint gives for -client, or a request with a signature of AWS by -access, which it does not verify.
//
// It prints its address, host:port, as the first line of its output once it accepts requests, and stops on SIGTERM or
// SIGINT.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "restcatalog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s := newServer()
	flags := flag.NewFlagSet("restcatalog", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "`address` to listen on; port 0 means a free one")
	flags.StringVar(&s.token, "token", "", "bearer `token` that is good")
	flags.StringVar(&s.client, "client", "", "`id:secret` for which the token endpoint gives a token")
	flags.StringVar(&s.access, "access", "", "access `key` id of signed requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.token == "" || s.client == "" || s.access == "" || flags.NArg() > 0 {
		return errors.New("-token, -client and -access are needed, and nothing else")
	}
	s.issued = rand.Text()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
