//go:build cgo

package runtime

/*
#cgo !windows LDFLAGS: -ldl
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The start of ONNX Runtime's C interface, which is the same in every version.
typedef struct {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version_string)(void);
} ort_api_base;

#ifdef _WIN32
#include <windows.h>

static void *lib_open(const char *path, char *err, size_t n) {
	wchar_t wide[4096];
	void *lib = NULL;
	if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 4096) > 0) {
		lib = (void *)LoadLibraryW(wide);
	}
	if (!lib) {
		snprintf(err, n, "Windows error %lu", (unsigned long)GetLastError());
	}
	return lib;
}
static void *lib_symbol(void *lib, const char *name) { return (void *)GetProcAddress((HMODULE)lib, name); }
static void lib_close(void *lib) { FreeLibrary((HMODULE)lib); }
#else
#include <dlfcn.h>

static void *lib_open(const char *path, char *err, size_t n) {
	void *lib = dlopen(path, RTLD_LAZY);
	if (!lib) {
		const char *msg = dlerror();
		snprintf(err, n, "%s", msg ? msg : "no reason given");
	}
	return lib;
}
static void *lib_symbol(void *lib, const char *name) { return dlsym(lib, name); }
static void lib_close(void *lib) { dlclose(lib); }
#endif

// version_of asks an open library its version, NULL where it is not ONNX Runtime.
static const char *version_of(void *lib) {
	const ort_api_base *(*base)(void) = (const ort_api_base *(*)(void))lib_symbol(lib, "OrtGetApiBase");
	const ort_api_base *b = base ? base() : NULL;
	return b && b->get_version_string ? b->get_version_string() : NULL;
}
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// library is one that the process has mapped.
type library struct {
	handle  unsafe.Pointer
	version string
}

// openLibrary maps the library at path, an absolute path, and asks its version.
// Its code runs: the caller has been told to use it, or it is where the system's
// libraries are.
func openLibrary(path string) (*library, error) {
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	text := (*C.char)(C.calloc(1, 1024))
	defer C.free(unsafe.Pointer(text))
	handle := C.lib_open(cpath, text, 1024)
	if handle == nil {
		return nil, fmt.Errorf("%w: it cannot be loaded: %s", ErrStart, oneLine(strings.TrimPrefix(C.GoString(text), path+": ")))
	}
	version := C.version_of(handle)
	if version == nil {
		C.lib_close(handle)
		return nil, fmt.Errorf("%w: it is a library, but not ONNX Runtime", ErrStart)
	}
	return &library{handle, C.GoString(version)}, nil
}

func (l *library) close() { C.lib_close(l.handle) }

// libraryVersion is the version of the library at path, which may be too old.
func libraryVersion(path string) (string, error) {
	l, err := openLibrary(path)
	if err != nil {
		return "", err
	}
	defer l.close()
	return l.version, nil
}

// usable says what is wrong with a library, if anything.
func usable(path string) error {
	version, err := libraryVersion(path)
	if err != nil {
		return err
	}
	_, err = checkVersion(version)
	return err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
