package tidemark

import "errors"

// The kinds of error. The package that talks to the outside decides the kind and wraps it with %w; everybody
// else asks with errors.Is and never reads messages.
var (
	// ErrInvalid is a mistake in a config, a table or an argument: the same call fails again until a person
	// changes something.
	ErrInvalid = errors.New("invalid")

	// ErrNotFound is a connection, table, column, object or bucket that is not there.
	ErrNotFound = errors.New("not found")

	// ErrDenied is a refused login or a missing privilege.
	ErrDenied = errors.New("denied")

	// ErrConflict is a lost race: another process moved the watermark. Nothing of ours is visible.
	ErrConflict = errors.New("conflict")

	// ErrTransient is a fault that may be gone at the next attempt: a lost connection, a lock wait, a 503.
	ErrTransient = errors.New("transient")

	// ErrRestart says that this attempt cannot be continued but a new one may succeed at once: the table's
	// definition changed while it was read, or a stream without a key was cut.
	ErrRestart = errors.New("attempt must begin again")

	// ErrChecks says that rows were read that do not pass the pipeline's checks. Nothing of them is visible.
	ErrChecks = errors.New("checks failed")

	// ErrFatal says that the state after a commit step is not known. Only Target.Recover, first thing in the
	// next run, can tell; this process must not go on with the pipeline.
	ErrFatal = errors.New("state unknown")
)

// WithHint adds to err what the person at the keyboard can do about it. The message of err stays the same.
// A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hinted{err: err, hint: hint}
}

// Hint returns the outermost hint in err's chain, or "".
func Hint(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}

type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }
