package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const databaseName = "bench"

// database is the server that rows come from. All that the bench wants of it goes through its own client.
type database struct {
	client                     []string
	host, port, user, password string
	version                    string
}

// openDatabase connects to the server at -url, or starts a private MariaDB, and makes an empty database there. The
// returned function stops what was started.
func openDatabase(ctx context.Context, o options) (*database, func(), error) {
	db := &database{client: strings.Fields(o.client)}
	stop := func() {}
	if o.url != "" {
		at, err := url.Parse(o.url)
		if err != nil {
			return nil, nil, err
		}
		db.host, db.port, db.user, db.password = at.Hostname(), at.Port(), at.User.Username(), os.Getenv("MYSQL_PWD")
	} else {
		var err error
		if stop, err = db.start(ctx, filepath.Join(o.dir, "mariadb")); err != nil {
			return nil, nil, err
		}
	}
	err := db.exec(ctx, "", "DROP DATABASE IF EXISTS "+databaseName, "CREATE DATABASE "+databaseName)
	if err == nil {
		db.version, err = db.query(ctx, "SELECT VERSION()")
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return db, stop, nil
}

// start runs a MariaDB of our own over an empty folder, with a buffer pool that holds the tables: what is measured is
// how rows leave the server, not its disk.
func (db *database) start(ctx context.Context, dir string) (stop func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	common := []string{"--no-defaults", "--datadir=" + filepath.Join(dir, "data")}
	if os.Getuid() == 0 {
		common = append(common, "--user=root")
	}
	install := command(ctx, "mariadb-install-db", append(common, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	db.host, db.user, db.password = "127.0.0.1", "bench", "bench-password"
	init := filepath.Join(dir, "init.sql")
	grant := "CREATE USER IF NOT EXISTS bench@'127.0.0.1' IDENTIFIED BY 'bench-password';\nGRANT ALL ON *.* TO bench@'127.0.0.1';\n"
	if err := os.WriteFile(init, []byte(grant), 0o600); err != nil {
		return nil, err
	}
	if db.port, err = freePort(); err != nil {
		return nil, err
	}
	daemon, err := exec.LookPath("mariadbd")
	if err != nil {
		daemon = "/usr/sbin/mariadbd"
	}
	server := command(context.WithoutCancel(ctx), daemon, append(common,
		"--bind-address=127.0.0.1", "--port="+db.port, "--socket="+filepath.Join(dir, "s"), "--pid-file="+filepath.Join(dir, "pid"),
		"--init-file="+init, "--skip-name-resolve", "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=512M",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--performance-schema=ON")...)
	if err := server.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = server.Cancel()
		_ = server.Wait()
	}
	if err := db.await(ctx); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// await returns when the server answers.
func (db *database) await(ctx context.Context) error {
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := db.query(ctx, "SELECT 1")
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// url is the server's address as a config has it.
func (db *database) url() string {
	return fmt.Sprintf("mysql://%s@%s/", db.user, net.JoinHostPort(db.host, db.port))
}

// command calls the server's own client, as a TCP client like any other.
func (db *database) command(ctx context.Context, args ...string) *exec.Cmd {
	all := append(db.client[1:len(db.client):len(db.client)], "--no-defaults", "--protocol=tcp", "-h", db.host, "-P", db.port, "-u", db.user)
	cmd := command(ctx, db.client[0], append(all, args...)...)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+db.password)
	return cmd
}

// exec runs statements on one connection.
func (db *database) exec(ctx context.Context, database string, statements ...string) error {
	cmd := db.command(ctx, "--batch")
	if database != "" {
		cmd.Args = append(cmd.Args, database)
	}
	cmd.Stdin = strings.NewReader(strings.Join(statements, ";\n") + ";\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run SQL: %w: %s", err, out)
	}
	return nil
}

// query returns the only value of a statement.
func (db *database) query(ctx context.Context, statement string) (string, error) {
	out, err := db.command(ctx, "--batch", "--skip-column-names", "-e", statement).Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", statement, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
