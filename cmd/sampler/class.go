package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// everyClass is the value of --class that stands for all of them.
const everyClass = "all"

// perRow is the number of images of each class where neither -n nor --columns is given.
const perRow = 8

// listClasses finds the classes that --class names, in order.
func (f *drawFlags) listClasses(sig *sampler.Signature) ([]int, error) {
	var list []int
	for _, name := range f.class {
		if _, named := sig.ClassNamed(name); strings.EqualFold(name, everyClass) && !named && sig.ClassInput != "" {
			if sig.Classes == nil {
				return nil, cli.Usagef("--class all: %s has classes but does not tell how many", f.model)
			}
			for class := range sig.Classes {
				list = append(list, class)
			}
			continue
		}
		class, err := sig.Class(name)
		if err != nil {
			return nil, fmt.Errorf("--class %s: %s: %w", name, f.model, err)
		}
		list = append(list, class)
	}
	return list, nil
}

// arrange sets what depends on the classes: the number of images, and the columns of the grid, in
// which each class has a row. The classes go into req.
func (f *drawFlags) arrange(cmd *cobra.Command, sig *sampler.Signature, req *sampler.Request) error {
	list, err := f.listClasses(sig)
	if err != nil {
		return err
	}
	switch {
	case f.labels != "" && sig.ClassInput == "":
		return cli.Usagef("--labels: %s has no classes", f.model)
	case slices.Contains(f.captions, "class") && sig.ClassInput == "":
		return cli.Usagef("--captions class: %s has no classes", f.model)
	}
	if err := f.divide(cmd, len(list), len(f.levels), req); err != nil {
		return err
	}
	req.Classes = list
	return f.Divides(f.n)
}

// divide shares the images out among the pictures to inpaint, and among the classes of each
// picture. The images of one class of one picture are a row of the grid.
func (f *drawFlags) divide(cmd *cobra.Command, classes, pictures int, req *sampler.Request) error {
	classes, pictures = max(1, classes), max(1, pictures)
	sets := classes * pictures
	if sets == 1 {
		return nil
	}
	of := fmt.Sprintf("%d classes of --class", sets)
	switch {
	case classes == 1:
		of = fmt.Sprintf("%d pictures of --init", sets)
	case pictures > 1:
		of = fmt.Sprintf("%d classes of each of %d pictures", classes, pictures)
	}
	if !cmd.Flags().Changed("number") {
		each := perRow
		if pictures > 1 {
			each = 1
		}
		if f.columns > 0 {
			each = f.columns
		}
		if most := math.MaxInt / sets; each > most {
			return cli.Usagef("--columns is %d, must be at most %d with %s", each, most, of)
		}
		f.n = sets * each
	}
	if f.n%sets != 0 {
		return cli.Usagef("-n is %d, must be a multiple of the %s", f.n, of)
	}
	req.ClassRun = f.n / sets
	req.Inpainting.Run = req.ClassRun * classes
	if f.columns == 0 && (classes > 1 || req.ClassRun > 1) {
		f.columns = req.ClassRun
	}
	return nil
}

// className is the name of a class, or its number where it has none.
func className(sig *sampler.Signature, class int) string {
	if class < len(sig.Classes) {
		return sig.Classes[class]
	}
	return fmt.Sprint(class)
}

// completeClass tells the shell the classes of the model that --model names.
func (f *drawFlags) completeClass(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	cfg, err := f.modelFlags.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	model, err := f.load(cfg)
	if err != nil || model.ClassInput == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	named := slices.DeleteFunc(slices.Clone(model.Classes), func(name string) bool { return cli.Name(name) != name })
	return append([]string{everyClass}, named...), cobra.ShellCompDirectiveNoFileComp
}
