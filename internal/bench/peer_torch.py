#!/usr/bin/env python3
"""The reference model in PyTorch, for comparison: prints the milliseconds of each training step.

  peer_torch.py STEPS HIDDEN       on two threads, batch 128, random images of 16x16 in 4 levels
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

SIZE, LEVELS, BATCH, WARMUP = 16, 4, 128, 5


class Masked(nn.Conv2d):
    """A convolution of which only the pixels before (A), or also this one (B), are seen."""

    def __init__(self, mask, cin, cout, k):
        super().__init__(cin, cout, k, padding=k // 2)
        m = torch.ones(k, k)
        m[k // 2 + 1 :] = 0
        m[k // 2, k // 2 + (mask == "B") :] = 0
        self.register_buffer("mask", m[None, None])

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.net = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c // 2, 1), nn.ReLU(), Masked("B", c // 2, c // 2, 3),
                                 nn.ReLU(), nn.Conv2d(c // 2, c, 1))

    def forward(self, x):
        return x + self.net(x)


def main():
    steps, hidden = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(2)
    torch.manual_seed(0)
    net = nn.Sequential(Masked("A", 1, hidden, 7), *(Residual(hidden) for _ in range(5)), nn.ReLU(),
                        Masked("B", hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, LEVELS, 1))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(steps + WARMUP):
        y = torch.randint(LEVELS, (BATCH, SIZE, SIZE))
        start = time.perf_counter()
        x = y.unsqueeze(1).float() / (LEVELS - 1)
        loss = F.cross_entropy(net(x), y)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        loss.item()
        if step >= WARMUP:
            print((time.perf_counter() - start) * 1e3)


main()
