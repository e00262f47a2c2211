"""Writes the model files of this folder and NAME.json beside each: what its network says.

    pip install torch onnx onnxruntime onnxscript onnxconverter-common
    python make.py [NAME…]

They are small PixelCNNs, one for each form in which exporters, optimisers and quantisers
write a file: input x, float [batch, 1, H, W], levels scaled to [0, 1]; output logits,
[batch, L, H, W]. The JSON holds scored images (log-probabilities in nats) and drawn ones,
both by the network in float64, or, where the file computes otherwise (quantised), by
ONNX Runtime's outputs of the very file. Uniforms are Go's rand.New(rand.NewPCG(seed, i)).
"""

import copy
import fnmatch
import json
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
H, W, L, HIDDEN = 6, 5, 4, 6
HERE = os.path.dirname(os.path.abspath(__file__))


# Uniforms as in Go


class PCG:
    """math/rand/v2's PCG (DXSM), and Rand.Float64 on it."""

    def __init__(self, hi, lo):
        self.state = hi << 64 | lo

    def float64(self):
        m = (1 << 64) - 1
        self.state = (self.state * 0x2360ED051FC65DA44385DF649FCCF645 + 0x5851F42D4C957F2D14057B7EF767814F) & (1 << 128) - 1
        hi, lo = self.state >> 64, self.state & m
        hi ^= hi >> 32
        hi = hi * 0xDA942042E4DD58B5 & m
        hi ^= hi >> 48
        hi = hi * (lo | 1) & m
        return (hi & (1 << 53) - 1) / 2**53


# Networks


