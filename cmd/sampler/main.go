// Command sampler draws images from a PixelCNN in an ONNX file.
package main

import (
	"os"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

func main() { os.Exit(cli.Main(newCommand, sampler.ErrConfig)) }
