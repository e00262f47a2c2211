package serve

import (
	"embed"
	"io/fs"
)

//go:embed openapi.json
var openAPI []byte

//go:embed page
var page embed.FS

// pageFiles are those of the page.
func pageFiles() fs.FS {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}
