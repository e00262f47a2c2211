package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/export"
	"pixelcnn/export/verify"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

// write verifies the model and writes it to the output.
func (f *trainFlags) write(cmd *cobra.Command, rt *runtime.Any, m *models.Model, meta export.Meta) error {
	meta, err := f.verify(cmd, rt, m, meta)
	if err != nil {
		return err
	}
	return cli.Output(cmd, f.output, func(w io.Writer) error { return export.Write(w, m, meta) })
}

// verify has the model's file read back by the runtime and by a second reader, and returns the
// metadata with the result. It fails where they do not agree, and then no file must be written. An
// interrupted run verifies its file, too.
func (f *trainFlags) verify(cmd *cobra.Command, rt *runtime.Any, m *models.Model, meta export.Meta) (export.Meta, error) {
	if f.noVerify {
		return meta, nil
	}
	var file bytes.Buffer
	if err := export.Write(&file, m, meta); err != nil {
		return meta, err
	}
	r, err := verify.File(context.WithoutCancel(cmd.Context()), rt, file.Bytes())
	if err != nil {
		return meta, fmt.Errorf("%w; no file is written (--no-verify leaves this check out)", err)
	}
	meta.VerifyMaxDiff, meta.VerifyReaders = r.MaxDiff, []string{rt.String(), verify.Reader}
	fmt.Fprintf(cmd.ErrOrStderr(), "verified by %s: largest difference of a logit %.1e, %d images\n", verify.Reader, r.MaxDiff, r.Images)
	return meta, nil
}
