// A model: a one-file sampler, and what models.json says of it.
import * as ort from './ort/ort.wasm.bundle.min.mjs';
import { uniforms } from './pcg.mjs';

ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send

export const where = 'It runs here, in your browser.';
export const further = []; // a one-file sampler has no other parameters
export const any = false;

// list fetches what models there are:
// { name, file, height, width, levels, greys, classes: [names] or null, wave: step of each pixel }.
export async function list() {
  return (await get('models.json')).json();
}

async function get(file) {
  const answer = await fetch(new URL(file, import.meta.url));
  if (!answer.ok) throw new Error(`${file} cannot be loaded: ${answer.status} ${answer.statusText}`);
  return answer;
}

// load makes a model ready to draw.
export async function load(about) {
  const file = new Uint8Array(await (await get(about.file)).arrayBuffer());
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const model = { ...about, draw: (how) => draw(session, about, how) };
  for (let i = 0; i < 2; i++) await model.draw({ seed: 0, number: 0, class: 0, temperature: 1 }); // the first runs are slow
  return model;
}

// draw draws image number of a seed: { seed, number, class, temperature, levels, keep }.
// Of levels, Uint8Array [height·width], those stay where keep is 1; without keep none do.
// The result is { levels, logprob in nats, milliseconds }.
async function draw(session, { height, width, classes }, how) {
  const pixels = height * width, shape = [1, height, width];
  const inputs = {
    uniforms: new ort.Tensor('float64', uniforms(how.seed, how.number, 1, pixels), shape),
    temperature: new ort.Tensor('float64', [how.temperature], [1]),
    init: new ort.Tensor('uint8', how.keep ? how.levels : new Uint8Array(pixels), shape),
    keep: new ort.Tensor('bool', how.keep ?? new Uint8Array(pixels), shape),
  };
  if (classes) inputs.label = new ort.Tensor('int64', [BigInt(how.class)], [1]);
  const start = performance.now();
  const { levels, logprob } = await session.run(inputs);
  return { levels: new Uint8Array(levels.data), logprob: logprob.data[0], milliseconds: performance.now() - start };
}
