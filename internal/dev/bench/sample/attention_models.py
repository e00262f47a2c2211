#!/usr/bin/env python3
"""Networks with attention, of random weights, at sizes that people use, as ONNX files for the benchmark.

  attention_models.py FOLDER

writes transformer.onnx, a transformer of 8 layers, 256 wide, 8 heads, over the 1,024 pixels of 32x32 in 256
levels, and pixelsnail.onnx, a PixelSNAIL of 8 blocks of 64 filters on 32x32 in 256 levels.
"""
import math
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE, LEVELS = 32, 256


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

    def __init__(self, layers=8, width=256, heads=8):
        super().__init__()
        self.tok = nn.Embedding(LEVELS, width)
        self.pos = nn.Parameter(torch.randn(SIZE * SIZE, width) * 0.3)
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
    def __init__(self, blocks=8, width=64):
        super().__init__()
        self.stem = Masked(1, width, 7, 0)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.out = nn.Conv2d(width, LEVELS, 1)
        y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, SIZE), torch.linspace(-0.5, 0.5, SIZE), indexing="ij")
        self.register_buffer("place", torch.stack([y, x])[None])

    def forward(self, image):
        x = self.stem(image)
        for b in self.blocks:
            x = b(x, image, self.place)
        return self.out(F.elu(x))


def export(net, example, path):
    net.eval()
    torch.onnx.export(net, (example,), path, input_names=["x"], output_names=["logits"], opset_version=17,
                      dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}}, dynamo=False)


def main():
    for name, make, example in (
        ("transformer", Transformer, torch.zeros(1, SIZE * SIZE, dtype=torch.int64)),
        ("pixelsnail", PixelSNAIL, torch.zeros(1, 1, SIZE, SIZE)),
    ):
        torch.manual_seed(0)
        export(make(), example, os.path.join(sys.argv[1], name + ".onnx"))


if __name__ == "__main__":
    main()
