#!/usr/bin/env python3
"""Drawing from networks.py's networks in PyTorch as fast as can be written by hand, for comparison.

  peer_networks.py THREADS   reads "NAME IMAGES" a line and prints the seconds that drawing so many takes,
                             by the clock and of the processor
  peer_networks.py check     holds the caches' outputs against those of one dense pass

pixelcnnpp is drawn as in Ramachandran et al., "Fast Generation for Convolutional Autoregressive Models" (2017):
what a row's pixels have from the rows above is computed for the row at once, what a pixel has from the pixel to
its left is kept, and coarse lattices are computed in every second or fourth row and column only. The transformer
keeps keys and values in tensors that are made beforehand.
"""
import sys
import time

import torch
import torch.nn.functional as F

from networks import concat_elu, network


class Rows:
    """A DownShifted convolution, a row at a time. Values are [images, columns, channels]."""

    def __init__(self, layer, n, width):
        w = layer.conv.weight  # [out, in, rows, columns]
        self.rows, self.columns, self.stride = w.shape[2], w.shape[3], layer.conv.stride[0]
        self.weight = w.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
        self.bias = layer.conv.bias
        self.kept = [torch.zeros(n, width + 2, w.shape[1]) for _ in range(self.rows)]

    def push(self, row):
        self.kept.append(self.kept.pop(0))
        self.kept[-1][:, 1:-1] = row

    def out(self):
        width = self.kept[0].shape[1] - 2
        taps = [k[:, c : c + width : self.stride] for k in self.kept for c in range(3)]
        return F.linear(torch.cat(taps, 2), self.weight.T, self.bias)

    def __call__(self, row):
        self.push(row)
        return self.out()


class RowsGated:
    def __init__(self, block, n, width):
        self.first, self.second, self.skip = Rows(block.first, n, width), Rows(block.second, n, width), block.skip

    def __call__(self, x, a=None):
        y = self.first(concat_elu_last(x))
        if a is not None:
            y = y + F.linear(concat_elu_last(a), self.skip.weight[:, :, 0, 0], self.skip.bias)
        a, b = self.second(concat_elu_last(y)).chunk(2, 2)
        return torch.addcmul(x, a, torch.sigmoid(b))


def concat_elu_last(x):
    return F.elu(torch.cat([x, -x], -1))


