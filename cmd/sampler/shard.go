package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/shard"
)

// part is the value of --shard.
type part struct{ shard.Part }

// indexes are the variables in which schedulers tell a task its index: Slurm, Kubernetes.
var indexes = []string{"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"}

func (p *part) Set(text string) error {
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

func (p *part) String() string {
	if p.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.At, p.Of)
}

func (p *part) Type() string { return "I/N" }

// shardFlags say which part of the images is made, and how a shard's pair of files is.
type shardFlags struct {
	shard     part
	overwrite bool
	saveEvery int
}

func (s *shardFlags) addShard(flags *pflag.FlagSet, do string) {
	flags.Var(&s.shard, "shard", do+" the I-th of N parts of the images only, I from 0; auto/N: I is SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX. With -o DIR/ the result is DIR/shard-I-of-N.npy and .json, there whole or not at all, and what is there already is skipped: see sampler gather")
	flags.BoolVar(&s.overwrite, "overwrite", false, "with --shard and -o DIR/: replace a shard that is there and was made of something else")
	flags.IntVar(&s.saveEvery, "save-every", 1024, "with --shard and -o DIR/: keep the progress every so many `IMAGES`; a task that is ended and run again goes on from there")
}

// check validates the flags. output is where the result goes.
func (s *shardFlags) check(cmd *cobra.Command, output string) error {
	switch {
	case isFolder(output) && s.shard.Of == 0 && endsAsFolder(output):
		return cli.Usagef("--output %s is a folder: with --shard I/N a shard's files go into one, else name a file", output)
	case s.saveEvery < 1:
		return cli.Usagef("--save-every is %d, must be at least 1", s.saveEvery)
	case s.pair(output):
		return nil
	}
	for _, name := range []string{"overwrite", "save-every"} {
		if cmd.Flags().Changed(name) {
			return cli.Usagef("--%s is for --shard with a folder, as -o out/", name)
		}
	}
	return nil
}

// pair tells whether the output is a shard's pair of files.
func (s *shardFlags) pair(output string) bool { return s.shard.Of > 0 && isFolder(output) }

// files are those of a shard in a folder.
func (s *shardFlags) files(dir string) []cli.File {
	path := filepath.Join(dir, s.shard.Name())
	return []cli.File{{Flag: "--output", Path: path + ".npy"}, {Flag: "--output", Path: path + ".json"}, {Flag: "--labels", Path: path + ".labels.npy"}}
}

// isFolder tells whether an output is a folder, there or not.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return endsAsFolder(path) || err == nil && info.IsDir()
}

func endsAsFolder(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator))
}
