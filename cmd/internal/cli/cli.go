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
	"sync/atomic"
	"syscall"
	"time"

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

// Main runs a command on the process's arguments and streams, and returns the exit status. SIGINT
// and SIGTERM end the context; a second signal ends the process. So does the first one after a
// grace period, unless the command [Finishes]. Errors that wrap one of invalid are errors of usage
// too.
func Main(newCommand func() *cobra.Command, invalid ...error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	ctx = context.WithValue(ctx, finishes{}, new(atomic.Bool))
	cmd := newCommand()
	done := make(chan int, 1)
	go func() { done <- Run(ctx, cmd, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, invalid...) }()
	return wait(ctx, cmd.Name(), done, grace, os.Stderr)
}

// grace is how long a command may take to end after an interrupt. What draws, scores or trains
// checks its context at each step and needs less. What does not check it, such as the opening of a
// pipe that nobody writes to, is cut short. Outputs are files that are there whole or not at all,
// so none is half written then; temporary files are removed by the next writer of the same output.
const grace = 2 * time.Second

// finishes is the key of a context's *atomic.Bool, which Finishes sets.
type finishes struct{}

// Finishes says that from here on a command has work to finish after an interrupt, such as writing
// a checkpoint, and that it may take the time that this needs.
func Finishes(ctx context.Context) {
	if f, ok := ctx.Value(finishes{}).(*atomic.Bool); ok {
		f.Store(true)
	}
}

// wait returns the status with which a command of that name ends. Where the command is cut short it
// says so.
func wait(ctx context.Context, name string, done <-chan int, grace time.Duration, stderr io.Writer) int {
	select {
	case status := <-done:
		return status
	case <-ctx.Done():
	}
	select {
	case status := <-done:
		return status
	case <-time.After(grace):
	}
	if f, ok := ctx.Value(finishes{}).(*atomic.Bool); ok && f.Load() {
		fmt.Fprintf(stderr, "%s: interrupted, finishing; once more ends it at once\n", name)
		return <-done
	}
	fmt.Fprintf(stderr, "%s: interrupted; it did not stop within %v and was cut short\n", name, grace)
	return interrupted
}

// Run is Main with everything given.
func Run(ctx context.Context, cmd *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer, invalid ...error) int {
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	asUsage(cmd)
	err := cmd.ExecuteContext(context.WithValue(ctx, inputsKey{}, &inputs{}))
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
	// An error that begins with the command's name says it once.
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
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() { // an error that wraps several, and joins none
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		list = append(list, parts(e)...)
	}
	return list
}

// text is the errors' texts in one line, if each has one line.
func text(list []error) string {
	var s []string
	for _, err := range list {
		s = append(s, Reason(err))
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

// Log returns a function that writes lines of text for people to a command's standard error.
func Log(cmd *cobra.Command) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintln(cmd.ErrOrStderr(), Name(fmt.Sprintf(format, args...)))
	}
}

// Output writes the file at path whole or not at all; "-" is standard output. It does not replace a
// file that the command has read, before or while it writes; see [Apart] and [Reads].
func Output(cmd *cobra.Command, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(cmd.OutOrStdout())
	}
	out := File{path, path}
	if err := spare(cmd, out); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if err := write(w); err != nil {
			return err
		}
		return spare(cmd, out)
	})
}

// Versions makes --version print the build, and what lib says of the library in use.
func Versions(cmd *cobra.Command, lib func() string) {
	cmd.Version = Version()
	cmd.InitDefaultHelpFlag() // which comes first
	cmd.InitDefaultVersionFlag()
	flag := cmd.Flags().Lookup("version")
	flag.Value = &version{flag.Value, cmd, lib}
}

// version is the value of --version, which asks for the library when it is set.
type version struct {
	pflag.Value
	cmd *cobra.Command
	lib func() string
}

func (v *version) Set(text string) error {
	err := v.Value.Set(text)
	if v.Value.String() == "true" {
		v.cmd.Version += "\n" + v.lib()
	}
	return err
}

// Library names the ONNX Runtime that is found from lib, or says why there is none.
func Library(lib string) string {
	env, err := ort.Open(ort.Config{Lib: lib})
	if err != nil {
		return Printable(err.Error())
	}
	defer env.Close()
	return fmt.Sprintf("ONNX Runtime %s, %s", env.Version(), env.Lib())
}

// Version is the module's version and the revision that it was built from.
func Version() string {
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