def mask(kind, k=3):
    m = np.zeros((1, 1, k, k), np.float32)
    m[..., : k // 2, :] = 1
    m[..., k // 2, : k // 2 + (kind == "B")] = 1
    return torch.tensor(m)


def conv(inputs, outputs, kind, norm=lambda c: c):
    """A masked convolution; the mask is in its weights, and norms keep it."""
    c = nn.Conv2d(inputs, outputs, 3, padding=1)
    with torch.no_grad():
        c.weight.mul_(mask(kind) * 1.6)
    return norm(c)


class Plain(nn.Module):
    def __init__(self, act=nn.ReLU, norm=lambda c: c, extra=()):
        super().__init__()
        self.net = nn.Sequential(
            conv(1, HIDDEN, "A", norm), act(), *extra, conv(HIDDEN, HIDDEN, "B", norm), act(), norm(nn.Conv2d(HIDDEN, L, 1))
        )

    def forward(self, x):
        return 2 * self.net(x)


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Mixed(nn.Module):
    """Mixes channels by products of matrices with a bias, as transformers do: what an
    optimiser fuses to BiasGelu, FusedMatMul, LayerNormalization."""

    def __init__(self, act=F.gelu):
        super().__init__()
        self.act, self.first = act, conv(1, HIDDEN, "A")
        self.norm, self.up, self.down = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, 8), nn.Linear(8, HIDDEN)
        self.last = nn.Linear(HIDDEN, L)

    def forward(self, x):
        x = self.first(x).permute(0, 2, 3, 1)
        x = x + self.down(self.act(self.up(self.norm(x))))
        return 3 * self.last(x).permute(0, 3, 1, 2)


class Scaled(nn.Module):
    """Products of matrices that are scaled and transposed, and one that is activated."""

    def __init__(self):
        super().__init__()
        self.first, self.w = conv(1, HIDDEN, "A"), nn.Parameter(torch.randn(HIDDEN, HIDDEN))
        self.last = nn.Linear(HIDDEN, L)

    def forward(self, x):
        x = self.first(x).flatten(2)  # [batch, channels, pixels]
        x = torch.matmul(x.transpose(1, 2), self.w) * 0.5  # [batch, pixels, channels]
        y = F.relu(self.last(x.reshape(-1, HIDDEN)))
        return y.reshape(-1, H * W, L).transpose(1, 2).reshape(-1, L, H, W)


class Recurrent(nn.Module):
    """Reads the pixels in order, each after the one before it."""

    def __init__(self, cell, layers=1):
        super().__init__()
        self.cell, self.last = cell(1, HIDDEN, layers, batch_first=True), nn.Linear(HIDDEN, L)

    def forward(self, x):
        x = F.pad(x.reshape(-1, H * W, 1), (0, 0, 1, 0))[:, :-1]
        y, _ = self.cell(x)
        return 4 * self.last(y).transpose(1, 2).reshape(-1, L, H, W)


class Rows(nn.Module):
    """A loop over the rows that an exporter writes as Loop or Scan: each row sees the sum
    of those above."""

    def __init__(self):
        super().__init__()
        self.w, self.last = nn.Parameter(torch.randn(W, W) / 2), nn.Conv2d(1, L, 1)

    def forward(self, x):
        return self.last(rows(x[:, 0], self.w)[:, None])


@torch.jit.script
def rows(x, w):
    state = torch.zeros_like(x[:, 0])
    out = torch.zeros_like(x)
    for i in range(x.shape[1]):
        out[:, i] = state
        state = torch.tanh(x[:, i] @ w + state)
    return out


@torch.jit.script
def rows_in_list(x, w):
    state = torch.zeros_like(x[:, 0])
    out = []
    for i in range(x.shape[1]):
        out.append(state)
        state = torch.tanh(x[:, i] @ w + state)
    return torch.stack(out, 1)


@torch.jit.script
def rows_joined(x, w):
    state = torch.zeros_like(x[:, :, 0])
    out = []
    for i in range(x.shape[2]):
        out.append(state[:, :, None])
        state = torch.tanh(x[:, :, i] @ w + state)
    return torch.cat(out, -2)


class Stacked(Rows):
    def forward(self, x):
        return self.last(rows_in_list(x[:, 0], self.w)[:, None])


class Joined(Rows):
    def forward(self, x):
        return self.last(rows_joined(x, self.w))


class Scanned(Rows):
    def forward(self, x):
        from torch._higher_order_ops.scan import scan

        def step(state, row):
            return torch.tanh(row @ self.w + state), state.clone()

        _, out = scan(step, x.new_zeros(x.shape[0], W), x[:, 0].movedim(1, 0))
        return self.last(out.movedim(0, 1)[:, None])


class Masked(nn.Module):
    """A level that never occurs: its bias is -inf."""

    def __init__(self):
        super().__init__()
        self.net = Plain()
        with torch.no_grad():
            self.net.net[-1].bias[L - 1] = -float("inf")

    def forward(self, x):
        return self.net(x)


class Cast(nn.Module):
    """Computes in another type than its input and output have."""

    def __init__(self, net, dtype):
        super().__init__()
        self.net, self.dtype = net.to(dtype), dtype

    def forward(self, x):
        return self.net(x.to(self.dtype)).to(torch.float32)


# Files


def export(net, dynamo, dtype=torch.float32, training=False, **more):
    """The file as a ModelProto, and the bytes beside it where there are any."""
    x = torch.rand(2, 1, H, W).to(dtype)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "m.onnx")
        kw = dict(input_names=["x"], output_names=["logits"], dynamo=dynamo, **more)
        if dynamo:
            kw.update(dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False)
        else:
            kw.update(dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}}, opset_version=more.get("opset_version", 17))
            if training:
                kw["training"] = torch.onnx.TrainingMode.TRAINING
        torch.onnx.export(net.train(training), (x,), path, **kw)
        m = onnx.load(path, load_external_data=False)
        beside = open(path + ".data", "rb").read() if os.path.exists(path + ".data") else None
    for d, size in zip(m.graph.output[0].type.tensor_type.shape.dim[1:], (L, H, W)):
        d.dim_value = size  # of some networks the exporter does not know it
    return lean(m), beside


