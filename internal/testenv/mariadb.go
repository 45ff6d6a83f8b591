package testenv

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	testUser     = "tide"
	testPassword = "tide-test-password"

	// startLimit is generous: it bounds the wait on a machine that does other things too.
	startLimit = 90 * time.Second
	// startTries is how often another port is tried when somebody else took the free one first.
	startTries = 3
)

// errNoServer says that the machine has no MariaDB.
var errNoServer = errors.New("no MariaDB server on this machine: install mariadb-server (it need not run), or name a server by TIDEMARK_TEST_MYSQL")

// PrivateMariaDB returns a MariaDB of this process's own that runs with these extra arguments, such as
// "--performance-schema=ON". Calls with the same arguments share one server; a test that changes global state uses
// [StartMariaDB] or puts it back.
func PrivateMariaDB(t testing.TB, extraArgs ...string) *Server {
	t.Helper()
	key := strings.Join(extraArgs, "\x00")
	started.Lock()
	defer started.Unlock()
	result, tried := started.mariadbs[key]
	if !tried {
		result = new(outcome[*Server])
		result.value, _, result.err = startMariaDB(extraArgs)
		if started.mariadbs == nil {
			started.mariadbs = map[string]*outcome[*Server]{}
		}
		started.mariadbs[key] = result
	}
	return result.value.orSkip(t, result.err)
}

// StartMariaDB starts a MariaDB for one test, which may do with it what it likes. It is stopped when the test ends.
func StartMariaDB(t testing.TB, extraArgs ...string) *Server {
	t.Helper()
	started.Lock()
	s, p, err := startMariaDB(extraArgs)
	started.Unlock()
	if err == nil {
		t.Cleanup(p.stop)
	}
	return s.orSkip(t, err)
}

func (s *Server) orSkip(t testing.TB, err error) *Server {
	t.Helper()
	if errors.Is(err, errNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startMariaDB needs started to be locked.
func startMariaDB(extraArgs []string) (*Server, *process, error) {
	daemon, installer, err := findMariaDB()
	if err != nil {
		return nil, nil, err
	}
	dir, err := newFolder()
	if err != nil {
		return nil, nil, err
	}
	started.folders = append(started.folders, dir)
	if err := installMariaDB(installer, dir.path); err != nil {
		return nil, nil, err
	}
	var failures []error
	for range startTries {
		s, p, err := runMariaDB(daemon, dir.path, extraArgs)
		if err == nil {
			started.processes = append(started.processes, p)
			return s, p, nil
		}
		failures = append(failures, err)
	}
	return nil, nil, errors.Join(failures...)
}

func findMariaDB() (daemon, installer string, err error) {
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/opt/homebrew/bin/mariadbd"} {
		if daemon, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return "", "", errNoServer
	}
	if installer, err = exec.LookPath("mariadb-install-db"); err != nil {
		return "", "", errNoServer
	}
	return daemon, installer, nil
}

// installMariaDB makes the data folder, and the statements that the server runs when it starts: an anonymous user
// would hide ours from connections over loopback.
func installMariaDB(installer, dir string) error {
	args := append(ownerArgs(dir), "--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := exec.Command(installer, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(installer), err, out)
	}
	statements := []string{
		"DELETE FROM mysql.global_priv WHERE User = '';",
		"FLUSH PRIVILEGES;",
		"CREATE USER IF NOT EXISTS '" + testUser + "'@'%' IDENTIFIED BY '" + testPassword + "';",
		"GRANT ALL ON *.* TO '" + testUser + "'@'%' WITH GRANT OPTION;",
	}
	return os.WriteFile(filepath.Join(dir, "init.sql"), []byte(strings.Join(statements, "\n")+"\n"), 0o600)
}

// ownerArgs are what installer and server have in common. MariaDB runs as root only where it is told to.
func ownerArgs(dir string) []string {
	args := []string{"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--innodb-log-file-size=16M"}
	if os.Getuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

func runMariaDB(daemon, dir string, extraArgs []string) (*Server, *process, error) {
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	args := append(ownerArgs(dir),
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(dir, "s"),
		"--pid-file="+filepath.Join(dir, "pid"), "--tmpdir="+dir, "--init-file="+filepath.Join(dir, "init.sql"),
		"--skip-name-resolve", "--local-infile=1", "--default-storage-engine=InnoDB",
		"--server-id=1", "--log-bin="+filepath.Join(dir, "binlog"), "--binlog-format=ROW", "--sync-binlog=0",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--innodb-fast-shutdown=2",
		"--max-allowed-packet=64M", "--secure-file-priv=")
	p, err := startProcess(exec.Command(daemon, append(args, extraArgs...)...))
	if err != nil {
		return nil, nil, err
	}
	s := &Server{Host: "127.0.0.1", Port: port, User: testUser, Password: testPassword}
	for deadline := time.Now().Add(startLimit); ; time.Sleep(20 * time.Millisecond) {
		err := s.identify()
		switch {
		case err == nil:
			return s, p, nil
		case p.ended():
			return nil, nil, fmt.Errorf("the private MariaDB ended: %s", &p.log)
		case time.Now().After(deadline):
			p.stop()
			return nil, nil, fmt.Errorf("the private MariaDB does not answer: %w: %s", err, &p.log)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
