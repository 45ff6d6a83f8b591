package testenv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a server may take to end before it is killed. Its data is thrown away in any case.
const stopGrace = 5 * time.Second

// A process is a server of ours.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  tail
}

// startProcess starts a server that the kernel kills when this process dies, however it dies.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	dieWithParent(cmd)
	cmd.Stderr = &p.log
	begun := make(chan error)
	go func() {
		// The kernel's signal comes when the *thread* that started the server ends, so it is kept for as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		begun <- err
		if err == nil {
			_, _ = p.cmd.Process.Wait()
			close(p.done)
		}
	}()
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process and waits until it is gone.
func (p *process) stop() {
	if p.ended() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// tail keeps the end of what a server writes, for the message when it does not start.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const tailSize = 4 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data = append(l.data, p...)
	if extra := len(l.data) - tailSize; extra > 0 {
		l.data = append(l.data[:0], l.data[extra:]...)
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.TrimSpace(l.data))
}

// A folder is a temporary folder that outlives a test. Its lock file says that its process is alive, so that a later
// process can remove what a killed one left.
type folder struct {
	path string
	lock *os.File
}

const folderPattern = "tidemark-testenv-"

func newFolder() (*folder, error) {
	sweepFolders()
	path, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return nil, err
	}
	lock, err := os.Create(filepath.Join(path, "lock"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) remove() {
	_ = os.RemoveAll(f.path)
	_ = f.lock.Close()
}

// sweepFolders removes the folders of processes that are gone. One that is so young that its lock may not have
// been taken yet is left alone.
func sweepFolders() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPattern+"*", "lock"))
	for _, path := range locks {
		lock, err := os.Open(path)
		if err != nil {
			continue
		}
		info, err := lock.Stat()
		old := err == nil && time.Since(info.ModTime()) > time.Minute
		if old && syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = lock.Close()
	}
}
