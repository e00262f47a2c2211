package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const debianPackage = "dataset-fashion-mnist"

// fromDebian takes the files out of Debian's package, in a temporary folder. Where the
// system's package lists are missing or old, it makes its own there, which needs no
// root either and leaves the system's as they are.
func (f *fetcher) fromDebian(ctx context.Context) error {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("no %s for package %s", tool, debianPackage)
		}
	}
	tmp, err := os.MkdirTemp("", "pixelcnn-"+debianPackage+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	f.logf("Fashion-MNIST: fetching Debian's package %s (31 MB) by apt-get download", debianPackage)
	apt := []string{
		"-o", "APT::Sandbox::User=root", // has no access to tmp otherwise, if this is root
		"-o", "Acquire::Retries=1",
		"-o", "Acquire::http::Timeout=30",
	}
	err = runIn(ctx, tmp, "apt-get", append(apt, "download", debianPackage)...)
	if err != nil && ctx.Err() == nil {
		f.logf("Fashion-MNIST: %v; trying with fresh package lists: apt-get update, in %s", err, tmp)
		for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
			if err := os.MkdirAll(filepath.Join(tmp, dir), 0o755); err != nil {
				return err
			}
		}
		apt = append(apt, "-o", "Dir::State::Lists="+filepath.Join(tmp, "lists"), "-o", "Dir::Cache="+filepath.Join(tmp, "cache"))
		if err = runIn(ctx, tmp, "apt-get", append(apt, "update")...); err == nil {
			err = runIn(ctx, tmp, "apt-get", append(apt, "download", debianPackage)...)
		}
	}
	if err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("apt-get download left %d packages, want one", len(debs))
	}
	content := filepath.Join(tmp, "content")
	if err := runIn(ctx, tmp, "dpkg-deb", "-x", debs[0], content); err != nil {
		return err
	}
	for i, name := range idxNames {
		path := filepath.Join(content, systemDir, name+".gz")
		err := f.store(i, func(w io.Writer) error {
			r, err := os.Open(path)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(w, r)
			return err
		})
		if err != nil {
			return fmt.Errorf("package %s: %w", debianPackage, err)
		}
	}
	return nil
}

// runIn runs a command in dir. Its error holds the last thing that the command said.
func runIn(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.WaitDelay = 5 * time.Second // for children of a killed command that hold its output
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; errors.As(err, &exit) && last != "" {
		return fmt.Errorf("%s: %s", name, last)
	}
	return fmt.Errorf("%s: %w", name, err)
}
