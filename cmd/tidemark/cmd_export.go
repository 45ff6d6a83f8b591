package main

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"os"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type exportOptions struct {
	asGo   bool
	name   string // of the Go package
	output string
}

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --go PIPELINE",
		Short: "Print a Go program that runs a pipeline",
		Long: help(`
Prints the Go program that runs one pipeline of the config, exactly as tidemark run does: it goes on from the same
watermark, so that either may run after the other. The settings are Go values, for you to edit, and there is a place for
steps that are Go funcs. Secrets stay the references that they are in the config. docs/go.md tells more.

The table of a group is named as its pipeline is, shop.items; then the server is asked which tables there are, and
otherwise nothing is connected.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark export --go orders -o orders/main.go\n  tidemark export --go shop.items --package items",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), a, args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.asGo, "go", false, "print Go, the only language that there is")
	cmd.Flags().StringVar(&o.name, "package", "main", "the `NAME` of the program's package; another than main gets a func Run in place of main")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "write to this `FILE`, which must not be there, and not to the terminal")
	return cmd
}

func runExport(ctx context.Context, a *app, name string, o exportOptions) error {
	if !o.asGo {
		return usage(tidemark.WithHint(errors.New("export what?"), "add --go for a Go program"))
	}
	if !token.IsIdentifier(o.name) {
		return usage(fmt.Errorf("%q is no name for a Go package", o.name))
	}
	r, err := a.open([]string{name}, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	cfg, err := r.Config(ctx, name)
	if errors.Is(err, tidemark.ErrInvalid) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	program, err := goProgram(o.name, name, a.config, cfg)
	if err != nil {
		return err
	}
	if o.output != "" {
		if err := writeNew(o.output, program); err != nil {
			return err
		}
	}
	switch {
	case a.json:
		return a.printJSON(struct {
			Pipeline string `json:"pipeline"`
			File     string `json:"file,omitempty"`
			Program  string `json:"program"`
		}{name, o.output, string(program)})
	case o.output != "":
		_, err = fmt.Fprintf(a.out, "wrote %s, a Go program that runs the pipeline %s; its first lines say how to start it\n", o.output, name)
	default:
		_, err = a.out.Write(program)
	}
	return err
}

// writeNew writes a file that is not there yet: an edited program is never lost.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usage(tidemark.WithHint(fmt.Errorf("%s is there already", path), "name another file, or remove it"))
	}
	if err != nil {
		return fmt.Errorf("write the program: %w", err)
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
