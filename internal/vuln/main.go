// Command vuln has govulncheck look for known vulnerabilities in what the project's
// packages call. It is run from the root of the repository:
//
//	go run ./internal/vuln
//
// It fails where one is found, and where govulncheck cannot do its work. Where the
// vulnerability database cannot be reached, nothing is known, which is no failure: one
// loud line says so.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

// found is govulncheck's exit status where it has found a vulnerability.
const found = 3

// fetching begins govulncheck's message where it cannot read the database.
const fetching = "fetching vulnerabilities: "

// What may come of a check.
var (
	errFound       = errors.New("vulnerabilities found: update what is named above")
	errUnreachable = errors.New("the vulnerability database cannot be reached")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	db := flag.String("db", "", "the database's `URL`, where it is not Go's own")
	limit := flag.Duration("timeout", 5*time.Minute, "how long to wait at most")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	var args []string
	if *db != "" {
		args = append(args, "-db", *db)
	}
	err := check(ctx, *limit, append(args, patterns...), os.Stdout)
	switch {
	case errors.Is(err, errUnreachable):
		fmt.Println("vuln: NOT CHECKED:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

// check runs govulncheck. Its error wraps errFound or errUnreachable, or says why
// govulncheck could do nothing.
func check(ctx context.Context, limit time.Duration, args []string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "govulncheck"}, args...)...)
	cmd.WaitDelay = time.Second // "go tool" leaves a child behind where it is killed
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer within %v", errUnreachable, limit)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == found {
		return errFound
	}
	message := firstOf(said.String())
	if _, reason, ok := strings.Cut(message, fetching); ok {
		return fmt.Errorf("%w: %s", errUnreachable, reason)
	}
	return fmt.Errorf("govulncheck: %w: %s", err, message)
}

// firstOf is the first line that govulncheck wrote. More is a stack; what go itself says
// before it of modules that it downloads is not govulncheck's.
func firstOf(said string) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "go: downloading ") {
			return line
		}
	}
	return ""
}
