// Package testenv finds or starts the real servers that tests use: MariaDB, MySQL by a URL in the environment, and an
// S3 server. Nothing here is a mock. Servers are private: started on free loopback ports over temporary folders, once
// per test process, and stopped by [Main], or by the kernel when the test process is killed. A server that runs already
// is never touched, save the one that the environment names.
//
// Every package with such tests has
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
//
// A test whose server cannot be had is skipped with a word on what is missing.
package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const module = "github.com/tidemark-data/tidemark"

// started is everything that this test process has started. The testing package has no other place for what
// all tests of a process share.
var started struct {
	sync.Mutex
	processes []*process
	folders   []*folder
	mariadbs  map[string]*outcome[*Server] // by their extra arguments
	external  *outcome[*Server]
	embedded  *outcome[*Server]
	s3        *outcome[*s3Process]
}

// outcome is the result of something that is tried once: whoever comes later gets the same server or the same error.
type outcome[T any] struct {
	value T
	err   error
}

// Main runs the tests of a package and stops the servers that they started. It returns the exit code.
func Main(m *testing.M) int {
	defer stopAll()
	return m.Run()
}

func stopAll() {
	started.Lock()
	defer started.Unlock()
	for _, p := range started.processes {
		p.stop()
	}
	for _, f := range started.folders {
		f.remove()
	}
	started.processes, started.folders = nil, nil
}

// moduleRoot returns the folder of the checkout that the test runs in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module "+module+"\n") {
			return dir, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod of %s above the working directory", module)
		}
		dir = parent
	}
}

// Dataset returns the path of the orders table of the shared data set: 68,883 lines of order_id, order_date,
// order_customer_id, order_status. It lies beside the checkout, or where TIDEMARK_TEST_DATA (a folder) says. The test
// is skipped when it is not there.
func Dataset(t testing.TB) string {
	t.Helper()
	path := dataset(t)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the shared data set is not there: %v (TIDEMARK_TEST_DATA names its folder)", err)
	}
	return path
}

func dataset(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("TIDEMARK_TEST_DATA")
	if folder == "" {
		root, err := moduleRoot()
		if err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(root, "..", "shared", "data")
	}
	return filepath.Join(folder, "retail_db", "orders.csv")
}

// Orders is Dataset where it is there, and else a made-up file of the same shape: as many lines, with the same columns,
// ties and range of dates.
func Orders(t testing.TB) string {
	t.Helper()
	path := dataset(t)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	states := []string{"COMPLETE", "PENDING_PAYMENT", "PROCESSING", "PENDING", "CLOSED", "ON_HOLD", "SUSPECTED_FRAUD", "CANCELED", "PAYMENT_REVIEW"}
	const rows, days = 68_883, 364
	var b bytes.Buffer
	first := time.Date(2013, 7, 25, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s,%d,%s\n", i+1, first.AddDate(0, 0, i*days/rows).Format("2006-01-02 15:04:05.0"), 1+i*7919%12_435, states[i*i%len(states)])
	}
	path = filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
