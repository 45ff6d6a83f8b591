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
// Nothing is opened before it is needed: loading a config reaches no network.
package run