def lean(m, declared=False):
    """Without the notes on Python source code, of which files of PyTorch are full, and,
    but for declared, without what is declared of the values inside."""
    def graph(g):
        del g.metadata_props[:]
        if not declared:
            del g.value_info[:]
        for n in g.node:
            n.doc_string = ""
            del n.metadata_props[:]
            for a in n.attribute:
                if a.HasField("g"):
                    graph(a.g)
        for v in [*g.input, *g.output, *g.initializer]:
            v.doc_string = ""
            del v.metadata_props[:]
    graph(m.graph)
    del m.metadata_props[:]
    return m


def inline(made):
    """The model of export with its weights inside."""
    m, beside = made
    if beside is None:
        return m
    with tempfile.TemporaryDirectory() as d:
        onnx.save(m, os.path.join(d, "m.onnx"))
        open(os.path.join(d, "m.onnx.data"), "wb").write(beside)
        return onnx.load(os.path.join(d, "m.onnx"))


def optimised(m, level):
    """The file that ONNX Runtime's optimiser writes."""
    with tempfile.TemporaryDirectory() as d:
        onnx.save(m, os.path.join(d, "in.onnx"))
        o = ort.SessionOptions()
        o.log_severity_level = 3
        o.graph_optimization_level = level
        o.optimized_model_filepath = os.path.join(d, "out.onnx")
        ort.InferenceSession(os.path.join(d, "in.onnx"), o, providers=["CPUExecutionProvider"])
        return lean(onnx.load(os.path.join(d, "out.onnx")), True)


def quantised(m, how, **kw):
    from onnxruntime import quantization as q

    with tempfile.TemporaryDirectory() as d:
        src, to = os.path.join(d, "in.onnx"), os.path.join(d, "out.onnx")
        onnx.save(m, src)
        if how == "dynamic":
            q.quantize_dynamic(src, to, **kw)
        else:
            class Reader(q.CalibrationDataReader):
                def __init__(self):
                    g = np.random.default_rng(0)
                    self.left = iter([{"x": (g.integers(0, L, (4, 1, H, W)) / (L - 1)).astype(np.float32)} for _ in range(4)])

                def get_next(self):
                    return next(self.left, None)

            q.quantize_static(src, to, Reader(), quant_format=how, **kw)
        return lean(onnx.load(to))


def weights(m):
    """The initialisers that are weights: float tensors of more than one element."""
    return [t for t in m.graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) > 1]


def behind(m, change):
    """Each weight behind nodes that make it: change(name, array) gives its initialisers
    and nodes, and the array that it then is. It returns those by name."""
    became, nodes = {}, []
    for t in weights(m):
        a = numpy_helper.to_array(t)
        inits, made, became[t.name] = change(t.name, a)
        m.graph.initializer.remove(t)
        m.graph.initializer.extend(inits)
        nodes += made
    old = list(m.graph.node)
    del m.graph.node[:]
    m.graph.node.extend(nodes + old)
    return became


def cast_from(kind):
    def change(name, a):
        import ml_dtypes

        numpy = {TensorProto.FLOAT16: np.float16, TensorProto.BFLOAT16: ml_dtypes.bfloat16, TensorProto.DOUBLE: np.float64}[kind]
        b = a.astype(numpy)
        t = helper.make_tensor(name + "_stored", kind, a.shape, b.tobytes(), raw=True)
        return [t], [helper.make_node("Cast", [name + "_stored"], [name], to=TensorProto.FLOAT)], b.astype(np.float32)

    return change


