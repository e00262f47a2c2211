package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/internal/shard"
)

// Part is the value of --shard.
type Part struct{ shard.Part }

// indexes are the variables in which schedulers tell a task its index: Slurm, Kubernetes.
var indexes = []string{"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"}

func (p *Part) Set(text string) error {
	at, of, ok := strings.Cut(text, "/")
	if at == "auto" {
		if !ok || of == "" {
			return fmt.Errorf("must be auto/N with N the number of shards, which only you know: a task that is run again sees another SLURM_ARRAY_TASK_COUNT")
		}
		var err error
		if at, err = ownIndex(); err != nil {
			return err
		}
	}
	var next shard.Part
	var err1, err2 error
	next.At, err1 = strconv.Atoi(at)
	next.Of, err2 = strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || next.At < 0 || next.At >= next.Of || next.Of > shard.MaxParts {
		if strings.HasPrefix(text, "auto/") && err2 == nil {
			return fmt.Errorf("this task's index is %s, must be from 0 to N-1, as of --array=0-%d", at, next.Of-1)
		}
		return fmt.Errorf("must be I/N with I from 0 to N-1, as 0/8, or auto/N")
	}
	p.Part = next
	return nil
}

// ownIndex is the index that a scheduler gave this process.
func ownIndex() (string, error) {
	var found, by string
	for _, name := range indexes {
		value := os.Getenv(name)
		if value != "" && found != "" && value != found {
			return "", fmt.Errorf("%s is %s and %s is %s: name the shard, as 0/8", by, found, name, value)
		}
		if value != "" {
			found, by = value, name
		}
	}
	if found == "" {
		return "", fmt.Errorf("neither %s is set; name the shard, as 0/8", strings.Join(indexes, " nor "))
	}
	return found, nil
}

func (p *Part) String() string {
	if p.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.At, p.Of)
}

func (p *Part) Type() string { return "I/N" }

// Shards are the flags that say which part of the images is made, and how a shard's pair of files
// is written.
type Shards struct {
	Shard     Part
	Overwrite bool
	SaveEvery int
}

// Add adds the flags; do says what is done with the images.
func (s *Shards) Add(flags *pflag.FlagSet, do string) {
	flags.Var(&s.Shard, "shard", do+" the I-th of N parts of the images only, I from 0; auto/N: I is SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX. With -o DIR/ the result is two files, as DIR/shard-00000-of-00008.npy and .json, there whole or not at all, and what is there already is skipped: see sampler gather")
	flags.BoolVar(&s.Overwrite, "overwrite", false, "with --shard and -o DIR/: replace a shard that is there and was made of something else")
	flags.IntVar(&s.SaveEvery, "save-every", 1024, "with --shard and -o DIR/: keep the progress every so many `IMAGES`; a task that is ended and run again goes on from there")
}

// Check validates the flags. output is where the result goes.
func (s *Shards) Check(cmd *cobra.Command, output string) error {
	switch {
	case isFolder(output) && s.Shard.Of == 0 && endsAsFolder(output):
		return Usagef("--output %s is a folder: with --shard I/N a shard's files go into one, else name a file", output)
	case s.SaveEvery < 1:
		return Usagef("--save-every is %d, must be at least 1", s.SaveEvery)
	case s.Pair(output):
		return nil
	}
	for _, name := range []string{"overwrite", "save-every"} {
		if cmd.Flags().Changed(name) {
			return Usagef("--%s is for --shard with a folder, as -o out/", name)
		}
	}
	return nil
}

// Pair tells whether the output is a shard's pair of files.
func (s *Shards) Pair(output string) bool { return s.Shard.Of > 0 && isFolder(output) }

// Files are the files of a shard in a folder.
func (s *Shards) Files(dir string) []File {
	path := filepath.Join(dir, s.Shard.Name())
	return []File{{Flag: "--output", Path: path + ".npy"}, {Flag: "--output", Path: path + ".json"}, {Flag: "--labels", Path: path + ".labels.npy"}}
}

// Divides checks that each part gets at least one of so many images.
func (s *Shards) Divides(images int) error {
	if s.Shard.Of > images {
		return Usagef("--shard %s of %d images: there are fewer images than parts", &s.Shard, images)
	}
	return nil
}

// Job returns a job that makes a shard in a folder; the caller sets what it makes. The fields of
// the parameters, which are structs, tell the shard apart from other work.
func (s *Shards) Job(dir string, m shard.Manifest, parameters ...any) (*shard.Job, error) {
	m.Format, m.Shard, m.Shards, m.Version = shard.Format, s.Shard.At, s.Shard.Of, Version()
	m.First, m.Count = s.Shard.Range(m.Images)
	var err error
	if m.Parameters, err = byName(parameters...); err != nil {
		return nil, err
	}
	return &shard.Job{Dir: dir, Manifest: m, Every: s.SaveEvery, Overwrite: s.Overwrite}, nil
}

// byName lists the fields of structs by their names, spelt as in other JSON. So a field that is
// added to one of the structs is in manifests, too.
func byName(structs ...any) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, s := range structs {
		b, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(b, &fields); err != nil {
			return nil, err
		}
		for name, value := range fields {
			name = strings.ToLower(capital.ReplaceAllString(name, "${1}_${2}"))
			if all[name] != nil {
				return nil, fmt.Errorf("two parameters %s", name)
			}
			all[name] = value
		}
	}
	for _, how := range []string{"engine", "raster", "batch", "threads"} {
		delete(all, how)
	}
	return all, nil
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// isFolder tells whether an output is a folder, which need not exist.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return endsAsFolder(path) || err == nil && info.IsDir()
}

func endsAsFolder(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator))
}

// Sum is the SHA-256 of files, one after the other.
func Sum(files ...string) (string, error) {
	h := sha256.New()
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
