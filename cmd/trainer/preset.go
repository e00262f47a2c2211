package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/models"
)

// A setting is a flag's value.
type setting struct{ flag, value string }

// presets are settings by name.
var presets = map[string][]setting{
	// Of the PixelCNN in chapter 5 of Foster's "Generative Deep Learning" (2nd edition,
	// 2023): its images are resized without antialiasing, its input is level/4, and its weights
	// start as Keras has them.
	"foster": {
		{"arch", "pixelcnn"},
		{"hidden", "128"},
		{"blocks", "5"},
		{"kernel", "7"},
		{"size", "16"},
		{"levels", "4"},
		{"resize", "bilinear-noantialias"},
		{"input", "level"},
		{"input-scale", "0.25"},
		{"batch", "128"},
		{"lr", "0.0005"},
		{"init", "glorot"},
	},
}

func presetNames() []string { return slices.Sorted(maps.Keys(presets)) }

// presetList says what the presets set.
func presetList() string {
	var list []string
	for _, name := range presetNames() {
		var s []string
		for _, p := range presets[name] {
			s = append(s, "--"+p.flag+" "+p.value)
		}
		list = append(list, fmt.Sprintf("%s (%s)", name, strings.Join(s, " ")))
	}
	return strings.Join(list, ", ")
}

// apply sets the flags of the preset that are not given. A one-hot input has no scale.
func (f *trainFlags) apply(cmd *cobra.Command) error {
	if f.preset == "" {
		return nil
	}
	settings, ok := presets[f.preset]
	if !ok {
		return cli.Usagef("--preset is %q, must be one of %q", f.preset, presetNames())
	}
	for _, p := range settings {
		if cmd.Flag(p.flag).Changed || p.flag == "input-scale" && f.model.Input == models.OneHot {
			continue
		}
		if err := cmd.Flags().Set(p.flag, p.value); err != nil {
			return err
		}
	}
	return nil
}
