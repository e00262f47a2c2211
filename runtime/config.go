package runtime

// Config says how [Open] starts ONNX Runtime. The zero value finds the library by
// itself.
type Config struct {
	// Lib is the library, or a folder that holds it (flag --ort-lib). Where it is
	// empty, the library is looked for as in [Locate].
	Lib string
	// Limits bound the models that are loaded. The zero value is their defaults.
	Limits Limits
}
