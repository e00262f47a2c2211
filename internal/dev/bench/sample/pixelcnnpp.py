"""Writes a PixelCNN++ with seeded random weights as ONNX, to be timed.

    python pixelcnnpp.py out.onnx [--filters 40] [--blocks 5] [--size 32] [--mixtures 10]

The network is that of Salimans et al., "PixelCNN++" (2017): two streams, one that sees the rows
above and one that sees what is to the left as well, three resolutions, gated residual blocks
with skips from the way down to the way up, and a mixture of logistics for RGB pixels in [-1, 1].
It needs torch and onnx.
"""
import argparse

import torch
from torch import nn
from torch.nn import functional as F


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--filters", type=int, default=40)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--mixtures", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(1)
    net = PixelCNNpp(args.filters, args.blocks, args.mixtures).eval()
    x = torch.zeros(1, 3, args.size, args.size)
    torch.onnx.export(
        net, (x,), args.out, input_names=["x"], output_names=["out"], opset_version=17, dynamo=False,
        dynamic_axes={"x": {0: "n"}, "out": {0: "n"}},
    )


if __name__ == "__main__":
    main()
