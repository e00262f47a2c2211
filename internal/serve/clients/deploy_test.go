package clients

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const deploy = "../../../examples/serve/"

// strict decodes as Kubernetes does with strict validation of fields.
func strict(text []byte, into any) error {
	b, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(b, into)
	return errors.Join(err, errors.Join(unknown...))
}

// TestDeployment: the manifest is one, and its parts fit each other.
func TestDeployment(t *testing.T) {
	text, err := os.ReadFile(deploy + "deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(text, []byte("\n---\n"))
	if len(parts) != 2 {
		t.Fatalf("%d documents", len(parts))
	}
	var d apps.Deployment
	var s core.Service
	if err := errors.Join(strict(parts[0], &d), strict(parts[1], &s)); err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	labels := d.Spec.Template.Labels["app"]
	switch {
	case d.APIVersion != "apps/v1" || d.Kind != "Deployment" || s.APIVersion != "v1" || s.Kind != "Service":
		t.Errorf("%s %s, %s %s", d.APIVersion, d.Kind, s.APIVersion, s.Kind)
	case d.Spec.Selector.MatchLabels["app"] != labels || s.Spec.Selector["app"] != labels:
		t.Error("the selectors do not select the pods")
	case c.Ports[0].Name != c.ReadinessProbe.HTTPGet.Port.StrVal || c.Ports[0].Name != s.Spec.Ports[0].TargetPort.StrVal:
		t.Error("the port has another name")
	case pod.Volumes[0].Name != c.VolumeMounts[0].Name:
		t.Error("the volume is not mounted")
	case !slices.Contains(c.Args, c.VolumeMounts[0].MountPath+"/keys.txt"):
		t.Error("the keys are not in the volume")
	}
	if err := strict(bytes.Replace(parts[0], []byte("replicas"), []byte("replica"), 1), new(apps.Deployment)); err == nil {
		t.Error("a field that there is not is taken")
	}
}

// TestUnit: systemd reads the unit.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("NOT CHECKED: there is no systemd-analyze")
	}
	text, err := os.ReadFile(deploy + "sampler.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "sampler.service") // of a program that is there
	text = bytes.ReplaceAll(text, []byte("/usr/local/bin/sampler"), []byte(filepath.Join(serving.dir, "sampler")))
	if err := os.WriteFile(unit, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "sampler.service") {
		t.Errorf("%v\n%s", err, out)
	}
}
