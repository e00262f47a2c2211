package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// heading annotates a flag with the heading of --help that it stands under.
const heading = "heading"

// under adds flags under a heading.
func under(flags *pflag.FlagSet, title string, add func(*pflag.FlagSet)) {
	group := pflag.NewFlagSet(title, pflag.ContinueOnError)
	group.SortFlags = false
	add(group)
	group.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{heading: {title}}
		flags.AddFlag(f)
	})
}

// groupHelp makes --help list the flags of cmd under their headings, in the order in
// which they were added.
func groupHelp(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.SetUsageFunc(usage)
}

// usage is cobra's, but for the flags. With a template, which would say less, the linker could leave
// out no method of anything.
func usage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:")
	if c.Runnable() {
		fmt.Fprintf(&b, "\n  %s", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n  %s [command]", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\n\nExamples:\n%s", c.Example)
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\n\nAvailable Commands:")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "\n  %-*s %s", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\n\n%s", grouped(c.LocalFlags()))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\nUse \"%s [command] --help\" for more information about a command.", c.CommandPath())
	}
	_, err := fmt.Fprintln(c.OutOrStderr(), b.String())
	return err
}

func grouped(flags *pflag.FlagSet) string {
	var titles []string
	groups := map[string]*pflag.FlagSet{}
	flags.VisitAll(func(f *pflag.Flag) {
		title := "Flags"
		if t := f.Annotations[heading]; len(t) > 0 {
			title = t[0]
		}
		if groups[title] == nil {
			titles = append(titles, title)
			groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			groups[title].SortFlags = false
		}
		groups[title].AddFlag(f)
	})
	var b strings.Builder
	for i, title := range titles {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s:\n%s", title, groups[title].FlagUsagesWrapped(110))
	}
	return strings.TrimRight(b.String(), "\n")
}

// temperatures is the value of --temp: one temperature, or those of the first and the last
// row.
type temperatures struct {
	first, last float64
	rows        bool // last was given
}

func (s *temperatures) Set(text string) error {
	first, last, rows := strings.Cut(text, ":")
	var err error
	next := temperatures{rows: rows}
	if next.first, err = strconv.ParseFloat(first, 64); err == nil && rows {
		next.last, err = strconv.ParseFloat(last, 64)
	}
	if err != nil {
		return fmt.Errorf("must be a number, or two with a colon between, as 1.0:0.6")
	}
	*s = next
	return nil
}

func (s *temperatures) String() string {
	if s.rows {
		return fmt.Sprintf("%g:%g", s.first, s.last)
	}
	return fmt.Sprintf("%g", s.first)
}

func (s *temperatures) Type() string { return "T[:T]" }
