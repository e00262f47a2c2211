package format

// A one-file sampler says so in its metadata, beside what the model's
// file said. Its graph is that of internal/onefile.
const (
	Sampler        = prefix + "sampler" // "1"
	SamplerVersion = "1"
	SamplerLevels  = prefix + "sampler_levels" // the number of grey levels
)
