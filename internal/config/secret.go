package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// Lookup finds a variable of the environment, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// A Secret is a reference to a password or key that is kept elsewhere: ${env:NAME}, ${file:/path} or
// ${aws-sm:name#key}. The value itself is never part of it, and so never of a config that is printed or logged.
// The zero Secret refers to nothing.
type Secret struct {
	store string // env, file or aws-sm; "" for the zero Secret
	name  string // of the variable, the file or the secret
	key   string // of a JSON secret in aws-sm; ""

	access *secretAccess // set once the document is read; nil means the process's own environment and folder
}

// secretAccess is what references are resolved with.
type secretAccess struct {
	env    Lookup
	folder string // relative files begin here
	aws    secretsSpec
}

var (
	reference    = regexp.MustCompile(`^\$\{([a-z0-9-]+):([^#{}]+)(?:#([^{}]+))?\}$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

const howToRefer = "write ${env:NAME}, ${file:/path} or ${aws-sm:name#key} and keep the value there"

// UnmarshalText reads a reference. Its errors never repeat the text, which may be the secret itself.
func (s *Secret) UnmarshalText(text []byte) error {
	parts := reference.FindStringSubmatch(strings.TrimSpace(string(text)))
	if parts == nil {
		return tidemark.WithHint(errors.New("a secret cannot be written here, only a reference to it"), howToRefer)
	}
	read := Secret{store: parts[1], name: parts[2], key: parts[3]}
	switch {
	case read.store == "env" && (read.key != "" || !variableName.MatchString(read.name)):
		return tidemark.WithHint(errors.New("not the name of an environment variable"), "write ${env:NAME}")
	case read.store == "file" && read.key != "":
		read.name, read.key = read.name+"#"+read.key, "" // a file may be called so
	case read.store != "env" && read.store != "file" && read.store != "aws-sm":
		return tidemark.WithHint(errors.New("unknown kind of reference"), howToRefer)
	}
	*s = read
	return nil
}

// IsZero reports whether the Secret refers to nothing.
func (s Secret) IsZero() bool { return s.store == "" }

// String hides the secret, and where it is.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "(secret)"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders, JSON among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Resolve looks the secret up, anew at each call, so that a rotated password is found. A variable, file or secret
// that is not there is ErrNotFound with a hint. The zero Secret is "".
func (s Secret) Resolve(ctx context.Context) (string, error) {
	switch s.store {
	case "":
		return "", nil
	case "env":
		return s.fromEnv()
	case "file":
		return s.fromFile()
	default:
		return s.fromAWS(ctx)
	}
}

func (s Secret) with() secretAccess {
	if s.access == nil {
		return secretAccess{env: os.LookupEnv}
	}
	return *s.access
}

func (s Secret) fromEnv() (string, error) {
	value, found := s.with().env(s.name)
	if !found || value == "" {
		return "", tidemark.WithHint(
			fmt.Errorf("secret ${env:%s}: the variable is not set: %w", s.name, tidemark.ErrNotFound),
			fmt.Sprintf("export %s=… before the command, or refer to another place", s.name))
	}
	return value, nil
}

// maxSecret bounds what is read of a file: who names the wrong one gets an error and not a full memory.
const maxSecret = 64 << 10

func (s Secret) fromFile() (string, error) {
	path := s.name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.with().folder, path)
	}
	value, err := readFile(path)
	if err != nil {
		kind, hint := tidemark.ErrNotFound, "put the secret into that file, for the user that runs tidemark to read"
		if errors.Is(err, os.ErrPermission) {
			kind, hint = tidemark.ErrDenied, "let the user that runs tidemark read the file"
		}
		return "", tidemark.WithHint(fmt.Errorf("secret ${file:%s}: %w: %w", s.name, kind, err), hint)
	}
	return value, nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxSecret {
		return "", errors.New("the file is too large for a secret")
	}
	// Editors and echo end a file with a newline that is not part of the secret.
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", errors.New("the file is empty")
	}
	return value, nil
}
