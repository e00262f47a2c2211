package onnx

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Embed returns a model file with its weights inside and other metadata. All else stays the same,
// byte for byte. The file must be one that could be read.
func Embed(file []byte, metadata map[string]string) ([]byte, error) {
	return embed(file, nil, metadata)
}

// EmbedFile is [Embed] for a file by its path, with the weights that are beside it.
func EmbedFile(path string, metadata map[string]string) ([]byte, error) {
	l, err := Limits{}.WithDefaults()
	if err != nil {
		return nil, err
	}
	file, beside, err := openFile(path, l)
	if err != nil {
		return nil, err
	}
	defer beside.close()
	return embed(file, beside, metadata)
}

func embed(file []byte, beside *dataFolder, metadata map[string]string) ([]byte, error) {
	l, err := Limits{}.WithDefaults()
	if err != nil {
		return nil, err
	}
	d := &decoder{limits: l, beside: beside, read: int64(len(file))}
	out, err := d.embed(file, modelFields)
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		var p buf
		p.str(1, k)
		p.str(2, metadata[k])
		(*buf)(&out).bytes(14, p)
	}
	return out, nil
}

// within says which fields of a message are messages with tensors in them; nil is left out.
type within map[protowire.Number]within

var (
	tensorFields = within{}
	graphFields  = within{5: tensorFields}
	attrFields   = within{5: tensorFields, 6: graphFields, 10: tensorFields, 11: graphFields}
	nodeFields   = within{5: attrFields}
	modelFields  = within{7: graphFields, 14: nil, 25: {7: nodeFields, 11: attrFields}}
)

func init() { graphFields[1] = nodeFields } // a node has graphs

// embed copies a message, with the tensors in it that are elsewhere put inside.
func (d *decoder) embed(b []byte, parts within) ([]byte, error) {
	out := make([]byte, 0, len(b))
	err := rawFields(b, func(f field, raw []byte) error {
		sub, there := parts[f.num]
		switch {
		case !there:
			out = append(out, raw...)
			return nil
		case sub == nil:
			return nil
		}
		copied := d.embedTensor
		if len(sub) > 0 {
			copied = func(b []byte) ([]byte, error) { return d.embed(b, sub) }
		}
		part, err := copied(f.bytes)
		(*buf)(&out).bytes(f.num, part)
		return err
	})
	return out, err
}

// embedTensor copies a tensor, with its elements inside.
func (d *decoder) embedTensor(b []byte) ([]byte, error) {
	c, err := d.survey(b)
	if err != nil || c.external.file == "" {
		return b, err
	}
	n, err := Size(c.shape)
	if err != nil {
		return nil, malformed("tensor %q: shape %v is too large", c.name, c.shape)
	}
	raw, err := d.load(c, int64(rawLength(c.dtype, n)))
	if err != nil {
		return nil, err
	}
	var out buf
	err = rawFields(b, func(f field, field []byte) error {
		if f.num != 13 && f.num != 14 { // where the elements were
			out = append(out, field...)
		}
		return nil
	})
	out.bytes(9, raw)
	return out, err
}
