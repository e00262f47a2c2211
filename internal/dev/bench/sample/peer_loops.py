#!/usr/bin/env python3
"""The reference model's drawing loops in PyTorch, for comparison. The weights are random.

  peer_loops.py THREADS

Reads "LOOP IMAGES" a line and prints the seconds that drawing so many images of 16x16 in 4 levels takes.
LOOP is naive: the whole network once per pixel; or best: masks multiplied into the weights, inference mode,
traced, and only the rows that the pixel depends on.
"""
import os
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from peer_torch import BLOCKS, LEVELS, SIZE, Masked, plain

HIDDEN = 64
ABOVE = 3 + BLOCKS  # rows above a pixel that it depends on
NAIVE_ROWS = 2  # rows that the naive loop is timed for; each takes it the same


def network():
    torch.manual_seed(0)
    return plain(HIDDEN)


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


if __name__ == "__main__":
    main()
