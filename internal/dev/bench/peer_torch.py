#!/usr/bin/env python3
"""The models in PyTorch, for comparison: prints the milliseconds of each training step.

  peer_torch.py STEPS HIDDEN ARCH HOW   on two threads, batch 128, random images of 16x16 in 4 levels

HOW is eager or compile (torch.compile of the forward pass and the loss); both have the channels
last and Adam in one kernel, which is what is fastest.
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

SIZE, LEVELS, BLOCKS, BATCH, WARMUP = 16, 4, 5, 128, 5


class Masked(nn.Conv2d):
    """A convolution of which only some taps are seen: the pixels before (A), or also this one (B)."""

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


class Above(nn.Conv2d):
    """The vertical stack's k×k: its upper rows, and its own row where that is wanted, as a kernel of those rows only."""

    def __init__(self, cin, cout, k, own):
        self.rows = k // 2 + own
        super().__init__(cin, cout, (self.rows, k))
        self.pads = (k // 2, k // 2, k // 2, own - 1)

    def forward(self, x):
        return super().forward(F.pad(x, self.pads))


class Left(nn.Conv2d):
    """The horizontal stack's: the pixels to the left, and this one where that is wanted."""

    def __init__(self, cin, cout, k, own):
        super().__init__(cin, cout, (1, k // 2 + own))
        self.pads = (k // 2, own - 1)

    def forward(self, x):
        return super().forward(F.pad(x, self.pads))


class GatedBlock(nn.Module):
    """One block of both stacks; the gate's two halves are one convolution, as is usual in PyTorch."""

    def __init__(self, c):
        super().__init__()
        self.vertical, self.horizontal = Above(c // 2, c, 3, 1), Left(c, c, 3, 1)
        self.link, self.out = nn.Conv2d(c, c, 1), nn.Conv2d(c // 2, c, 1)

    @staticmethod
    def gate(x):
        f, g = x.chunk(2, 1)
        return torch.tanh(f) * torch.sigmoid(g)

    def forward(self, v, h):
        both = self.vertical(v)
        return self.gate(both), h + self.out(self.gate(self.horizontal(h) + self.link(both)))


class Gated(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.above, self.left, self.link = Above(1, c // 2, 7, 0), Left(1, c, 7, 0), nn.Conv2d(c // 2, c, 1)
        self.blocks = nn.ModuleList(GatedBlock(c) for _ in range(BLOCKS))
        self.head, self.logits = nn.Conv2d(c, c, 1), nn.Conv2d(c, LEVELS, 1)

    def forward(self, x):
        v = self.above(x)
        h = self.left(x) + self.link(v)
        for block in self.blocks:
            v, h = block(v, h)
        return self.logits(F.relu(self.head(F.relu(h))))


def plain(hidden):
    return nn.Sequential(Masked("A", 1, hidden, 7), *(Residual(hidden) for _ in range(BLOCKS)), nn.ReLU(),
                         Masked("B", hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, LEVELS, 1))


def main():
    steps, hidden, arch, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(2)
    torch.manual_seed(0)
    net = {"pixelcnn": plain, "gated": Gated}[arch](hidden).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def objective(x, y):
        return F.cross_entropy(net(x), y)

    if how == "compile":
        objective = torch.compile(objective)
    for step in range(steps + WARMUP):
        y = torch.randint(LEVELS, (BATCH, SIZE, SIZE))
        start = time.perf_counter()
        x = (y.unsqueeze(1).float() / (LEVELS - 1)).contiguous(memory_format=torch.channels_last)
        loss = objective(x, y)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        loss.item()
        if step >= WARMUP:
            print((time.perf_counter() - start) * 1e3)


if __name__ == "__main__":
    main()