def dequantised(signed, axis=None, block=None, zero=True):
    def change(name, a):
        if a.ndim < 2 or block and a.shape[1] % block:
            return [numpy_helper.from_array(a, name)], [], a
        top = 127 if signed else 255
        kind = np.int8 if signed else np.uint8
        if block:
            parts = a.reshape(a.shape[0], a.shape[1] // block, block, *a.shape[2:])
            lo, hi = parts.min(2), parts.max(2)
        elif axis is None:
            lo, hi = a.min(), a.max()
        else:
            rest = tuple(i for i in range(a.ndim) if i != axis)
            lo, hi = a.min(rest), a.max(rest)
        lo, hi = np.minimum(lo, 0), np.maximum(hi, 0)
        scale = (np.maximum(-lo, hi) / 127 if signed else (hi - lo) / 255).astype(np.float32) + np.float32(1e-6)
        point = np.zeros(scale.shape, kind) if signed else np.round(-lo / scale).astype(kind)
        def wide(v):
            if block:
                return np.repeat(v, block, 1)
            return v if axis is None else v.reshape([-1 if i == axis else 1 for i in range(a.ndim)])
        q = np.clip(np.round(a / wide(scale)) + wide(point), -128 if signed else 0, top).astype(kind)
        inits = [numpy_helper.from_array(q, name + "_q"), numpy_helper.from_array(scale, name + "_scale")]
        names = [name + "_q", name + "_scale"]
        if zero:
            inits.append(numpy_helper.from_array(point, name + "_zero"))
            names.append(name + "_zero")
        attrs = {} if axis is None else {"axis": axis}
        if block:
            attrs["block_size"] = block
        became = (q.astype(np.float32) - wide(point).astype(np.float32)) * wide(scale)
        return inits, [helper.make_node("DequantizeLinear", names, [name], **attrs)], became

    return change


def with_weights(net, became):
    """The network with other weights, by the names of an export."""
    net = copy.deepcopy(net)
    own = dict(net.named_parameters())
    for name, a in became.items():
        if name in own:
            with torch.no_grad():
                own[name].copy_(torch.tensor(a))
    return net


def dequantised_net(net, m):
    """The network with the weights that a file has quantised. Its activations are not: their
    ranges would be those of all images and pixels together."""
    net = copy.deepcopy(net)
    inits = {t.name: numpy_helper.to_array(t) for t in m.graph.initializer}
    for name, q in inits.items():
        if not name.endswith("_quantized"):
            continue
        scale, zero = (inits[name[: -len("quantized")] + k] for k in ("scale", "zero_point"))
        a = torch.tensor((q.astype(np.float32) - zero.astype(np.float32)) * scale)
        for p in net.parameters():
            for b in (a, a.T if a.ndim == 2 else a):
                if p.shape == b.shape and (p - b).abs().max() <= float(scale.max()):
                    with torch.no_grad():
                        p.copy_(b)
    return net


# References


def logits_of(net):
    try:
        net = copy.deepcopy(net)
    except RuntimeError:  # of weight_norm's weight, which is no leaf
        with torch.no_grad():
            net(torch.zeros(1, 1, H, W))
        net = copy.deepcopy(net)
    net = net.eval().double()

    def run(x):
        with torch.no_grad():
            return net(torch.tensor(x.astype(np.float32)).double()).double().numpy()

    return run


def logits_of_file(path):
    s = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    dtype = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(s.get_inputs()[0].type, np.float32)
    return lambda x: np.concatenate([s.run(None, {"x": row[None].astype(dtype)})[0] for row in x]).astype(np.float64)


def log_softmax(a):
    top = a.max(1, keepdims=True)
    return a - top - np.log(np.exp(a - top).sum(1, keepdims=True))


def reference(logits):
    g = np.random.default_rng(1)
    levels = L
    if not np.isfinite(logits(np.zeros((1, 1, H, W)))).all():
        levels = L - 1
    images = g.integers(0, levels, (3, H, W))
    logs = log_softmax(logits(images[:, None] / (L - 1)))
    at = np.take_along_axis(logs, images[:, None], 1).sum((1, 2, 3))
    draws = []
    for temperature in 1.0, 0.7:
        n, seed = 3, 7
        x = np.zeros((n, 1, H, W))
        streams = [PCG(seed, i) for i in range(n)]
        for y in range(H):
            for c in range(W):
                p = np.exp(log_softmax(logits(x / (L - 1)))[:, :, y, c] / temperature)
                for i in range(n):
                    rest = streams[i].float64() * p[i].sum()
                    x[i, 0, y, c] = np.searchsorted(np.cumsum(p[i]), rest, "right")
        draws.append({"seed": seed, "temperature": temperature, "levels": x[:, 0].astype(int).reshape(n, -1).tolist()})
    return {"height": H, "width": W, "levels": L, "score": {"levels": images.reshape(len(images), -1).tolist(), "logprob": at.tolist()}, "draws": draws}


FORMS = {}


def form(f):
    FORMS[f.__name__] = f
    return f


def forms(names, f):
    """A form for each name and arguments."""
    for name, args in names.items():
        FORMS[name] = lambda args=args: f(*args)


# Each form gives a ModelProto (or the pair of export) and a network for the reference; None
# has the file as ONNX Runtime runs it.

forms({"dynamo": (True,), "script": (False,)}, lambda dynamo: (lambda net: (export(net, dynamo), net))(Plain(nn.ELU, extra=[nn.BatchNorm2d(HIDDEN)])))


def half(dynamo):
    net = Plain(nn.GELU).half()
    return inline(export(net, dynamo, torch.float16)), net


forms({"half_dynamo": (True,), "half_script": (False,)}, half)


def cast(dtype, dynamo):
    net = Plain()
    return inline(export(Cast(copy.deepcopy(net), dtype), dynamo)), net.to(dtype)


forms(
    {
        "cast_half_dynamo": (torch.float16, True), "cast_half_script": (torch.float16, False),
        "cast_bfloat16_dynamo": (torch.bfloat16, True), "cast_bfloat16_script": (torch.bfloat16, False),
        "cast_double_dynamo": (torch.float64, True), "cast_double_script": (torch.float64, False),
    },
    cast,
)


@form
def half_converter():
    """onnxconverter's, with float32 ends and Casts."""
    from onnxconverter_common import float16

    net = Plain()
    m = float16.convert_float_to_float16(export(net, False)[0], keep_io_types=True)
    return m, net.half()


@form
def half_ort():
    """The converter that is in ONNX Runtime, with float16 ends."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    net = Plain(nn.SiLU)
    m = convert_float_to_float16(export(net, False)[0], keep_io_types=False)
    return m, net.half()


def stored(change, opset=None):
    net = Plain()
    m = export(net, False)[0]
    if opset:
        m = onnx.version_converter.convert_version(m, opset)
        m.ir_version = 10
    return m, with_weights(net, behind(m, change))


forms(
    {
        "weights_half": (cast_from(TensorProto.FLOAT16),), "weights_bfloat16": (cast_from(TensorProto.BFLOAT16),),
        "weights_double": (cast_from(TensorProto.DOUBLE),),
        "weights_int8": (dequantised(True, zero=False),), "weights_uint8": (dequantised(False),),
        "weights_int8_axis": (dequantised(True, 0),), "weights_uint8_axis": (dequantised(False, 0),),
        "weights_int8_blocks": (dequantised(True, 1, 3), 21),
    },
    stored,
)


def norm(wrap, dynamo, more={}):
    net = Plain(norm=wrap).eval()
    for _ in range(3):  # spectral_norm's power iteration
        with torch.no_grad():
            net.train()(torch.rand(1, 1, H, W))
    return inline(export(net.eval(), dynamo, **more)), net


P = torch.nn.utils.parametrizations
forms(
    {
        f"{name}_{'dynamo' if dynamo else 'script'}": (wrap, dynamo)
        for name, wrap in {
            "weight_norm": torch.nn.utils.weight_norm, "weight_norm_parametrization": P.weight_norm,
            "weight_norm_whole": lambda c: torch.nn.utils.weight_norm(c, dim=None),
            "spectral_norm": torch.nn.utils.spectral_norm, "spectral_norm_parametrization": P.spectral_norm,
        }.items()
        for dynamo in (True, False)
        if (name, dynamo) != ("spectral_norm_parametrization", False)  # of vdot, which that exporter does not know
    },
    norm,
)
forms(
    {
        "weight_norm_unfolded_script": (torch.nn.utils.weight_norm, False, dict(do_constant_folding=False)),
        "weight_norm_parametrization_unfolded_script": (P.weight_norm, False, dict(do_constant_folding=False)),
        "weight_norm_whole_unfolded_script": (lambda c: torch.nn.utils.weight_norm(c, dim=None), False, dict(do_constant_folding=False)),
        "spectral_norm_unfolded_script": (torch.nn.utils.spectral_norm, False, dict(do_constant_folding=False)),
        "weight_norm_unfolded_dynamo": (torch.nn.utils.weight_norm, True, dict(optimize=False)),
        "weight_norm_parametrization_unfolded_dynamo": (P.weight_norm, True, dict(optimize=False)),
        "weight_norm_whole_unfolded_dynamo": (lambda c: torch.nn.utils.weight_norm(c, dim=None), True, dict(optimize=False)),
        "spectral_norm_unfolded_dynamo": (torch.nn.utils.spectral_norm, True, dict(optimize=False)),
        "spectral_norm_parametrization_unfolded_dynamo": (P.spectral_norm, True, dict(optimize=False)),
    },
    norm,
)

LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "layout": ort.GraphOptimizationLevel.ORT_ENABLE_LAYOUT, "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def ort_form(make, level):
    net = make()
    return optimised(inline(export(net, False)), LEVELS[level]), net


forms(
    {f"ort_{name}_{level}": (make, level)
     for name, make, levels in [
         ("relu", Plain, LEVELS), ("leaky", lambda: Plain(nn.LeakyReLU), ["extended"]), ("sigmoid", lambda: Plain(nn.Sigmoid), ["extended"]),
         ("clip", lambda: Plain(nn.ReLU6), ["extended"]), ("gelu", lambda: Plain(nn.GELU), ["extended", "all"]),
         ("quick", lambda: Plain(QuickGelu), ["extended"]), ("silu", lambda: Plain(nn.SiLU), ["extended"]),
         ("mixed", Mixed, ["extended", "all"]), ("mixed_tanh", lambda: Mixed(lambda x: F.gelu(x, approximate="tanh")), ["extended"]),
         ("scaled", Scaled, ["extended"]),
     ] for level in levels},
    ort_form,
)


def quantise(how, kw, make=Plain):
    from onnxruntime import quantization as q

    how = {"qdq": q.QuantFormat.QDQ, "operator": q.QuantFormat.QOperator}.get(how, how)
    net = make()
    m = quantised(inline(export(net, False)), how, **kw)
    return m, dequantised_net(net, m) if how == "dynamic" else None


forms(
    {
        "quantised_dynamic": ("dynamic", {}), "quantised_dynamic_matmul": ("dynamic", {}, Mixed), "quantised_qdq": ("qdq", {}), "quantised_qdq_channel": ("qdq", {"per_channel": True}),
        "quantised_operator": ("operator", {}), "quantised_operator_channel": ("operator", {"per_channel": True}),
        "quantised_operator_matmul": ("operator", {}, Scaled), "quantised_operator_silu": ("operator", {}, lambda: Plain(nn.SiLU)),
    },
    quantise,
)


def recurrent(cell, dynamo, layers=1):
    net = Recurrent(cell, layers)
    return inline(export(net, dynamo)), net


forms(
    {
        "lstm_dynamo": (nn.LSTM, True), "lstm_script": (nn.LSTM, False, 2), "gru_dynamo": (nn.GRU, True),
        "gru_script": (nn.GRU, False), "rnn_script": (nn.RNN, False),
    },
    recurrent,
)


def rows_of(make, dynamo):
    net = make()
    return inline(export(net, dynamo)), net


forms(
    {
        "loop_script": (Rows, False), "loop_stack_script": (Stacked, False), "loop_cat_script": (Joined, False), "scan_dynamo": (Scanned, True),
    },
    rows_of,
)


@form
def scan():
    """Written by hand: the rows' sum as a Scan over them."""
    net = Rows()
    body = onnx.parser.parse_graph(
        f"body (float[N,{W}] state, float[N,{W}] row) => (float[N,{W}] next, float[N,{W}] seen) {{ seen = Identity(state) m = MatMul(row, w) s = Add(m, state) next = Tanh(s) }}"
    )
    g = onnx.parser.parse_graph(
        f"""g (float[batch,1,{H},{W}] x) => (float[batch,{L},{H},{W}] logits) {{
            axis = Constant<value_ints=[1]>()
            p = Squeeze(x, axis)
            t = Transpose<perm=[1,0,2]>(p)
            zeros = Constant<value_float=0.0>()
            first = Constant<value_int=0>()
            r = Gather<axis=0>(t, first)
            begin = Mul(r, zeros)
            y = Transpose<perm=[1,0,2]>(seen)
            u = Unsqueeze(y, axis)
            logits = Conv(u, last, bias)
        }}"""
    )
    g.node.insert(7, helper.make_node("Scan", ["begin", "t"], ["end", "seen"], num_scan_inputs=1, body=body))
    for name, t in ("w", net.w), ("last", net.last.weight), ("bias", net.last.bias):
        g.initializer.append(numpy_helper.from_array(t.detach().numpy(), name))
    return helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), net


