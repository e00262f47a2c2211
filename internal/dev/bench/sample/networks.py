#!/usr/bin/env python3
"""Networks at sizes that people use, with seeded random weights, as ONNX files for the benchmark.

  networks.py FOLDER NAME...

writes FOLDER/NAME.onnx for each name:

  pixelcnnpp    PixelCNN++ as published (Salimans et al. 2017): 5 residual blocks a stage, 3 resolutions,
                32x32 RGB in [-1, 1], 10 mixtures of logistics; but 40 filters
  pixelcnnpp160 the same with the published 160 filters
  pixelsnail    PixelSNAIL (Chen et al. 2017): 8 blocks of 64 filters on 32x32 in 256 levels
  bottom        the bottom prior of VQ-VAE-2 (Razavi et al. 2019): 20 gated layers with 5x5 filters on 64x64
                codes of 512, and a residual network of 20 blocks on the 32x32 top codes; 64 filters, not 512
  masked        PixelCNN (van den Oord et al. 2016) with masks by channel: 7 blocks of 96 filters on 32x32 RGB
  transformer   8 layers, 256 wide, 8 heads, over 32x32 pixels in 256 levels

NAME@SIZE is the same network on SIZE by SIZE pixels. It needs torch and onnx.
"""
import math
import os
import sys
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

LEVELS, CODES = 256, 512


def concat_elu(x):
    return F.elu(torch.cat([x, -x], 1))


