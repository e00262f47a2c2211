#!/usr/bin/env python3
"""The reference model's drawing loops in PyTorch, for comparison. The weights are random.

  peer_torch.py THREADS

Reads "LOOP IMAGES" a line and prints the seconds that drawing so many images of 16x16 in 4 levels takes.
LOOP is naive: the whole network once per pixel; or best: masks multiplied into the weights, inference mode,
traced, and only the rows that the pixel depends on.
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

SIZE, LEVELS, HIDDEN, BLOCKS = 16, 4, 64, 5
ABOVE = 3 + BLOCKS  # rows above a pixel that it depends on
NAIVE_ROWS = 2  # rows that the naive loop is timed for; each takes it the same


class Masked(nn.Conv2d):
    """A convolution of which only the pixels before (A), or also this one (B), are seen."""

    def __init__(self, mask, cin, cout, k):
        super().__init__(cin, cout, k, padding=k // 2)
        m = torch.ones(k, k)
        m[k // 2 + 1 :] = 0
        m[k // 2, k // 2 + (mask == "B") :] = 0
        self.register_buffer("mask", m[None, None])
        self.folded = False

    def fold(self):
        self.weight.data *= self.mask
        self.folded = True

    def forward(self, x):
        weight = self.weight if self.folded else self.weight * self.mask
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.net = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c // 2, 1), nn.ReLU(), Masked("B", c // 2, c // 2, 3),
                                 nn.ReLU(), nn.Conv2d(c // 2, c, 1))

    def forward(self, x):
        return x + self.net(x)


def network():
    torch.manual_seed(0)
    return nn.Sequential(Masked("A", 1, HIDDEN, 7), *(Residual(HIDDEN) for _ in range(BLOCKS)), nn.ReLU(),
                         Masked("B", HIDDEN, HIDDEN, 1), nn.ReLU(), nn.Conv2d(HIDDEN, LEVELS, 1))


def pick(logits):
    return torch.multinomial(F.softmax(logits, 1), 1).squeeze(1).float() / (LEVELS - 1)


def naive(net, n, rows):
    x = torch.zeros(n, 1, SIZE, SIZE)
    with torch.no_grad():
        for i in range(rows):
            for j in range(SIZE):
                x[:, 0, i, j] = pick(net(x)[:, :, i, j])


def best(net, n):
    with torch.inference_mode():
        x = torch.zeros(n, 1, SIZE, SIZE)
        for i in range(SIZE):
            for j in range(SIZE):
                x[:, 0, i, j] = pick(net(x[:, :, max(0, i - ABOVE) : i + 1])[:, :, -1, j])


def main():
    torch.set_num_threads(int(sys.argv[1]))
    plain, folded = network(), network().eval()
    for m in folded.modules():
        if isinstance(m, Masked):
            m.fold()
    traced = {}  # by the number of images
    for line in sys.stdin:
        loop, n = line.split()[0], int(line.split()[1])
        if loop == "best" and n not in traced:
            with torch.no_grad():
                traced[n] = torch.jit.freeze(torch.jit.trace(folded, torch.zeros(n, 1, ABOVE + 1, SIZE)))
        start, share = time.perf_counter(), 1
        if loop == "naive":
            naive(plain, n, NAIVE_ROWS)
            share = NAIVE_ROWS / SIZE
        else:
            best(traced[n], n)
        print((time.perf_counter() - start) / share, flush=True)


main()
