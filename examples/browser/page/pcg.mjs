// The random numbers of Go's rand.New(rand.NewPCG(seed, image)): the sampler's uniform variates.

const mask = (1n << 128n) - 1n, low = (1n << 64n) - 1n;
const multiplier = (2549297995355413924n << 64n) + 4865540595714422341n;
const increment = (6364136223846793005n << 64n) + 1442695040888963407n;

// variates returns a function that gives one number in [0, 1) after the other.
// PCG-DXSM, after O'Neill: https://github.com/golang/go/blob/go1.22.0/src/math/rand/v2/pcg.go
function variates(seed, image) {
  let state = (BigInt.asUintN(64, BigInt(seed)) << 64n) | BigInt.asUintN(64, BigInt(image));
  return () => {
    state = (state * multiplier + increment) & mask;
    let hi = state >> 64n;
    hi ^= hi >> 32n;
    hi = (hi * 0xda942042e4dd58b5n) & low;
    hi ^= hi >> 48n;
    hi = (hi * ((state & low) | 1n)) & low;
    return Number(hi & ((1n << 53n) - 1n)) / 2 ** 53;
  };
}

// uniforms are the variates of n images of a seed, the first of which is number first, one
// for each of an image's pixels.
export function uniforms(seed, first, n, pixels) {
  const all = new Float64Array(n * pixels);
  for (let i = 0; i < n; i++) {
    const next = variates(seed, BigInt(first) + BigInt(i));
    for (let k = 0; k < pixels; k++) all[i * pixels + k] = next();
  }
  return all;
}
