package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"pixelcnn/cmd/internal/clitest"
)

// serving runs sampler serve, and returns its address once it is ready. When the test ends it
// must end well, as it is told to.
func serving(t *testing.T, args ...string) (url string) {
	t.Helper()
	if goruntime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	program := filepath.Join(t.TempDir(), "sampler")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan bool, 1), make(chan struct{})
	var all strings.Builder
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			var record struct{ Msg, URL string }
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				break
			}
			if record.Msg == "listening" {
				url = record.URL
			}
			if record.Msg == "ready" {
				ready <- true
			}
		}
		ready <- false
	}()
	if !<-ready {
		t.Fatalf("it is not ready: %v\n%s", cmd.Wait(), all.String())
	}
	t.Cleanup(func() {
		err := cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := errors.Join(err, cmd.Wait()); err != nil || !strings.Contains(all.String(), `"msg":"stopping"`) {
			t.Errorf("%v\n%s", err, all.String())
		}
	})
	return url
}

// TestServing runs the requests of the documents.
func TestServing(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	url := serving(t)
	dir := t.TempDir()
	for _, name := range []string{"half.png", "photo.png"} {
		cmd := exec.Command("sh", "-c", "curl -sf "+url+"/v1/images/generations -H 'Content-Type: application/json' -d '{\"stream\":true,\"partial_images\":1,\"seed\":3}' | grep -m1 -o '\"b64_json\":\"[^\"]*' | cut -d'\"' -f4 | base64 -d > "+name)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	requests := 0
	for _, document := range []string{"../../README.md", "../../docs/serving.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range clitest.Blocks(string(text)) {
			for line := range strings.Lines(b.Text) {
				if !strings.HasPrefix(line, "curl ") {
					continue
				}
				requests++
				line = strings.ReplaceAll(strings.TrimSpace(line), "localhost:8080", url)
				cmd := exec.Command("sh", "-c", strings.Replace(line, "curl ", "curl -f ", 1))
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 && !strings.Contains(line, ">") {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
			}
		}
	}
	if requests < 6 {
		t.Errorf("%d requests were found", requests)
	}
}

// TestServingTLS: HTTPS, keys and the models of flags.
func TestServingTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	keys := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(keys, []byte("# the keys\n\nthe only key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serving(t, "--tls-cert", cert, "--tls-key", key, "--api-key-file", keys, "--model", "mine=@pixelcnn", "--window", "0", "--batch", "8", "--threads", "1")
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer web.CloseIdleConnections()
	for key, want := range map[string]int{"": 401, "the only key": 200} {
		req, err := http.NewRequest("GET", url+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		if res.Body.Close(); res.StatusCode != want || want == 200 && !strings.Contains(string(b), `"id":"mine"`) {
			t.Errorf("key %q: status %d, %s", key, res.StatusCode, b)
		}
	}
}

// certificate writes one for this machine.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
