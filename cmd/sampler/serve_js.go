package main

import "github.com/spf13/cobra"

// listening are the commands that listen for others, which a program in a browser cannot.
func listening() []*cobra.Command { return nil }
