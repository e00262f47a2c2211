package modeltest

import (
	"encoding/binary"
	"os"
	"path/filepath"
)

// WriteIDX fills a folder with a small data set in the form of Fashion-MNIST: n
// images of 28×28 in each part, stripes whose width depends on the label.
func WriteIDX(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	header := func(words ...int) (b []byte) {
		for _, w := range words {
			b = binary.BigEndian.AppendUint32(b, uint32(w))
		}
		return b
	}
	images, labels := header(2051, n, 28, 28), header(2049, n)
	for i := range n {
		labels = append(labels, byte(i%10))
		for p := range 28 * 28 {
			v := byte(20)
			if p%28/(i%10+2)%2 == 1 {
				v = byte(100 + i%150)
			}
			images = append(images, v)
		}
	}
	for _, part := range []string{"train", "t10k"} {
		for name, b := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, part+name), b, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
