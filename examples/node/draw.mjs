// Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw, uint8 [images, height, width]
// or [images, height, width, channels].
//
//   npm ci --ignore-scripts
//   node draw.mjs pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]
//
// See ../README.md.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readFileSync, writeFileSync } from 'node:fs';
import { uniforms } from '../browser/page/pcg.mjs';

// The metadata of a model file, which the package does not give: field 14 of the protobuf, pairs of key and value.
function metadata(file) {
  const text = new TextDecoder(), out = {};
  const fields = (bytes, each) => {
    let at = 0;
    const varint = () => { let v = 0, m = 1, b; do { b = bytes[at++]; v += (b & 127) * m; m *= 128; } while (b > 127); return v; };
    while (at < bytes.length) {
      const tag = varint(), size = varint(); // of a number, the number itself
      if (tag % 8 === 2) each(tag >> 3, bytes.subarray(at, at += size));
    }
  };
  fields(file, (field, bytes) => {
    const pair = [];
    if (field === 14) fields(bytes, (_, part) => pair.push(text.decode(part)));
    if (field === 14) out[pair[0]] = pair[1];
  });
  return out;
}

// The first class up to which the probabilities add up to more than u.
function drawClass(prior, u) {
  let sum = 0;
  const k = prior.findIndex((p) => (sum += p) > u && p > 0);
  return k >= 0 ? k : prior.findLastIndex((p) => p > 0);
}

const [file, images = '4', seed = '0', temperature = '1', label = '-', picture] = process.argv.slice(2);
const n = Number(images), meta = metadata(readFileSync(file));
const height = Number(meta['pixelcnn.height']), width = Number(meta['pixelcnn.width']), channels = Number(meta['pixelcnn.channels'] ?? 1);
const symbols = height * width * channels, shape = channels > 1 ? [n, height, width, channels] : [n, height, width];
const inputs = {
  uniforms: new Tensor('float64', uniforms(seed, 0, n, symbols), shape),
  temperature: new Tensor('float64', [Number(temperature)], [1]),
};
if (meta['pixelcnn.label']) {
  const coins = uniforms(seed, 2n ** 62n, n, 1), prior = JSON.parse(meta['pixelcnn.class_prior']);
  inputs.label = new Tensor('int64', BigInt64Array.from(coins, (u) => BigInt(label === '-' ? drawClass(prior, u) : label)), [n]);
}
if (picture) { // its upper half is kept
  const levels = readFileSync(picture), all = { length: n * symbols };
  inputs.init = new Tensor('uint8', Uint8Array.from(all, (_, k) => levels[k % symbols]), shape);
  inputs.keep = new Tensor('bool', Uint8Array.from(all, (_, k) => Math.floor(k / (width * channels)) % height < Math.floor(height / 2)), shape);
}
const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 }); // the operators are small
const began = performance.now();
const { levels, logprob } = await session.run(inputs);
const seconds = ((performance.now() - began) / 1000).toFixed(2);
console.log(`${n} images of ${height}x${width} in ${seconds} s, the first with ${logprob.data[0].toFixed(1)} nats`);
writeFileSync('levels.raw', levels.data);
