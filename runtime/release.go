package runtime

import "fmt"

// release is a published set of libraries whose checksums are known.
type release struct {
	npm     string // package name
	version string
	size    string                     // of the package, for the message
	files   map[string]publishedMember // by GOOS-GOARCH
}

// publishedMember is a library within the npm package.
type publishedMember struct {
	path   string
	sha256 string
}

// Releases are the versions of ONNX Runtime whose checksums are known, the one that
// [Install] fetches by itself first. Others can be installed from a file.
func Releases() []string {
	var versions []string
	for _, r := range releases {
		versions = append(versions, r.version)
	}
	return versions
}

// findRelease returns the release of a version, the first where it is empty.
func findRelease(version string) (release, error) {
	for _, r := range releases {
		if version == "" || version == r.version {
			return r, nil
		}
	}
	return release{}, fmt.Errorf("runtime: %w of ONNX Runtime %q, only of %q: give its library as a file", ErrRelease, version, Releases())
}

// releases: the packages have nothing for other platforms. On Windows they have DLLs
// more, which only the GPU needs: they are loaded on demand.
var releases = []release{
	{
		npm:     "onnxruntime-node",
		version: "1.24.1",
		size:    "86 MB",
		files: map[string]publishedMember{
			"linux-amd64": {
				"package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
				"53ef1ac028dd1b05554b8da28d9159eb3876f99868193d2aaa6e67f0243c23d4",
			},
			"linux-arm64": {
				"package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
				"7954e8bdedb497f830c6a679e818d98399b7f4d81ade1126c3e0be74d28111ab",
			},
			"darwin-arm64": {
				"package/bin/napi-v6/darwin/arm64/libonnxruntime.1.24.1.dylib",
				"7ad6507ad64d3b02aebfae6380c024ff188939cd8a7a493ec18028e034c8275c",
			},
			"windows-amd64": {
				"package/bin/napi-v6/win32/x64/onnxruntime.dll",
				"be46630a10f6ed3897fd9d1ec83f6e2577e34851fb1024d685884ed40faed3a7",
			},
			"windows-arm64": {
				"package/bin/napi-v6/win32/arm64/onnxruntime.dll",
				"5588ade6e81e7cb46ec45546ac36a61449b7135d177ca22ca808eee6910e5e3a",
			},
		},
	},
	{
		npm:     "onnxruntime-node",
		version: "1.30.0",
		size:    "114 MB",
		files: map[string]publishedMember{
			"linux-amd64": {
				"package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
				"ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23",
			},
			"linux-arm64": {
				"package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
				"1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76",
			},
			"darwin-arm64": {
				"package/bin/napi-v6/darwin/arm64/libonnxruntime.1.30.0.dylib",
				"685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d",
			},
			"windows-amd64": {
				"package/bin/napi-v6/win32/x64/onnxruntime.dll",
				"508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67",
			},
			"windows-arm64": {
				"package/bin/napi-v6/win32/arm64/onnxruntime.dll",
				"6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0",
			},
		},
	},
}
