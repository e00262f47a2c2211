package main

import (
	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/runtime"
)

// newInstall gets libonnxruntime.
func newInstall() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "install-runtime",
		Short: "Put ONNX Runtime's library into the user's cache folder",
		Long: `Put ONNX Runtime's shared library into the user's cache folder, where sampler and
trainer find it. It is taken from the npm package onnxruntime-node, which needs
the npm command, and checked against a known SHA-256; or, with --from, from a
file: the library itself, an official release archive, or that npm package.
Nothing happens where it is in place already.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := runtime.Install(cmd.Context(), runtime.InstallOptions{
				From: from,
				Log:  cli.Log(cmd),
			})
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`FILE`: the library, an official release archive, or the npm package as a file")
	_ = cmd.MarkFlagFilename("from")
	return cmd
}
