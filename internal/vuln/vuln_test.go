package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// database writes a vulnerability database with one entry, about a module, in all its
// versions, and returns its URL.
func database(t *testing.T, module string) string {
	t.Helper()
	dir := t.TempDir()
	const id = "GO-2000-0001"
	const day = "2000-01-02T00:00:00Z"
	for name, content := range map[string]any{
		"index/db.json":      map[string]any{"modified": day},
		"index/modules.json": []any{map[string]any{"path": module, "vulns": []any{map[string]any{"id": id, "modified": day}}}},
		"ID/" + id + ".json": map[string]any{
			"schema_version": "1.3.1", "id": id, "modified": day, "published": day, "summary": "made up",
			"database_specific": map[string]any{"url": "https://vuln.example/" + id},
			"affected": []any{map[string]any{
				"package": map[string]any{"name": module, "ecosystem": "Go"},
				"ranges":  []any{map[string]any{"type": "SEMVER", "events": []any{map[string]any{"introduced": "0"}}}},
			}},
		},
	} {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return "http://" + l.Addr().String()
}

// silent is the address of a server that takes connections and says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String()
}

func TestCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("builds govulncheck")
	}
	const module = "stdlib"
	for _, test := range []struct {
		name  string
		limit time.Duration
		db    string // none: Go's own, through proxy
		proxy string
		want  error // nil: another one than those
		says  string
	}{
		{"found", time.Minute, database(t, module), "", errFound, ""},
		{"unreachable", time.Minute, "", closed(t), errUnreachable, "refused"},
		{"silent", 5 * time.Second, "", silent(t), errUnreachable, "no answer within 5s"},
		{"no database", time.Minute, "file:///none", "", nil, "govulncheck: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", test.proxy)
			args := []string{"-scan", "module", "-C", "../../models"}
			if test.db != "" {
				args = append(args, "-db", test.db)
			}
			var out bytes.Buffer
			err := check(t.Context(), test.limit, args, &out)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v, want %q; output:\n%s", err, test.says, &out)
			}
			for _, kind := range []error{errFound, errUnreachable} {
				if errors.Is(err, kind) != (kind == test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
			}
			if test.want == errFound && !strings.Contains(out.String(), module) {
				t.Errorf("the output does not name %s:\n%s", module, &out)
			}
		})
	}
	// What is not used is not found.
	if err := check(t.Context(), time.Minute, []string{"-db", database(t, "example.com/none"), "-scan", "module", "-C", "../../models"}, new(bytes.Buffer)); err != nil {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := check(stopped, time.Minute, nil, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}

// Where caches are empty, go speaks first.
func TestFirstOf(t *testing.T) {
	for said, want := range map[string]string{
		"": "",
		"govulncheck: fetching vulnerabilities: no\n\nstack\n":                                           "govulncheck: fetching vulnerabilities: no",
		"go: downloading example.com/a v1.0.0\ngo: downloading example.com/b v1.0.0\n\ngovulncheck: x\n": "govulncheck: x",
		"go: downloading example.com/a v1.0.0\n":                                                         "",
	} {
		if got := firstOf(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
