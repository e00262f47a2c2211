package serve

import (
	"bytes"
	"encoding/json"
	"image"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// hostile sends what it likes. It is always answered, and never with the server's fault.
func hostile(t *testing.T, s *Server, path, kind, query string, body []byte) {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.URL.RawQuery = query
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code == http.StatusInternalServerError || w.Code == 0 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
		t.Errorf("no JSON: %s", w.Body)
	}
}

func FuzzJSON(f *testing.F) {
	for _, body := range []string{
		`{}`, `null`, `[1]`, `{"n":2,"prompt":"bag","seed":18446744073709551615,"temperature":1e-300}`,
		`{"stream":true,"partial_images":100,"temperature_end":0.1,"output_format":"json"}`,
		`{"levels":[[[0,1]],[]]}`, `{"best_of":1000000000,"n":1000000000}`, `{"first":18446744073709551615,"n":2,"best_of":2}`,
		`{"top_k":1,"top_p":0,"min_p":1,"greedy":false,"size":"1024x1024"}`,
	} {
		f.Add(true, "", []byte(body))
		f.Add(false, "prompt=3&n=1", []byte(body))
	}
	s, _ := started(f, Config{MaxImages: 4, MaxPixels: 1 << 12, MaxBody: 1 << 16, Timeout: time.Second})
	f.Fuzz(func(t *testing.T, draw bool, query string, body []byte) {
		path := "/v1/score"
		if draw {
			path = "/v1/images/generations"
		}
		hostile(t, s, path, "application/json", query, body)
	})
}

func FuzzForm(f *testing.F) {
	picture := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	kind, body := formOf(f, map[string]string{"n": "2", "seed": "7", "particles": "2"}, map[string]image.Image{"image": picture, "mask": picture})
	f.Add(kind, body.Bytes())
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n\xff\xd8\xff\r\n--x--\r\n"))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\n"))
	f.Add("multipart/form-data", []byte("--x\r\n"))
	s, _ := started(f, Config{MaxImages: 4, MaxPixels: 1 << 12, MaxBody: 1 << 16, Timeout: time.Second})
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		hostile(t, s, "/v1/images/edits", kind, "", body)
	})
}
