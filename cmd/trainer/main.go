// Command trainer trains a PixelCNN and writes it as an ONNX file.
package main

import (
	"os"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/models"
	"pixelcnn/train"
)

func main() { os.Exit(cli.Main(newCommand, models.ErrConfig, train.ErrConfig)) }
