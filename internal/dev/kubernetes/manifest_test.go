package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const manifest = "../../../examples/kubernetes/draw.yaml"

// read decodes the manifest; a field that Kubernetes does not know is an error.
func read(text []byte) (claim core.PersistentVolumeClaim, job batch.Job, err error) {
	parts := bytes.Split(text, []byte("\n---\n"))
	if len(parts) != 2 {
		return claim, job, fmt.Errorf("%d documents", len(parts))
	}
	return claim, job, errors.Join(strict(parts[0], &claim), strict(parts[1], &job))
}

// strict decodes as the API server does with strict validation of fields.
func strict(text []byte, into any) error {
	b, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(b, into)
	return errors.Join(err, errors.Join(unknown...))
}

// TestManifest: the manifest is one, and keeps what Kubernetes asks of an Indexed Job with a limit
// for each index, beyond what types say.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	claim, job, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	if claim.APIVersion != "v1" || claim.Kind != "PersistentVolumeClaim" || job.APIVersion != "batch/v1" || job.Kind != "Job" {
		t.Errorf("%s %s, %s %s", claim.APIVersion, claim.Kind, job.APIVersion, job.Kind)
	}
	if !slices.Contains(claim.Spec.AccessModes, core.ReadWriteMany) {
		t.Errorf("the volume is %v, and tasks of many nodes write to it", claim.Spec.AccessModes)
	}
	spec, pod := job.Spec, job.Spec.Template.Spec
	switch {
	case spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion:
		t.Error("the job is not Indexed")
	case spec.Completions == nil || spec.Parallelism == nil || *spec.Parallelism > *spec.Completions:
		t.Error("completions and parallelism do not fit")
	case spec.BackoffLimitPerIndex == nil || pod.RestartPolicy != core.RestartPolicyNever:
		t.Error("backoffLimitPerIndex needs restartPolicy Never")
	case spec.MaxFailedIndexes == nil || *spec.MaxFailedIndexes > *spec.Completions:
		t.Error("maxFailedIndexes must not be more than completions")
	case len(pod.Containers) != 1 || len(pod.Volumes) != 1:
		t.Error("it has other than one container and one volume")
	}
	c, v := pod.Containers[0], pod.Volumes[0]
	if v.PersistentVolumeClaim == nil || v.PersistentVolumeClaim.ClaimName != claim.Name || c.VolumeMounts[0].Name != v.Name {
		t.Errorf("the container mounts %v, the volume is %v of %s", c.VolumeMounts, v, claim.Name)
	}
	for _, arg := range []string{
		fmt.Sprintf("--shard=auto/%d", *spec.Completions), "--model=" + c.VolumeMounts[0].MountPath + "/pixelcnn.onnx",
		"--output=" + c.VolumeMounts[0].MountPath + "/out/", fmt.Sprintf("--threads=%d", c.Resources.Requests.Cpu().Value()),
	} {
		if !slices.Contains(c.Args, arg) {
			t.Errorf("%q has no %s", c.Args, arg)
		}
	}
	if c.Resources.Requests.Memory().Cmp(*c.Resources.Limits.Memory()) > 0 {
		t.Error("more memory is requested than is allowed")
	}
}

// TestStrict: the check finds what it is there to find.
func TestStrict(t *testing.T) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"backoffLimitPerIndex: 5", "backoffLimitPerindices: 5"},
		{"completions: 100", "completions: many"},
		{"      restartPolicy", "      restartpolicy"},
		{"storage: 50Gi", "storage: fifty"},
	} {
		changed := strings.Replace(string(text), c[0], c[1], 1)
		if changed == string(text) {
			t.Fatalf("there is no %q", c[0])
		}
		if _, _, err := read([]byte(changed)); err == nil {
			t.Errorf("%q instead of %q is taken", c[1], c[0])
		}
	}
}
