package main

import (
	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
)

// newFetch gets the data set.
func newFetch() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "fetch-data",
		Short: "Get Fashion-MNIST, 31 MB, unless it is there already",
		Long: `Get Fashion-MNIST, 31 MB, unless it is there already: from Debian's package where
apt-get is at hand, without installing it, else from upstream. Each file's
SHA-256 is checked. The files go into the user's cache folder, or into --dir.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := cli.Log(cmd)
			dir, err := dataset.Fetch(cmd.Context(), dataset.FetchOptions{Dir: dir, Logf: log})
			if err == nil {
				log("Fashion-MNIST is in %s", dir)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`FOLDER` for the files")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}
