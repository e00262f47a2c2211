package runtime

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

// pinned is what [Install] fetches. The package has nothing for other
// platforms. On Windows it has three DLLs more, which only the GPU needs: they are
// loaded on demand.
var pinned = release{
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
}