class DownShifted(nn.Module):
    """A convolution that sees the rows above, its own, and what is beside."""

    def __init__(self, inputs, outputs, kernel=(2, 3), stride=1):
        super().__init__()
        self.pad = (kernel[1] // 2, kernel[1] // 2, kernel[0] - 1, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x):
        return self.conv(F.pad(x, self.pad))


class DownRightShifted(nn.Module):
    """A convolution that sees the rows above, and its own up to the pixel."""

    def __init__(self, inputs, outputs, kernel=(2, 2), stride=1):
        super().__init__()
        self.pad = (kernel[1] - 1, 0, kernel[0] - 1, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x):
        return self.conv(F.pad(x, self.pad))


class DownShiftedUp(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.conv = nn.ConvTranspose2d(filters, filters, (2, 3), 2, output_padding=1)

    def forward(self, x):
        h, w = x.shape[2] * 2, x.shape[3] * 2
        return self.conv(x)[:, :, :h, 1 : 1 + w]


class DownRightShiftedUp(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.conv = nn.ConvTranspose2d(filters, filters, (2, 2), 2)

    def forward(self, x):
        return self.conv(x)


class Gated(nn.Module):
    def __init__(self, conv, filters, skips):
        super().__init__()
        self.first = conv(2 * filters, filters)
        self.skip = nn.Conv2d(2 * skips * filters, filters, 1) if skips else None
        self.second = conv(2 * filters, 2 * filters)

    def forward(self, x, a=None):
        y = self.first(concat_elu(x))
        if a is not None:
            y = y + self.skip(concat_elu(a))
        a, b = self.second(concat_elu(y)).chunk(2, 1)
        return x + a * torch.sigmoid(b)


class PixelCNNpp(nn.Module):
    def __init__(self, filters, blocks, mixtures):
        super().__init__()
        f = filters
        self.blocks = blocks
        self.u_init = DownShifted(4, f)
        self.ul_above = DownShifted(4, f, (1, 3))
        self.ul_left = DownRightShifted(4, f, (2, 1))
        self.u_up = nn.ModuleList([Gated(DownShifted, f, 0) for _ in range(3 * blocks)])
        self.ul_up = nn.ModuleList([Gated(DownRightShifted, f, 1) for _ in range(3 * blocks)])
        self.u_halve = nn.ModuleList([DownShifted(f, f, stride=2) for _ in range(2)])
        self.ul_halve = nn.ModuleList([DownRightShifted(f, f, stride=2) for _ in range(2)])
        down = [blocks, blocks + 1, blocks + 1]
        self.u_down = nn.ModuleList([nn.ModuleList([Gated(DownShifted, f, 1) for _ in range(n)]) for n in down])
        self.ul_down = nn.ModuleList([nn.ModuleList([Gated(DownRightShifted, f, 2) for _ in range(n)]) for n in down])
        self.u_double = nn.ModuleList([DownShiftedUp(f) for _ in range(2)])
        self.ul_double = nn.ModuleList([DownRightShiftedUp(f) for _ in range(2)])
        self.out = nn.Conv2d(f, 10 * mixtures, 1)

    def forward(self, x):
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        below = lambda t: F.pad(t, (0, 0, 1, 0))[:, :, :-1]
        right = lambda t: F.pad(t, (1, 0, 0, 0))[:, :, :, :-1]
        us = [below(self.u_init(x))]
        uls = [below(self.ul_above(x)) + right(self.ul_left(x))]
        for s in range(3):
            for k in range(self.blocks):
                us.append(self.u_up[s * self.blocks + k](us[-1]))
                uls.append(self.ul_up[s * self.blocks + k](uls[-1], us[-1]))
            if s < 2:
                us.append(self.u_halve[s](us[-1]))
                uls.append(self.ul_halve[s](uls[-1]))
        u, ul = us.pop(), uls.pop()
        for s in range(3):
            for k in range(len(self.u_down[s])):
                u = self.u_down[s][k](u, us.pop())
                ul = self.ul_down[s][k](ul, torch.cat([u, uls.pop()], 1))
            if s < 2:
                u, ul = self.u_double[s](u), self.ul_double[s](ul)
        assert not us and not uls
        return self.out(F.elu(ul))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.a, self.b = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, mask):
        n, length, width = x.shape
        q, k, v = (t.view(n, length, self.heads, -1).transpose(1, 2) for t in self.qkv(self.a(x)).chunk(3, 2))
        w = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + mask).softmax(3)
        x = x + self.out((w @ v).transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.b(x))


class Transformer(nn.Module):
    """Token i is predicted from the tokens before it: they are shifted by a start vector."""

    def __init__(self, size, layers=8, width=256, heads=8):
        super().__init__()
        self.tok = nn.Embedding(LEVELS, width)
        self.pos = nn.Parameter(torch.randn(size * size, width) * 0.3)
        self.start = nn.Parameter(torch.randn(1, 1, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, LEVELS)

    def forward(self, tokens):
        x = self.tok(tokens)
        x = torch.cat([self.start.expand(x.shape[0], -1, -1), x[:, :-1]], 1) + self.pos
        mask = torch.full((x.shape[1], x.shape[1]), -math.inf).triu(1)
        for layer in self.layers:
            x = layer(x, mask)
        return self.out(self.norm(x))


class Masked(nn.Conv2d):
    def __init__(self, i, o, k, self_):
        super().__init__(i, o, k, padding=k // 2)
        m = torch.zeros(1, 1, k, k)
        m.view(-1)[: k * k // 2 + self_] = 1
        self.register_buffer("mask", m)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = Masked(width, width, 3, 1), nn.Conv2d(width, 2 * width, 1)

    def forward(self, x):
        a, b = self.b(F.elu(self.a(F.elu(x)))).chunk(2, 1)
        return x + a * torch.sigmoid(b)


class Block(nn.Module):
    def __init__(self, width, residuals=2, depth=16, value=64):
        super().__init__()
        self.res = nn.Sequential(*(Residual(width) for _ in range(residuals)))
        self.q, self.k = nn.Conv2d(width + 2, depth, 1), nn.Conv2d(width + 3, depth, 1)
        self.v, self.mix, self.post = nn.Conv2d(width + 3, value, 1), nn.Conv2d(value, width, 1), Residual(width)

    def forward(self, x, image, place):
        n, c, h, w = x.shape
        x = self.res(x)
        place = place.expand(n, -1, -1, -1)
        keys = torch.cat([x, image, place], 1)
        q = self.q(torch.cat([x, place], 1)).view(n, -1, h * w).transpose(1, 2)
        k, v = self.k(keys).view(n, -1, h * w), self.v(keys).view(n, -1, h * w).transpose(1, 2)
        mask = torch.ones(h * w, h * w).tril(-1)
        s = (q @ k / math.sqrt(q.shape[2])).masked_fill(mask == 0, -1e4)
        out = ((s.softmax(2) * mask) @ v).transpose(1, 2).reshape(n, -1, h, w)
        return self.post(x + self.mix(out))


class PixelSNAIL(nn.Module):
    def __init__(self, size, blocks=8, width=64):
        super().__init__()
        self.stem = Masked(1, width, 7, 0)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.out = nn.Conv2d(width, LEVELS, 1)
        y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, size), torch.linspace(-0.5, 0.5, size), indexing="ij")
        self.register_buffer("place", torch.stack([y, x])[None])

    def forward(self, image):
        x = self.stem(image)
        for b in self.blocks:
            x = b(x, image, self.place)
        return self.out(F.elu(x))


class ColourMasked(nn.Conv2d):
    """Channel k belongs to colour k mod 3; at its own pixel a colour sees those before it, and itself if self_."""

    def __init__(self, i, o, k, self_):
        super().__init__(i, o, k, padding=k // 2)
        m = torch.zeros(o, i, k * k)
        m[:, :, : k * k // 2] = 1
        m[:, :, k * k // 2] = (torch.arange(i) % 3)[None] < (torch.arange(o) % 3 + self_)[:, None]
        self.register_buffer("mask", m.view(o, i, k, k))

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class MaskedPixelCNN(nn.Module):
    def __init__(self, blocks=7, width=96):
        super().__init__()
        self.stem, half = ColourMasked(3, width, 7, 0), width // 2
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(), ColourMasked(width, half, 1, 1), nn.ReLU(), ColourMasked(half, half, 3, 1),
                nn.ReLU(), ColourMasked(half, width, 1, 1),
            )
            for _ in range(blocks)
        )
        self.out = nn.Sequential(nn.ReLU(), ColourMasked(width, 3 * LEVELS, 1, 1))

    def forward(self, x):
        x = self.stem(x)
        for b in self.blocks:
            x = x + b(x)
        x = self.out(x)
        return x.view(x.shape[0], LEVELS, 3, x.shape[2], x.shape[3])


class GatedLayer(nn.Module):
    """Two masked 5x5 convolutions, of which only the rows up to the pixel's are there, and a gate."""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = Upward(width, width, 1), Upward(width, 2 * width, 1)
        self.condition = nn.Conv2d(width, 2 * width, 1, bias=False)

    def forward(self, x, condition):
        y = self.b(F.elu(self.a(F.elu(x)))) + self.condition(condition)
        a, b = y.chunk(2, 1)
        return x + a * torch.sigmoid(b)


class Upward(nn.Conv2d):
    """The rows above, and of the pixel's own what is to the left, and the pixel where it is seen."""

    def __init__(self, i, o, self_):
        super().__init__(i, o, (3, 5))
        m = torch.ones(1, 1, 3, 5)
        m[:, :, 2, 2 + self_ :] = 0
        self.register_buffer("mask", m)

    def forward(self, x):
        return F.conv2d(F.pad(x, (2, 2, 2, 0)), self.weight * self.mask, self.bias)


class BottomPrior(nn.Module):
    def __init__(self, layers=20, blocks=20, width=64):
        super().__init__()
        self.embed, self.top = nn.Embedding(CODES, width), nn.Embedding(CODES, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ELU(), nn.Conv2d(width, width // 2, 3, padding=1), nn.ELU(), nn.Conv2d(width // 2, width, 1))
            for _ in range(blocks)
        )
        self.stem = Upward(width, width, 0)
        self.layers = nn.ModuleList(GatedLayer(width) for _ in range(layers))
        self.out = nn.Sequential(nn.ELU(), nn.Conv2d(width, CODES, 1))

    def forward(self, codes, top):
        c = self.top(top).permute(0, 3, 1, 2)
        for b in self.blocks:
            c = c + b(c)
        c = F.interpolate(c, scale_factor=2)
        x = self.stem(self.embed(codes).permute(0, 3, 1, 2))
        for layer in self.layers:
            x = layer(x, c)
        return self.out(x)


def picture(channels, size):
    return (torch.zeros(1, channels, size, size),)


def codes(*sizes):
    return tuple(torch.zeros(1, *([size] if flat else [size, size]), dtype=torch.int64) for size, flat in sizes)


def pixelcnnpp(filters):
    return 32, lambda size: (PixelCNNpp(filters, 5, 10), picture(3, size)), {
        "channels": 3, "levels": LEVELS, "head": "logistic-mixture", "mixtures": 10, "input_layout": "NCHW",
        "output_layout": "NKHW", "pixel_scale": 2 / (LEVELS - 1), "pixel_offset": -1, "colour_order": "joint",
    }


def categorical(levels, layout, output_layout, channels=1):
    return {"channels": channels, "levels": levels, "head": "categorical", "outputs": "logits", "input_layout": layout, "output_layout": output_layout}


# By name: the size, what makes the network and an example of what it is given, and how it is read, as
# sampler annotate would write it.
NETWORKS = {
    "pixelcnnpp": pixelcnnpp(40),
    "pixelcnnpp160": pixelcnnpp(160),
    "pixelsnail": (
        32, lambda size: (PixelSNAIL(size), picture(1, size)),
        categorical(LEVELS, "NCHW", "NLHW") | {"pixel_scale": 1 / (LEVELS - 1), "pixel_offset": 0},
    ),
    "bottom": (
        64, lambda size: (BottomPrior(), codes((size, False), (size // 2, False))),
        categorical(CODES, "NHW", "NLHW") | {"conditions": '["condition"]'},
    ),
    "masked": (
        32, lambda size: (MaskedPixelCNN(), picture(3, size)),
        categorical(LEVELS, "NCHW", "NLCHW", 3) | {"pixel_scale": 1 / (LEVELS - 1), "pixel_offset": 0, "colour_order": "sub-pixel"},
    ),
    "transformer": (32, lambda size: (Transformer(size), codes((size * size, True))), categorical(LEVELS, "N(HW)", "N(HW)L")),
}


def network(name):
    """The network of a name, an example of what it is given, and how it is read."""
    name, _, size = name.partition("@")
    usual, make, metadata = NETWORKS[name]
    size = int(size or usual)
    torch.manual_seed(1)
    net, example = make(size)
    return net.eval(), example, metadata | {"format": 1, "order": "raster", "height": size, "width": size}


def main():
    for name in sys.argv[2:]:
        net, example, metadata = network(name)
        inputs = ["x", "condition"][: len(example)]
        path = os.path.join(sys.argv[1], name + ".onnx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net, example, path, input_names=inputs, output_names=["out"],
                dynamic_axes={i: {0: "n"} for i in inputs + ["out"]}, opset_version=17, dynamo=False,
            )
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {"pixelcnn." + key: str(value) for key, value in metadata.items()})
        onnx.save(model, path)


if __name__ == "__main__":
    main()
