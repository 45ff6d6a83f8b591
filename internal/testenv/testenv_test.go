package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestMySQL(t *testing.T) {
	s := MySQL(t)
	if MySQL(t) != s {
		t.Error("a second call started a second server")
	}
	db := s.DB(t, s.NewDatabase(t))
	var got struct{ zone, format, engine string }
	err := db.QueryRow("SELECT @@time_zone, @@binlog_format, @@default_storage_engine").Scan(&got.zone, &got.format, &got.engine)
	if err != nil {
		t.Fatal(err)
	}
	want := struct{ zone, format, engine string }{"+00:00", "ROW", "InnoDB"}
	if got != want {
		t.Errorf("session has %+v, want %+v", got, want)
	}
}

func TestPrivateMariaDBOptions(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "0"},
		{[]string{"--performance-schema=ON"}, "1"},
	} {
		s := PrivateMariaDB(t, c.args...)
		var got string
		if err := s.DB(t, "").QueryRow("SELECT @@performance_schema").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("with %q: performance_schema is %s, want %s", c.args, got, c.want)
		}
	}
}

func TestStartMariaDBFails(t *testing.T) {
	started.Lock()
	_, _, err := startMariaDB([]string{"--no-such-option"})
	started.Unlock()
	if err == nil {
		t.Fatal("a server started with an unknown option")
	}
	t.Log(err)
}

func TestLoadOrders(t *testing.T) {
	s, path := MySQL(t), Dataset(t)
	name := s.NewDatabase(t)
	s.Exec(t, "CREATE TABLE "+name+".orders (order_id INT, order_date DATETIME, customer_id INT, status VARCHAR(25))")
	s.LoadOrders(t, name, "orders", path)
	var got [3]string
	err := s.DB(t, name).QueryRow("SELECT COUNT(*), SUM(order_id), COUNT(DISTINCT order_date) FROM orders").Scan(&got[0], &got[1], &got[2])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([3]string{"68883", "2372468286", "364"}, got); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
}

// TestKilledProcess kills a test process that has started a server: the server is gone, and the next process
// removes the folder.
func TestKilledProcess(t *testing.T) {
	if os.Getenv("TIDEMARK_TESTENV_VICTIM") != "" {
		s := StartMariaDB(t)
		folder := started.folders[len(started.folders)-1].path
		if err := os.WriteFile(os.Getenv("TIDEMARK_TESTENV_VICTIM"), []byte(s.Addr()+"\n"+folder), 0o600); err != nil {
			t.Fatal(err)
		}
		select {} // until it is killed
	}
	PrivateMariaDB(t) // skips without a server
	note := filepath.Join(t.TempDir(), "note")
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
	victim.Env = append(os.Environ(), "TIDEMARK_TESTENV_VICTIM="+note)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	address, folder := readNote(t, note)
	_ = victim.Process.Kill()
	_ = victim.Wait()

	waitFor(t, "the server of the killed process to end", func() bool { return !listens(address) })
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "lock"), old, old); err != nil {
		t.Fatal(err)
	}
	sweepFolders()
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("folder of the killed process: %v, want that it does not exist", err)
	}
	if _, err := os.Stat(started.folders[0].path); err != nil {
		t.Errorf("our own folder: %v", err)
	}
}
