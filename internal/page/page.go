// Package page has the page that draws: controls, the picture, and rubbing out. What draws is
// model.mjs, which is beside it where it is served: that of examples/browser draws in the
// browser, that of internal/serve on the server.
//
//	list()               the models: [{ name, title, height, width, greys, classes, … }]
//	load(about)          one of them, with draw(how, step), see there
//	where                a sentence for the head of the page
//	further              names of the controls that it takes beside temperature, class and seed
//	any                  whether no class, too, can be asked for
package page

import "embed"

// Files are those of the page.
//
//go:embed index.html page.mjs style.css icon.svg
var Files embed.FS
