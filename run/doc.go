// Package run wires what a config says to a source, a target and the engine, and runs pipelines. It is what the
// command line stands on, and what a Go program uses in its place.
//
//	r, err := run.Load("tidemark.yaml", run.Options{})
//	if err != nil { … }
//	defer r.Close()
//	outcomes, err := r.Run(ctx, nil) // all pipelines
//	if err != nil { … }
//	for _, o := range outcomes {
//		fmt.Println(o.Result.Pipeline, o.Result.New, o.Err)
//	}
//
// A config is a file for [Load], text for [Parse], or built in Go for [Open]. A step "go: NAME" of a pipeline is a [Func] in
// Options.Steps. Nothing is opened before it is needed: loading a config reaches no network.
//
// The kind of an error is asked for by errors.Is: tidemark.ErrInvalid for mistakes in the config, tidemark.ErrChecks for rows that
// do not pass the checks, tidemark.ErrConflict for a commit of another process, and so on; tidemark.Hint says what to do.
package run
