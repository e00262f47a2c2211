package clients

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// TestGo uses openai-go, as it is.
func TestGo(t *testing.T) {
	ctx := context.Background()
	client := openai.NewClient(option.WithBaseURL(serving.url+"/v1"), option.WithAPIKey(serving.key), option.WithMaxRetries(0))
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(serving.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	same := func(b64, name string) {
		t.Helper()
		if b, err := base64.StdEncoding.DecodeString(b64); err != nil || !bytes.Equal(b, read(name)) {
			t.Errorf("it is not %s, error %v", name, err)
		}
	}
	var models []string
	for pages := client.Models.ListAutoPaging(ctx); pages.Next(); {
		models = append(models, pages.Current().ID)
	}
	if !slices.Equal(models, []string{"gated", "pixelcnn"}) {
		t.Errorf("models %q", models)
	}
	if m, err := client.Models.Get(ctx, "gated"); err != nil || m.ID != "gated" {
		t.Errorf("model %v, error %v", m, err)
	}

	further := []option.RequestOption{option.WithJSONSet("seed", 7), option.WithJSONSet("temperature", 0.7)}
	plain, err := client.Images.Generate(ctx, openai.ImageGenerateParams{Model: "gated", Prompt: "sneaker", N: openai.Int(2), User: openai.String("somebody")}, further...)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Data) != 2 || plain.Usage.OutputTokens != 512 || plain.Data[1].RevisedPrompt != "Sneaker" {
		t.Errorf("the answer is %s", plain.RawJSON())
	}
	same(plain.Data[0].B64JSON, "drawn-0.png")
	same(plain.Data[1].B64JSON, "drawn-1.png")

	stream := client.Images.GenerateStreaming(ctx, openai.ImageGenerateParams{Model: "gated", Prompt: "sneaker", PartialImages: openai.Int(3)}, further...)
	partial, last := 0, ""
	for stream.Next() {
		switch event := stream.Current().AsAny().(type) {
		case openai.ImageGenPartialImageEvent:
			partial++
		case openai.ImageGenCompletedEvent:
			last = event.B64JSON
		}
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil || partial != 3 {
		t.Errorf("%d partial images, error %v", partial, err)
	}
	same(last, "drawn-0.png")

	edit := func() openai.ImageEditParams {
		half := openai.File(bytes.NewReader(read("half.png")), "half.png", "image/png")
		p := openai.ImageEditParams{Model: "gated", Prompt: "sneaker", Image: openai.ImageEditParamsImageUnion{OfFile: half}}
		p.SetExtraFields(map[string]any{"seed": "7", "temperature": "0.7"}) // in a form it sends strings only
		return p
	}
	edited, err := client.Images.Edit(ctx, edit())
	if err != nil {
		t.Fatal(err)
	}
	same(edited.Data[0].B64JSON, "inpainted.png")
	masked := edit()
	masked.Image = openai.ImageEditParamsImageUnion{OfFileArray: []io.Reader{openai.File(bytes.NewReader(read("whole.png")), "whole.png", "image/png")}}
	masked.Mask = openai.File(bytes.NewReader(read("half.png")), "half.png", "image/png")
	if edited, err = client.Images.Edit(ctx, masked); err != nil {
		t.Fatal(err)
	}
	same(edited.Data[0].B64JSON, "inpainted.png")
	growing := edit()
	growing.PartialImages = openai.Int(1)
	// It overwrites the extra fields of a form.
	edits := client.Images.EditStreaming(ctx, growing, option.WithQuery("seed", "7"), option.WithQuery("temperature", "0.7"))
	partial, last = 0, ""
	for edits.Next() {
		switch event := edits.Current().AsAny().(type) {
		case openai.ImageEditPartialImageEvent:
			partial++
		case openai.ImageEditCompletedEvent:
			last = event.B64JSON
		}
	}
	if err := errors.Join(edits.Err(), edits.Close()); err != nil || partial != 1 {
		t.Errorf("%d partial images, error %v", partial, err)
	}
	same(last, "inpainted.png")

	refused := func(status int, param string, err error) {
		t.Helper()
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != status || e.Param != param || e.Message == "" {
			t.Errorf("error %v, want status %d and %q", err, status, param)
		}
	}
	_, err = client.Images.Generate(ctx, openai.ImageGenerateParams{Model: "nothing"})
	refused(404, "model", err)
	_, err = client.Images.Generate(ctx, openai.ImageGenerateParams{N: openai.Int(0)})
	refused(400, "n", err)
	_, err = client.Images.Generate(ctx, openai.ImageGenerateParams{}, option.WithJSONSet("seed", "x"))
	refused(400, "seed", err)
	_, err = client.Models.Get(ctx, "gated", option.WithAPIKey("another key"))
	refused(401, "", err)
}
