package ir

// A Network is the units of a model, from the picture to what the file gives.
type Network struct {
	// Pictures are the channels of the picture, in order.
	Pictures []*Unit
	// Outputs are drawn from one after the other, at each pixel: in joint order there is one,
	// for all channels of a pixel together, in sub-pixel order one for each channel.
	Outputs []*Unit
}

// Order lists all units, each after its arguments, the pictures first, and numbers them.
func (n *Network) Order() []*Unit {
	return Order(append(n.Pictures[:len(n.Pictures):len(n.Pictures)], n.Outputs...)...)
}

// Size is the picture's height and width.
func (n *Network) Size() Rect { return n.Pictures[0].Full }

// Phase is in which of the outputs a channel of the picture is drawn from.
func (n *Network) Phase(channel int) int { return channel * len(n.Outputs) / len(n.Pictures) }

// Blind is an output that does not depend on the picture, nil if there is none. units are
// the network's, in order.
func (n *Network) Blind(units []*Unit) *Unit {
	depends := make([]bool, len(units))
	for i, u := range units {
		depends[i] = u.Kind == Picture
		for _, a := range u.Args {
			depends[i] = depends[i] || depends[a.Src.ID]
		}
	}
	for _, u := range n.Outputs {
		if !depends[u.ID] {
			return u
		}
	}
	return nil
}
