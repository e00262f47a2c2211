package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// leaves are errors without a kind of their own, by package, each the beginning of its
// text, or empty where that is no constant: what calls the function that returns it gives it one.
var leaves = map[string][]string{
	"runtime": {
		"not set", "the system names none", "nothing is installed there", // the reasons in a NotFoundError
		"neither a file nor a folder", "the folder holds no %s", // in a LibraryError
		"neither a shared library nor", "no ONNX Runtime library for %s-%s", // in an ErrArchive, and below
		"it unpacks to more than", "the library is larger than",
	},
	"dataset": {
		"not set",                                                                     // in an ErrNotFound
		"no %s for package %s", "apt-get download left", "%s: %s", "10 redirects", "", // in an ErrFetch
	},
	"train": {
		"not a list of events", // in an ErrProfile
		"",                     // decode's, in an ErrCheckpointFormat
	},
	"export/verify": { // in a ReadError
		"panic: %v", "decoding: %v", "setting the input: %v", "running the graph: %v", "reading the output: %v",
		"%d outputs, should be 1", "the output holds %d elements", "logits of shape %v, should be %v",
	},
}

// TestErrorKinds holds every error that the public packages make to a kind: inside
// functions, errors wrap one that errors.Is or errors.As can tell apart. Kinds are
// variables of a package, or types.
func TestErrorKinds(t *testing.T) {
	for _, pkg := range []string{"runtime", "sampler", "export", "export/verify", "models", "models/pretrained", "dataset", "train"} {
		t.Run(pkg, func(t *testing.T) {
			made := kindless(t, filepath.Join("..", filepath.FromSlash(pkg)))
			used := map[string]bool{}
			for _, text := range slices.Sorted(maps.Keys(made)) {
				i := slices.IndexFunc(leaves[pkg], func(l string) bool { return text == l || l != "" && strings.HasPrefix(text, l) })
				if i < 0 {
					t.Errorf("%s: the error %q wraps no kind", made[text], text)
					continue
				}
				used[leaves[pkg][i]] = true
			}
			for _, l := range leaves[pkg] {
				if !used[l] {
					t.Errorf("no error begins %q any more: take it off the list", l)
				}
			}
		})
	}
}

// kindless finds the errors that a package's functions make and that wrap nothing: their
// texts and where they are.
func kindless(t *testing.T, dir string) map[string]token.Position {
	t.Helper()
	made := map[string]token.Position{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, filepath.Join(dir, f.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(function, func(n ast.Node) bool {
				if text, ok := wrapsNothing(n); ok {
					made[text] = set.Position(n.Pos())
				}
				return true
			})
		}
	}
	return made
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
