package mutate

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// message is the kind of a protobuf message: which fields are messages, too.
type message map[protowire.Number]message

// modelMessage is ONNX's ModelProto.
var modelMessage = func() message {
	leaf := message{}
	shape := message{1: leaf}
	value := message{2: {1: {2: shape}}}
	graph := message{5: leaf, 11: value, 12: value, 13: value}
	attribute := message{5: leaf, 6: graph}
	node := message{5: attribute}
	graph[1] = node
	return message{7: graph, 8: leaf, 14: leaf, 25: {7: node, 9: leaf, 11: attribute}}
}()

// protoField is one field of a message.
type protoField struct {
	number protowire.Number
	kind   protowire.Type
	value  []byte        // as in the file; of a length-delimited one, what is in it
	fields []*protoField // instead, where it is a message
	nested bool
	lie    int // added to its length when written
}

// parse reads a message; what is no message is kept as bytes.
func parse(b []byte, m message) ([]*protoField, bool) {
	var out []*protoField
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return nil, false
		}
		f := &protoField{number: number, kind: kind, value: b[n : n+size]}
		if kind == protowire.BytesType {
			f.value, _ = protowire.ConsumeBytes(f.value)
			if sub, is := m[number]; is {
				f.fields, f.nested = parse(f.value, sub)
			}
		}
		out = append(out, f)
		b = b[n+size:]
	}
	return out, true
}

// write is the inverse of parse.
func write(b []byte, fields []*protoField) []byte {
	for _, f := range fields {
		b = protowire.AppendTag(b, f.number, f.kind)
		if f.kind != protowire.BytesType {
			b = append(b, f.value...)
			continue
		}
		value := f.value
		if f.nested {
			value = write(nil, f.fields)
		}
		b = protowire.AppendVarint(b, uint64(len(value)+f.lie))
		b = append(b, value...)
	}
	return b
}

// lists are the lists of fields of a message and all within it.
func lists(fields *[]*protoField) []*[]*protoField {
	out := []*[]*protoField{fields}
	for _, f := range *fields {
		if f.nested {
			out = append(out, lists(&f.fields)...)
		}
	}
	return out
}

// editFields changes a field of the message that a file is; other is another file. What is
// no message comes back as it is.
func editFields(r *random, file, other []byte) []byte {
	root, ok := parse(file, modelMessage)
	if !ok || len(root) == 0 {
		return file
	}
	all := lists(&root)
	list := choose(r, all)
	if len(*list) == 0 {
		return file
	}
	i := r.IntN(len(*list))
	f := (*list)[i]
	switch r.IntN(10) {
	case 0: // leave it out
		*list = append(append([]*protoField{}, (*list)[:i]...), (*list)[i+1:]...)
	case 1: // twice
		*list = append(*list, f)
	case 2: // change places
		k := r.IntN(len(*list))
		(*list)[i], (*list)[k] = (*list)[k], f
	case 3: // another field of the same number, from the other file
		root, _ := parse(other, modelMessage)
		var same []*protoField
		for _, list := range lists(&root) {
			for _, g := range *list {
				if g.number == f.number && g.kind == f.kind {
					same = append(same, g)
				}
			}
		}
		if len(same) > 0 {
			(*list)[i] = choose(r, same)
		}
	case 4: // another number
		f.number = protowire.Number(1 + r.IntN(26))
	case 5: // a length that is wrong
		if f.kind == protowire.BytesType {
			f.lie = choose(r, []int{-1, 1, 2, 8, 1 << 20, 1 << 31})
			if f.lie < 0 && len(f.value) == 0 {
				f.lie = 1
			}
		}
	case 6: // any field from elsewhere in the file
		from := *choose(r, all)
		if len(from) > 0 && f.nested {
			f.value, f.nested = write(nil, []*protoField{choose(r, from)}), false
		}
	default: // another value
		f.change(r)
	}
	return write(nil, root)
}

// change gives a field another value.
func (f *protoField) change(r *random) {
	switch f.kind {
	case protowire.VarintType:
		f.value = protowire.AppendVarint(nil, uint64(r.integer()))
	case protowire.BytesType:
		b := write(nil, f.fields)
		if !f.nested {
			b = append([]byte{}, f.value...)
		}
		switch {
		case len(b) == 0 || r.one(4):
			b = append(b, byte(r.IntN(256)))
		case r.one(3):
			b = b[:r.IntN(len(b))]
		default:
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		f.value, f.nested = b, false
	default:
		if len(f.value) > 0 {
			f.value = append([]byte{}, f.value...)
			f.value[r.IntN(len(f.value))] = byte(r.IntN(256))
		}
	}
}