@form
def microsoft():
    """More of ONNX Runtime's own operators, by hand."""
    torch.manual_seed(5)
    w = lambda *shape: torch.randn(*shape).numpy()
    m = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
        g (float[batch,1,{H},{W}] x) => (float[batch,{L},{H},{W}] logits) {{
            a = com.microsoft.FusedConv<pads=[1,1,1,1], activation="Tanh">(x, first, first_bias)
            b = com.microsoft.FusedConv<pads=[1,1,1,1], activation="HardSigmoid", activation_params=[0.3,0.4]>(a, second, second_bias, a)
            flat = Constant<value_ints=[0,{HIDDEN},{H * W}]>()
            wide = Constant<value_ints=[0,{L},{H},{W}]>()
            b1 = Reshape(b, flat)
            c = Transpose<perm=[0,2,1]>(b1)
            a1 = Reshape(a, flat)
            d = Transpose<perm=[0,2,1]>(a1)
            e, _1, _2, sum = com.microsoft.SkipLayerNormalization<epsilon=0.001>(c, d, gamma, beta, bias)
            f = com.microsoft.FastGelu(e, bias)
            h, _3, _4, sum2 = com.microsoft.SkipSimplifiedLayerNormalization<epsilon=0.01>(f, sum, gamma)
            i = SimplifiedLayerNormalization<axis=-1, epsilon=0.1>(sum2, gamma)
            j = com.microsoft.BiasGelu(i, bias)
            k = com.microsoft.QuickGelu(h)
            l = Add(j, k)
            m = com.microsoft.FusedMatMul<alpha=0.7, transB=1>(l, last)
            n = com.microsoft.Gelu(m)
            n1 = Transpose<perm=[0,2,1]>(n)
            o = Reshape(n1, wide)
            two = Constant<value_float=2.0>()
            logits = Mul(o, two)
        }}"""
    )
    for n in m.graph.node:
        for i, name in enumerate(n.output):
            if name.startswith("_"):
                n.output[i] = ""
    first, second = (c.weight.detach().numpy() for c in (conv(1, HIDDEN, "A"), conv(HIDDEN, HIDDEN, "B")))
    for name, a in {
        "first": first, "second": second, "first_bias": w(HIDDEN), "second_bias": w(HIDDEN), "gamma": w(HIDDEN), "beta": w(HIDDEN),
        "bias": w(HIDDEN), "last": w(L, HIDDEN),
    }.items():
        m.graph.initializer.append(numpy_helper.from_array(a, name))
    return m, None


@form
def functions():
    """Local functions: one that calls another, and one with attributes that a call gives."""
    net = Plain()
    w = [p.detach().numpy() for p in net.parameters()]
    m = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
        g (float[batch,1,{H},{W}] x) => (float[batch,{L},{H},{W}] logits) {{
            a = own.Layer<pad=1>(x, w0, w1)
            b = own.Layer<pad=1>(a, w2, w3)
            c = own.Step<pad=0>(b, w4, w5)
            two = Constant<value_float=2.0>()
            logits = Mul(c, two)
        }}
        <domain: "own", opset_import: ["" : 17, "own" : 1]>
        Layer <pad> (x, w, b) => (y) {{
            c = own.Step<pad: int = @pad>(x, w, b)
            y = own.Rectify(c)
        }}
        <domain: "own", opset_import: ["" : 17]>
        Step <pad> (x, w, b) => (y) {{
            y = Conv(x, w, b)
        }}
        <domain: "own", opset_import: ["" : 17]>
        Rectify <least: float = 0.0> (x) => (y) {{
            least = Constant<value_float: float = @least>()
            y = Max(x, least)
        }}"""
    )
    step = next(f for f in m.functions if f.name == "Step")
    # Its padding is left to auto_pad, as a list cannot refer to a number.
    step.node[0].attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))
    for i, a in enumerate(w):
        m.graph.initializer.append(numpy_helper.from_array(a, f"w{i}"))
    return m, net


