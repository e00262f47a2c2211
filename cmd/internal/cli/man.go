package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Man is a command, for those who build packages, that writes the manual pages of the command that
// it is added to.
func Man() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return fmt.Errorf("cannot make the folder: %w", err)
			}
			cmd.Root().DisableAutoGenTag = true // the tag is a date; SOURCE_DATE_EPOCH sets the one in the header
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Section: "1", Source: "pixelcnn", Manual: "pixelcnn"}, args[0])
		},
	}
}
