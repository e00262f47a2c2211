package likelihood

import "pixelcnn/internal/onnx"

// mixtureNodes writes a mixture's arithmetic, in float64. Values are [..., 1, components].
type mixtureNodes struct {
	nodes
	Mixture
	outputs *onnx.Value // [..., 1, Outputs]
}

func (m Mixture) nodes(g *onnx.Graph, outputs *onnx.Value) mixtureNodes {
	n := nodes{g}
	return mixtureNodes{n, m, n.op("Unsqueeze", n.cast(outputs, onnx.Float64), whole(-2))}
}

// block is the outputs that are number i of the parameters of a channel.
func (n mixtureNodes) block(channel, i int) *onnx.Value {
	k := n.Components
	begin := k + (channel*n.parts()+i)*k
	return n.part(n.outputs, begin, begin+k)
}

func (n mixtureNodes) logWeights() *onnx.Value { return n.part(n.outputs, 0, n.Components) }

// value is x of levels.
func (n mixtureNodes) value(level *onnx.Value) *onnx.Value {
	return n.op("Sub", n.op("Mul", level, real(2/float64(n.Depth-1))), real(1))
}

// A logisticNodes is the components of a channel at a level, or at all levels,
// [..., levels, components].
type logisticNodes struct {
	scale        *onnx.Value   // the log-scale as it is given
	perScale     *onnx.Value   // e^−scale
	upper, lower *onnx.Value   // the level's ends, in scales; far out at the first and the last level
	width, gone  *onnx.Value   // of a level, in scales; e^−width
	middle       *onnx.Value   // 1 where the level is neither the first nor the last
	couplings    []*onnx.Value // tanh of the coefficients
	log          *onnx.Value   // the log-probability
}

// channel makes those of the channel after earlier, at level, both [..., 1, 1] or level
// [levels, 1].
func (n mixtureNodes) channel(earlier []*onnx.Value, level *onnx.Value) (l logisticNodes) {
	c := len(earlier)
	mean := n.block(c, 0)
	for j, e := range earlier {
		t := n.op("Tanh", n.block(c-1+j, 2))
		l.couplings = append(l.couplings, t)
		mean = n.op("Add", mean, n.op("Mul", t, n.value(e)))
	}
	l.scale = n.block(c, 1)
	l.perScale = n.op("Exp", n.op("Neg", n.op("Max", l.scale, real(leastLogScale))))
	half := 1 / float64(n.Depth-1)
	l.width = n.op("Mul", l.perScale, real(2*half))
	from := n.op("Sub", n.value(level), mean)
	const far = 1e300
	first, last := n.op("Less", level, real(0.5)), n.op("Less", real(float64(n.Depth)-1.5), level)
	l.upper = n.op("Where", last, real(far), n.op("Mul", n.op("Add", from, real(half)), l.perScale))
	l.lower = n.op("Where", first, real(-far), n.op("Mul", n.op("Sub", from, real(half)), l.perScale))
	one, none := real(1), real(0)
	l.middle = n.op("Where", first, none, n.op("Where", last, none, one))
	l.gone = n.op("Exp", n.op("Neg", l.width))
	log := n.op("Mul", l.middle, n.op("Log", n.op("Sub", one, l.gone)))
	log = n.op("Sub", log, n.softplus(n.op("Neg", l.upper)))
	l.log = n.op("Sub", log, n.softplus(l.lower))
	return l
}

// LogProbNodes are in float64, with the log-probabilities of the components added up as
// logarithms.
func (m Mixture) LogProbNodes(g *onnx.Graph, outputs *onnx.Value, earlier []*onnx.Value) *onnx.Value {
	n := m.nodes(g, outputs)
	var levels []*onnx.Value
	for _, e := range earlier {
		levels = append(levels, n.op("Unsqueeze", n.cast(e, onnx.Float64), whole(-1, -2)))
	}
	weights := n.logWeights()
	for c, level := range levels {
		weights = n.op("Add", weights, n.channel(levels[:c], level).log)
	}
	all := n.op("Add", weights, n.channel(levels, ramp(m.Depth)).log)
	return n.logSumExp(all, m.Components)
}

// LossNodes: the log-probability of all channels is log Σ w·Π P over the components, as the
// weights of each channel are the posterior of those before. With each component's posterior
// r after all of them, its derivatives are r − w by the logits and r·∂ log P by the others.
func (m Mixture) LossNodes(g *onnx.Graph, outputs, truth *onnx.Value, gradient bool) (logProb, grad *onnx.Value) {
	n := m.nodes(g, outputs)
	var levels []*onnx.Value
	hot := n.op("Reshape", n.cast(truth, onnx.Float64), whole(-1, m.Symbols(), m.Depth))
	number := n.op("MatMul", hot, ramp(m.Depth)) // [rows, channels, 1]
	for c := range m.Symbols() {
		levels = append(levels, n.op("Slice", number, whole(c), whole(c+1), whole(1)))
	}
	last := onnx.Attrs{"axis": int64(-1)}
	weights := n.Op("LogSoftmax", last, n.logWeights())
	joint := weights
	var channels []logisticNodes
	for c, level := range levels {
		channels = append(channels, n.channel(levels[:c], level))
		joint = n.op("Add", joint, channels[c].log)
	}
	logProb = n.cast(n.op("Reshape", n.logSumExp(joint, m.Components), whole(-1)), onnx.Float32)
	if !gradient {
		return logProb, nil
	}
	post := n.Op("Softmax", last, joint)
	parts := []*onnx.Value{n.op("Sub", n.op("Exp", weights), post)}
	means := make([]*onnx.Value, len(channels)) // −r·∂ log P
	scales := make([]*onnx.Value, len(channels))
	couplings := make([]*onnx.Value, len(channels)) // by block of coefficients
	for c, l := range channels {
		up, down := n.op("Sigmoid", n.op("Neg", l.upper)), n.op("Sigmoid", l.lower)
		means[c] = n.op("Mul", post, n.op("Mul", l.perScale, n.op("Sub", up, down)))
		moves := n.op("Sub", n.op("Mul", l.upper, up), n.op("Mul", l.lower, down))
		inside := n.op("Div", l.gone, n.op("Sub", real(1), l.gone))
		moves = n.op("Add", moves, n.op("Mul", l.middle, n.op("Mul", l.width, inside)))
		free := n.cast(n.op("Less", real(leastLogScale), l.scale), onnx.Float64)
		scales[c] = n.op("Mul", n.op("Mul", post, free), moves)
		for j, t := range l.couplings {
			slope := n.op("Sub", real(1), n.op("Mul", t, t))
			couplings[c-1+j] = n.op("Mul", means[c], n.op("Mul", slope, n.value(levels[j])))
		}
	}
	for c := range channels {
		parts = append(parts, means[c], scales[c])
		if couplings[c] != nil {
			parts = append(parts, couplings[c])
		}
	}
	all := n.op("Reshape", n.join(parts...), whole(-1, m.Outputs()))
	return logProb, n.cast(all, onnx.Float32)
}
