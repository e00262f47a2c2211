package main

import (
	"testing"

	"pixelcnn/cmd/internal/clitest"
)

func TestEveryFlag(t *testing.T) { clitest.EveryFlag(t, newCommand(), "../../docs/trainer.md") }