class Pixels:
    """A 2x2 DownRightShifted convolution, a pixel at a time: what it has from above comes with the row."""

    def __init__(self, layer, n, width):
        w = layer.conv.weight
        self.n, self.stride, inputs = n, layer.conv.stride[0], w.shape[1]
        self.above, self.now = (w[:, :, k].permute(2, 1, 0).flatten(0, 1).contiguous() for k in (0, 1))
        self.bias = layer.conv.bias
        self.kept = torch.zeros(n, width + 1, inputs)  # one to the left of the picture
        columns = range(0, width, self.stride)
        self.at = [self.kept[:, x + 1] for x in range(width)]
        self.halves = [(v[:, : inputs // 2], v[:, inputs // 2 :]) for v in self.at]
        self.pairs = [self.kept[:, x : x + 2].view(n, -1) for x in columns]

    def begin(self, more=None):
        """The row before is complete; more is [images, columns, channels] besides."""
        above = torch.cat([self.kept[:, : -1 : self.stride], self.kept[:, 1 :: self.stride]], 2)
        row = F.linear(above, self.above.T, self.bias)
        if more is not None:
            row += more
        self.row = row.unbind(1)

    def put(self, x, h):
        """Keeps concat_elu of a value, and returns it."""
        a, b = self.halves[x]
        torch.ops.aten.elu.out(h, out=a)
        torch.ops.aten.elu.out(-h, out=b)
        return self.at[x]

    def out(self, x):
        return torch.addmm(self.row[x], self.pairs[x], self.now)


class PixelsGated:
    def __init__(self, block, n, width):
        self.first, self.second = Pixels(block.first, n, width), Pixels(block.second, n, width)
        w, f = block.skip.weight[:, :, 0, 0], block.skip.weight.shape[0]
        self.skip_bias, self.skip_u, self.skip_ul = block.skip.bias, w, None
        if w.shape[1] == 4 * f:  # of u and ul, and of both once more, negated
            self.skip_u = torch.cat([w[:, :f], w[:, 2 * f : 3 * f]], 1)
            self.skip_ul = torch.cat([w[:, f : 2 * f], w[:, 3 * f :]], 1).T.contiguous()

    def begin(self, u):
        self.first.begin(F.linear(concat_elu_last(u), self.skip_u, self.skip_bias))
        self.second.begin()

    def __call__(self, x, h, skipped=None):
        """skipped is concat_elu of what comes from the way up."""
        self.first.put(x, h)
        y = self.first.out(x)
        if skipped is not None:
            y = torch.addmm(y, skipped, self.skip_ul)
        self.second.put(x, y)
        a, b = self.second.out(x).chunk(2, 1)
        return torch.addcmul(h, a, torch.sigmoid(b))


class FastPixelCNNpp:
    def __init__(self, net, n, size):
        self.n, self.size, self.blocks = n, size, net.blocks
        widths, b = [size, size // 2, size // 4], net.blocks
        self.u_init, self.above = Rows(net.u_init, n, size), Rows(net.ul_above, n, size)
        left = net.ul_left.conv  # [out, 4, 2, 1]
        self.left_above, self.left_now, self.left_bias = left.weight[:, :, 0, 0], left.weight[:, :, 1, 0].T.contiguous(), left.bias
        self.u_up = [[RowsGated(net.u_up[s * b + k], n, widths[s]) for k in range(b)] for s in range(3)]
        self.ul_up = [[PixelsGated(net.ul_up[s * b + k], n, widths[s]) for k in range(b)] for s in range(3)]
        self.u_halve = [Rows(net.u_halve[s], n, widths[s]) for s in range(2)]
        self.ul_halve = [Pixels(net.ul_halve[s], n, widths[s]) for s in range(2)]
        self.u_down = [[RowsGated(g, n, widths[2 - s]) for g in net.u_down[s]] for s in range(3)]
        self.ul_down = [[PixelsGated(g, n, widths[2 - s]) for g in net.ul_down[s]] for s in range(3)]
        self.u_double = [d.conv for d in net.u_double]
        self.ul_double = [(d.conv.weight.permute(0, 2, 3, 1).flatten(1).contiguous(), d.conv.bias.repeat(4)) for d in net.ul_double]
        f = self.left_bias.shape[0]
        self.doubled = [None, None]  # by the coarser scale: u's two rows
        self.right = [torch.zeros(2, widths[s], n, f) for s in (0, 1)]  # by the finer scale: ul's two rows
        self.out = net.out.weight[:, :, 0, 0].T.contiguous(), net.out.bias

    def row(self, y, before):
        """What row y has from the rows above it; before is the row above, [images, columns, 4]."""
        scales = [s for s in range(3) if y % (1 << s) == 0]
        u = self.u_init(before)
        right = F.pad(F.linear(before, self.left_above, self.left_bias), (0, 0, 1, 0))[:, :-1]
        if y == 0:  # the bias is of the convolution, which row -1 has not
            u, above = torch.zeros_like(u), 0
        else:
            above = self.above(before)
        right[:, 0] = 0
        self.first = (above + right).unbind(1)
        ups = []
        for s in scales:
            if s > 0:
                u = self.u_halve[s - 1].out()
                self.ul_halve[s - 1].begin()
            ups.append([u])
            for up, right in zip(self.u_up[s], self.ul_up[s]):
                u = up(u)
                right.begin(u)
                ups[s].append(u)
            if s < 2:
                self.u_halve[s].push(u)
        for s in reversed(scales):
            u = self.doubled[s][:, (y >> s) % 2] if s < 2 else ups[2].pop()
            for down, right in zip(self.u_down[2 - s], self.ul_down[2 - s]):
                u = down(u, ups[s].pop())
                right.begin(u)
            if s > 0:
                d = self.u_double[2 - s](u.transpose(1, 2)[:, :, None])
                self.doubled[s - 1] = d[:, :, :2, 1 : 1 + 2 * u.shape[1]].permute(0, 2, 3, 1)

    def pixel(self, y, x, left):
        """The outputs at a pixel; left is the pixel to its left, [images, 4]."""
        h = self.first[x]
        if x > 0:
            h = torch.addmm(h, left, self.left_now)
        scales = 1
        while scales < 3 and (y | x) % (1 << scales) == 0:
            scales += 1
        kept = []
        for s in range(scales):
            at = x >> s
            if s > 0:
                halve = self.ul_halve[s - 1]
                h = halve.out(at)
            kept.append([])
            for up in self.ul_up[s]:
                here = up.first.at[at]
                h = up(at, h)
                kept[s].append(here)
            if s < 2:
                kept[s].append(concat_elu(h))
                self.ul_halve[s].at[at].copy_(h)
        for s in reversed(range(scales)):
            at = x >> s
            if s < 2:
                h = self.right[s][(y >> s) % 2, at]
            for down in self.ul_down[2 - s]:
                h = down(at, h, kept[s].pop())
            if s > 0:
                w, b = self.ul_double[2 - s]
                d = torch.addmm(b, h, w).view(self.n, 2, 2, -1)
                self.right[s - 1][:, 2 * at : 2 * at + 2] = d.permute(1, 2, 0, 3)
        w, b = self.out
        return torch.addmm(b, F.elu(h), w)

    def run(self, choose):
        """choose gives the levels, [images, 3] in [-1, 1], of the outputs at a pixel."""
        before, x = torch.zeros(self.n, self.size, 4), torch.ones(self.n, self.size, 4)
        for i in range(self.size):
            self.row(i, before)
            for j in range(self.size):
                x[:, j, :3] = choose(i, j, self.pixel(i, j, x[:, j - 1]))
            before, x = x, before
            x[:, :, 3] = 1


def draw_mixture(out):
    """As published: a component, and from it a logistic variate for each channel."""
    k = out.shape[1] // 10
    uniform = torch.rand(out.shape[0], k + 3).clamp_(1e-5, 1 - 1e-5)
    component = (out[:, :k] - torch.log(-torch.log(uniform[:, :k]))).argmax(1)
    own = out[:, k:].view(-1, 3, 3, k).gather(3, component.view(-1, 1, 1, 1).expand(-1, 3, 3, 1))[..., 0]
    mean, scale, c = own[:, :, 0], own[:, :, 1].clamp(min=-7), torch.tanh(own[:, :, 2])
    u = uniform[:, k:]
    z = mean + torch.exp(scale) * (torch.log(u) - torch.log(1 - u))
    r = z[:, 0].clamp(-1, 1)
    g = (z[:, 1] + c[:, 0] * r).clamp(-1, 1)
    b = (z[:, 2] + c[:, 1] * r + c[:, 2] * g).clamp(-1, 1)
    return torch.stack([r, g, b], 1)


def draw_categorical(logits):
    return torch.multinomial(F.softmax(logits, 1), 1)[:, 0]


class CachedTransformer:
    def __init__(self, net, n):
        self.net, self.n = net, n
        self.length, self.width = net.pos.shape
        self.heads = net.layers[0].heads
        shape = (n, self.heads, self.length, self.width // self.heads)
        self.caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in net.layers]

    def run(self, choose):
        x = self.net.start[0].expand(self.n, -1)
        for p in range(self.length):
            h = x + self.net.pos[p]
            for layer, (keys, values) in zip(self.net.layers, self.caches):
                q, k, v = (t.view(self.n, self.heads, 1, -1) for t in layer.qkv(layer.a(h)).chunk(3, 1))
                keys[:, :, p : p + 1], values[:, :, p : p + 1] = k, v
                a = F.scaled_dot_product_attention(q, keys[:, :, : p + 1], values[:, :, : p + 1])
                h = h + layer.out(a.view(self.n, -1))
                h = h + layer.mlp(layer.b(h))
            x = self.net.tok(choose(p, self.net.out(self.net.norm(h))))


def make(name, n):
    net, example, _ = network(name)
    if name.startswith("pixelcnnpp"):
        size = example[0].shape[3]
        return net, FastPixelCNNpp(net, n, size), lambda i, j, out: draw_mixture(out)
    return net, CachedTransformer(net, n), lambda p, out: draw_categorical(out)


def check():
    with torch.inference_mode():
        net, fast, _ = make("pixelcnnpp@16", 2)
        x = torch.rand(2, 3, 16, 16) * 2 - 1
        want, worst = net(x), 0.0

        def pixel(i, j, out):
            nonlocal worst
            worst = max(worst, (out - want[:, :, i, j]).abs().max().item())
            return x[:, :, i, j]

        fast.run(pixel)
        print("pixelcnnpp", worst)
        net, fast, _ = make("transformer@8", 2)
        tokens = torch.randint(256, (2, 64))
        want, worst = net(tokens), 0.0

        def token(p, out):
            nonlocal worst
            worst = max(worst, (out - want[:, p]).abs().max().item())
            return tokens[:, p]

        fast.run(token)
        print("transformer", worst)


def main():
    if sys.argv[1] == "check":
        return check()
    torch.set_num_threads(int(sys.argv[1]))
    with torch.inference_mode():
        for line in sys.stdin:
            name, n = line.split()
            _, loop, choose = make(name, int(n))
            start, worked = time.perf_counter(), time.process_time()
            loop.run(choose)
            print(time.perf_counter() - start, time.process_time() - worked, flush=True)


if __name__ == "__main__":
    main()
