package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// onTerminal runs a command with a pseudo-terminal of 80×24 for its three streams. What
// it writes there goes to the file "terminal". Where it asks for the device's
// attributes, it gets the answer.
func onTerminal(ts *testscript.TestScript, neg bool, args []string) {
	answer := ""
	if args[0] == "-answer" {
		text, err := strconv.Unquote(`"` + args[1] + `"`)
		ts.Check(err)
		answer, args = text, args[2:]
	}
	ours, theirs, err := openPTY()
	ts.Check(err)
	defer ours.Close()
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "PATH", "TERM", "NO_COLOR", "COLORTERM"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	theirs.Close()
	var all bytes.Buffer
	b := make([]byte, 4096)
	for {
		n, err := ours.Read(b)
		all.Write(b[:n])
		if answer != "" && bytes.Contains(all.Bytes(), []byte("\x1b[c")) {
			_, err := ours.WriteString(answer)
			ts.Check(err)
			answer = ""
		}
		if err != nil { // EIO once the other side is closed
			break
		}
	}
	err = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("terminal"), bytes.ReplaceAll(all.Bytes(), []byte("\r\n"), []byte("\n")), 0o600))
	if (err != nil) != neg {
		ts.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, all.String())
	}
}

// openPTY makes a pseudo-terminal: https://man7.org/linux/man-pages/man4/pts.4.html
func openPTY() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(ours.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		return nil, nil, err
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	return ours, theirs, err
}
