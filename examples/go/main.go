// Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw,
// uint8 [images, height, width], without this project's library.
//
//	export ORT_DYLIB_PATH=/where/it/is/libonnxruntime.so
//	go run . pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]
//
// See ../README.md. Any ONNX Runtime from 1.24 on will do.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// must is a value without its error.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// uniforms are the first n random numbers of a seed and a stream.
func uniforms(seed, stream uint64, n int) []float64 {
	rng, out := rand.New(rand.NewPCG(seed, stream)), make([]float64, n)
	for k := range out {
		out[k] = rng.Float64()
	}
	return out
}

// drawClass is the first class up to which the probabilities add up to more than u.
func drawClass(prior []float64, u float64) int64 {
	sum, last := 0.0, 0
	for k, p := range prior {
		if sum += p; p > 0 && u < sum {
			return int64(k)
		} else if p > 0 {
			last = k
		}
	}
	return int64(last)
}

func main() {
	a := append(os.Args[1:], []string{"4", "0", "1", "-", ""}[len(os.Args)-2:]...)
	n, seed := must(strconv.Atoi(a[1])), must(strconv.ParseUint(a[2], 10, 64))
	ort.SetSharedLibraryPath(os.Getenv("ORT_DYLIB_PATH"))
	must(0, ort.InitializeEnvironment())
	metadata := must(ort.GetModelMetadata(a[0]))
	get := func(key string) string {
		v, _, err := metadata.LookupCustomMetadataMap("pixelcnn." + key)
		return must(v, err)
	}
	height, width := must(strconv.Atoi(get("height"))), must(strconv.Atoi(get("width")))
	shape := ort.NewShape(int64(n), int64(height), int64(width))
	var coins []float64
	for i := range n {
		coins = append(coins, uniforms(seed, uint64(i), height*width)...)
	}
	temperature := []float64{must(strconv.ParseFloat(a[3], 64))}
	names, inputs := []string{"uniforms", "temperature"}, []ort.Value{must(ort.NewTensor(shape, coins)), must(ort.NewTensor(ort.NewShape(1), temperature))}
	if get("label") != "" {
		var prior []float64
		must(0, json.Unmarshal([]byte(get("class_prior")), &prior))
		label := make([]int64, n)
		for i := range label {
			if label[i] = drawClass(prior, uniforms(seed, 1<<62+uint64(i), 1)[0]); a[4] != "-" {
				label[i] = must(strconv.ParseInt(a[4], 10, 64))
			}
		}
		names, inputs = append(names, "label"), append(inputs, must(ort.NewTensor(ort.NewShape(int64(n)), label)))
	}
	if a[5] != "" { // its upper half is kept
		picture, init, keep := must(os.ReadFile(a[5])), []byte{}, make([]byte, n*height*width)
		for k := range keep {
			if init = append(init, picture[k%len(picture)]); k/width%height < height/2 {
				keep[k] = 1
			}
		}
		names = append(names, "init", "keep")
		inputs = append(inputs, must(ort.NewTensor(shape, init)), must(ort.NewCustomDataTensor(shape, keep, ort.TensorElementDataTypeBool)))
	}
	options := must(ort.NewSessionOptions())
	must(0, options.SetIntraOpNumThreads(1)) // the operators are small
	session := must(ort.NewDynamicAdvancedSession(a[0], names, []string{"levels", "logprob"}, options))
	outputs, began := make([]ort.Value, 2), time.Now()
	must(0, session.Run(inputs, outputs))
	seconds, levels, logprob := time.Since(began).Seconds(), outputs[0].(*ort.Tensor[uint8]), outputs[1].(*ort.Tensor[float32])
	fmt.Printf("%d images of %dx%d in %.2f s, the first with %.1f nats\n", n, height, width, seconds, logprob.GetData()[0])
	must(0, os.WriteFile("levels.raw", levels.GetData(), 0o644))
}
