// node draw.mjs pixelcnn.sampler.onnx [images [seed [temperature [class]]]]
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { writeFileSync } from 'node:fs';
import { uniforms } from '../browser/page/pcg.mjs';

const [file, images = 4, seed = 0, temperature = 1, label = 0] = process.argv.slice(2);
const n = Number(images);
const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
const [, height, width] = session.inputMetadata[0].shape, pixels = height * width;

const inputs = {
  uniforms: new Tensor('float64', uniforms(seed, 0, n, pixels), [n, height, width]),
  temperature: new Tensor('float64', [Number(temperature)], [1]),
};
if (session.inputNames.includes('label')) inputs.label = new Tensor('int64', Array(n).fill(BigInt(label)), [n]);
const { levels, logprob } = await session.run(inputs);

const top = Math.max(1, ...levels.data.subarray(0, pixels));
for (let k = 0; k < pixels; k++) {
  process.stdout.write(' ░▒▓█'.at(Math.round((levels.data[k] * 4) / top)).repeat(2) + (k % width === width - 1 ? '\n' : ''));
}
console.log(`the first of ${n} images, log-probability ${logprob.data[0].toFixed(1)} nats; all are in levels.raw`);
writeFileSync('levels.raw', levels.data); // uint8 [images, height, width]