@form
def functions_dynamo():
    """What PyTorch's exporter writes before it inlines its own functions."""
    net = Plain(nn.SiLU)
    return inline(export(net, True, optimize=False)), net


@form
def infinite_bias():
    net = Masked()
    return export(net, False)[0], net


def training(layer, dynamo):
    return inline(export(Plain(extra=[layer()]), dynamo, training=True)), "refused"


forms(
    {
        f"training_{name}_{'dynamo' if dynamo else 'script'}": (layer, dynamo)
        for name, layer in {"dropout": lambda: nn.Dropout(0.5), "batchnorm": lambda: nn.BatchNorm2d(HIDDEN)}.items()
        for dynamo in (True, False)
        if (name, dynamo) != ("batchnorm", True)  # which that exporter writes as outside training
    },
    training,
)


def main(names):
    for name, make in FORMS.items():
        if names and not any(fnmatch.fnmatch(name, p) for p in names):
            continue
        torch.manual_seed(sum(map(ord, name)))
        made, net = make()
        m, beside = made if isinstance(made, tuple) else (made, None)
        path = os.path.join(HERE, name + ".onnx")
        if beside is not None:
            for t in m.graph.initializer:
                for e in t.external_data:
                    if e.key == "location":
                        e.value = name + ".onnx.data"
            open(path + ".data", "wb").write(beside)
        onnx.save(m, path)
        if net == "refused":
            continue
        out = reference(logits_of(net) if net is not None else logits_of_file(path))
        with open(path[:-5] + ".json", "w") as f:
            json.dump(out, f)
            f.write("\n")
        ops = sorted({(n.domain + ":" if n.domain else "") + n.op_type for n in m.graph.node})
        print(name, os.path.getsize(path), *ops)
        if net is not None:  # the reference against ONNX Runtime
            try:
                x = np.array(out["score"]["levels"]).reshape(-1, 1, H, W) / (L - 1)
                a, b = logits_of(net)(x), logits_of_file(path)(x)
                print("   largest difference of logits", np.abs(np.where(np.isfinite(a), a - b, 0)).max())
            except Exception as e:
                print("   ONNX Runtime:", str(e).split("\n")[0][:160])


main(sys.argv[1:])
