// Package cli is what the commands share: exit status, interrupts, output files.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/internal/atomicfile"
	ort "pixelcnn/runtime"
)

// Exit statuses.
const (
	ok          = 0
	failed      = 1
	usage       = 2
	interrupted = 130
)

// UsageError is an error in how the command was called: it exits with status 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a [UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// Main runs a command on the process's arguments and streams, and returns the exit
// status. SIGINT and SIGTERM end the context; a second one ends the process.
// Errors that wrap one of invalid are errors of usage too.
func Main(newCommand func() *cobra.Command, invalid ...error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	return Run(ctx, newCommand(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, invalid...)
}

// Run is Main with everything given.
func Run(ctx context.Context, cmd *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer, invalid ...error) int {
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.Version = version()
	asUsage(cmd)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return ok
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		others := slices.DeleteFunc(parts(err), func(e error) bool { return errors.Is(e, context.Canceled) })
		if len(others) > 0 {
			fmt.Fprintf(stderr, "%s: interrupted; %s\n", cmd.Name(), indented(text(others)))
			return failed
		}
		fmt.Fprintf(stderr, "%s: interrupted\n", cmd.Name())
		return interrupted
	}
	// The sampler's library has the command's name, which once is enough.
	fmt.Fprintf(stderr, "%s: %s\n", cmd.Name(), strings.TrimPrefix(indented(text(parts(err))), cmd.Name()+": "))
	if isUsage(err, invalid) {
		fmt.Fprintf(stderr, "Try '%s --help'.\n", cmd.Name())
		return usage
	}
	return failed
}

// parts lists the errors that [errors.Join] has put together, or err alone.
func parts(err error) (list []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() { // one that wraps several
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		list = append(list, parts(e)...)
	}
	return list
}

// text is what errors say, in one line where each does that.
func text(list []error) string {
	var s []string
	for _, err := range list {
		s = append(s, err.Error())
	}
	return strings.TrimRight(strings.Join(s, "; "), "\n")
}

func isUsage(err error, invalid []error) bool {
	var u *UsageError
	return errors.As(err, &u) || slices.ContainsFunc(invalid, func(target error) bool { return errors.Is(err, target) })
}

// asUsage marks cobra's own complaints, of cmd and what is below it.
func asUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &UsageError{err} })
	if cmd.Args == nil {
		cmd.Args = cobra.NoArgs
	}
	check := cmd.Args
	cmd.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &UsageError{err}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		asUsage(sub)
	}
}

// Alias makes --alias another name of --name.
func Alias(flags *pflag.FlagSet, alias, name string) {
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, given string) pflag.NormalizedName {
		if given == alias {
			given = name
		}
		return pflag.NormalizedName(given)
	})
}

// Output writes the file at path whole or not at all; "-" is standard output.
func Output(cmd *cobra.Command, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(cmd.OutOrStdout())
	}
	return atomicfile.Write(path, write)
}

// Versions makes --version print the build, and what lib says of the library in use.
func Versions(cmd *cobra.Command, lib func() string) {
	cobra.AddTemplateFunc("library", lib)
	cmd.SetVersionTemplate("{{.Name}} version {{.Version}}\n{{library}}\n")
}

// Library names the ONNX Runtime that lib leads to, or says why there is none.
func Library(lib string) string {
	env, err := ort.Open(ort.Config{Lib: lib})
	if err != nil {
		return Printable(err.Error())
	}
	defer env.Close()
	return fmt.Sprintf("ONNX Runtime %s, %s", env.Version(), env.Lib())
}

// version is the module's version and the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v + " " + info.GoVersion
}
// Log returns a function that writes lines of text for people to a command's standard error.
func Log(cmd *cobra.Command) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintln(cmd.ErrOrStderr(), Name(fmt.Sprintf(format, args...)))
	}
}

