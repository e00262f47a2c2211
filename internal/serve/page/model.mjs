// A model on the server that the page comes from.
export const where = 'It runs on the server.';
export const further = ['top_k', 'top_p', 'min_p'];
export const any = true;

// unlock keeps the key that the server wants, as long as the page is open.
export function unlock(key) {
  sessionStorage.setItem('key', key);
}

async function ask(path, options = {}) {
  const key = sessionStorage.getItem('key');
  const answer = await fetch(new URL(path, import.meta.url), { ...options, headers: { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) } });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw Object.assign(new Error(said?.error?.message ?? `${answer.status} ${answer.statusText}`), { locked: answer.status === 401 });
}

// list fetches what models there are: { name, title, height, width, channels, levels, greys, palette, classes }.
export async function list() {
  const { data } = await (await ask('v1/models')).json();
  return data.map((m) => ({ ...m, name: m.id, title: `${m.id}, ${m.width} × ${m.height}, ${m.levels} ${m.palette ? 'colours' : m.channels > 1 ? 'levels' : 'greys'}` }));
}

// load makes a model ready to draw.
export async function load(about) {
  return { ...about, draw: (how, step) => draw(about, how, step) };
}

// draw draws image number of a seed: { seed, number, class or null, temperature, levels, keep },
// and further parameters. Of levels, [height·width·channels], those of pixels stay where keep, [height·width], is 1;
// without keep none do. step is told { levels, known } while it grows. The result is { levels,
// logprob in nats, milliseconds, known: what was given, wave: the order in which pixels came }.
async function draw(model, { seed, number, class: label, levels, keep, ...further }, step) {
  const { height, width, channels } = model, pixels = height * width;
  const asked = {
    model: model.name, prompt: label === null ? '' : String(label), first: number, ...further,
    output_format: 'json', stream: true, partial_images: Math.max(1, Math.min(100, Math.floor(2e6 / pixels))),
  };
  const start = performance.now();
  let answer;
  if (keep) {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...asked, seed })) form.set(name, String(value));
    form.set('image', await picture(model, levels, keep), 'image.png');
    answer = await ask('v1/images/edits', { method: 'POST', body: form });
  } else {
    const body = `{"seed":${seed},${JSON.stringify(asked).slice(1)}`; // a seed can be more than a number of JavaScript
    answer = await ask('v1/images/generations', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  }
  const known = keep ?? new Uint8Array(pixels), wave = new Array(pixels).fill(Infinity);
  let count = 0;
  for await (const event of events(answer)) {
    if (event.error) throw new Error(event.error.message);
    const now = Uint16Array.from(event.levels.flat(2));
    if (event.type.endsWith('.completed')) {
      return { levels: now, logprob: event.logprob ?? -Infinity, milliseconds: performance.now() - start, known, wave: wave.map((at) => Math.min(at, count)) };
    }
    const symbols = event.known.flat(2), there = known.map((_, k) => Number(!symbols.slice(k * channels, (k + 1) * channels).includes(0)));
    there.forEach((yes, k) => { if (yes) wave[k] = Math.min(wave[k], count); });
    count++;
    step({ levels: now, known: there });
  }
  throw new Error('the server has ended the answer early');
}

// picture is a PNG of levels, transparent where they are not kept.
async function picture({ height, width, channels, greys, palette }, levels, keep) {
  const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext('2d'), image = pen.createImageData(width, height);
  keep.forEach((kept, k) => {
    if (!kept) return;
    const at = Array.from(levels.subarray(k * channels, (k + 1) * channels), (level) => greys[level]);
    const rgba = palette ? palette[levels[k]].match(/[0-9a-f]{2}/g).map((hex) => parseInt(hex, 16)) : channels === 1 ? [at[0], at[0], at[0]] : at;
    image.data.set([...rgba, 255].slice(0, 4), 4 * k);
  });
  pen.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

// events are those of an answer.
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const line = part.split('\n').find((l) => l.startsWith('data: '));
      if (line) yield JSON.parse(line.slice(6));
    }
  }
}
