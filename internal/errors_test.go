package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parts are functions, by package, that may make errors without a kind of their own: what
// calls them gives them one.
var parts = map[string]string{
	"runtime":       "unpack untar tooLarge find places take inFolder", // in a NotFoundError, a LibraryError, an ErrArchive
	"dataset":       "fromDebian runIn stayOnHTTPS download places",    // in an ErrFetch, an ErrNotFound
	"train":         "decode file",                                     // in an ErrCheckpointFormat, an ErrProfile
	"export/verify": "read compare",                                    // in a ReadError
}

// TestErrorKinds holds every error that the public packages make to a kind: inside
// functions, errors wrap one that errors.Is or errors.As can tell apart. Kinds are
// variables of a package, or types.
func TestErrorKinds(t *testing.T) {
	for _, pkg := range []string{"runtime", "sampler", "export", "export/verify", "models", "models/pretrained", "dataset", "train"} {
		set := token.NewFileSet()
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", pkg, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range file.Decls {
				function, ok := decl.(*ast.FuncDecl)
				if !ok || slices.Contains(strings.Fields(parts[pkg]), function.Name.Name) {
					continue
				}
				ast.Inspect(function, func(n ast.Node) bool {
					if text, ok := wrapsNothing(n); ok {
						t.Errorf("%s: the error %q of %s wraps no kind", set.Position(n.Pos()), text, function.Name.Name)
					}
					return true
				})
			}
		}
	}
}

// wrapsNothing tells whether n is a call of errors.New, or of fmt.Errorf without %w, and
// its text.
func wrapsNothing(n ast.Node) (text string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	from, ok := f.X.(*ast.Ident)
	if !ok || from.Name+"."+f.Sel.Name != "errors.New" && from.Name+"."+f.Sel.Name != "fmt.Errorf" {
		return "", false
	}
	text = constant(call.Args[0])
	return text, f.Sel.Name == "New" || !strings.Contains(text, "%w")
}

// constant is the text of string literals that are added.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return constant(e.X) + constant(e.Y)
	}
	return ""
}
