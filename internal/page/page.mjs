// The page: controls, the picture on its canvas, and rubbing out.
import * as backend from './model.mjs';

const $ = (id) => document.getElementById(id);
const canvas = $('picture'), brush = canvas.getContext('2d');
const scale = 20; // of the canvas; CSS fits it to the page

let model; // the one that draws
let levels; // of the picture, Uint8Array or Uint16Array [height·width·channels]
let gap; // where it is rubbed out, 1
let shown; // pixels that are there yet, 1; others are still to be drawn
let cursor = { x: 0, y: 0 }; // for the arrow keys
let number = 0; // of the image of the seed; each gap that is filled takes the next
let film = 0; // the animation that is running

$('slow').checked = !matchMedia('(prefers-reduced-motion: reduce)').matches;

// colour is that of a pixel, as the sampler writes it into PNG files.
function colour(k) {
  if (model.palette) return model.palette[levels[k]];
  const channels = model.channels ?? 1;
  const at = [...levels.subarray(k * channels, (k + 1) * channels)].map((level) => model.greys[level]);
  return channels < 3 ? `rgb(${at[0]} ${at[0]} ${at[0]})` : `rgb(${at[0]} ${at[1]} ${at[2]} / ${(at[3] ?? 255) / 255})`;
}

// paint shows the picture: gaps and what is not drawn yet as a chequered ground.
function paint() {
  const { height, width } = model;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const k = y * width + x, left = x * scale, top = y * scale;
      if (shown[k] && !gap[k]) {
        brush.fillStyle = colour(k);
        brush.fillRect(left, top, scale, scale);
        continue;
      }
      const half = scale / 2;
      const [light, dark] = gap[k] ? ['#f3d9b1', '#e2b97c'] : ['#d4d6db', '#c3c6cc'];
      brush.fillStyle = light;
      brush.fillRect(left, top, scale, scale);
      brush.fillStyle = dark;
      brush.fillRect(left, top, half, half);
      brush.fillRect(left + half, top + half, half, half);
    }
  }
  if (document.activeElement === canvas && canvas.matches(':focus-visible')) {
    const size = Number($('brush').value), from = (size - 1) / 2;
    brush.lineWidth = 3;
    brush.strokeStyle = '#e8590c';
    brush.strokeRect((cursor.x - from) * scale + 1.5, (cursor.y - from) * scale + 1.5, size * scale - 3, size * scale - 3);
  }
  const gaps = gap.includes(1), ready = !film;
  $('again').disabled = $('restore').disabled = !gaps || !ready;
  $('save').disabled = $('another').disabled = !ready;
}

// say reports in the line below the picture.
function say(text) {
  $('status').textContent = text;
  $('error').hidden = true;
}

function fail(error) {
  $('error').textContent = error.message ?? String(error);
  $('error').hidden = false;
  $('status').textContent = '';
}

// The controls of a link, and what they are where the model has no such one.
const controls = ['temperature', ...backend.further, 'seed', 'class'];
const off = { top_k: '0', top_p: '1', min_p: '0' };

// link is the address of the picture: its model, seed and parameters.
function link() {
  const values = new URLSearchParams({ model: model.name });
  for (const id of controls) if ($(id).value !== '' && $(id).value !== off[id]) values.set(id, $(id).value);
  return `#${values}`;
}

// follow sets the controls as an address says, and gives the place of its model.
function follow(models) {
  const values = new URLSearchParams(location.hash.slice(1));
  for (const id of controls) if (values.has(id) && id !== 'class') $(id).value = values.get(id);
  tell();
  linked = values.get('class');
  return Math.max(0, models.findIndex((about) => about.name === values.get('model')));
}
let linked; // the class of a link, until the model is there

// tell shows the values of the sliders.
function tell() {
  $('degrees').value = Number($('temperature').value).toFixed(2);
  for (const id of backend.further) $(`${id}-value`).value = $(id).value === off[id] ? 'off' : $(id).value;
}

// choose makes a model the one that draws.
async function choose(about) {
  $('draw').disabled = $('another').disabled = $('save').disabled = true;
  say(`Loading ${about.name}…`);
  model = await backend.load(about);
  canvas.width = model.width * scale;
  canvas.height = model.height * scale;
  levels = new Uint16Array(model.height * model.width * (model.channels ?? 1));
  gap = new Uint8Array(model.height * model.width);
  shown = gap.slice();
  $('classes').hidden = !model.classes;
  const before = $('class').selectedOptions[0]?.text;
  $('class').replaceChildren(...(model.classes ?? []).map((name, k) => new Option(name, k, false, name === before)));
  if (backend.any) $('class').prepend(new Option('any', '', !before || before === 'any', !before || before === 'any'));
  if (linked != null) $('class').value = linked;
  linked = null;
  if (!$('class').value && !backend.any) $('class').selectedIndex = 0;
  $('top_k').max = model.levels;
  await drawAll();
  $('draw').disabled = false;
}

function settings() {
  const how = { seed: BigInt($('seed').value), number, class: $('class').value === '' ? null : Number($('class').value), temperature: Number($('temperature').value) };
  for (const id of backend.further) if ($(id).value !== off[id]) how[id] = Number($(id).value);
  return how;
}

async function drawAll() {
  number = 0;
  $('link').hidden = false;
  gap.fill(0);
  shown.fill(0);
  await show(await model.draw(settings(), live));
  history.replaceState(null, '', link());
  $('link').href = link();
}

async function drawGap() {
  number++;
  $('link').hidden = true; // it leads to no picture that was changed
  const keep = gap.map((g) => 1 - g);
  const before = gap;
  try {
    const drawn = await model.draw({ ...settings(), levels, keep }, live);
    shown = keep;
    gap = new Uint8Array(gap.length);
    await show(drawn);
  } catch (error) {
    gap = before; // it can be drawn again
    paint();
    throw error;
  }
}

// live shows what a model that tells its steps has drawn so far: { levels, known }.
function live(step) {
  if (!$('slow').checked) return;
  levels = step.levels;
  shown = step.known;
  gap.fill(0);
  seen ||= performance.now();
  paint();
}
let seen = 0; // when the first step of the picture came

// show lets the pixels that are not there yet appear in the order in which they were
// drawn: all that were drawn in one step of the network together.
async function show(drawn) {
  levels = drawn.levels;
  const nats = drawn.logprob.toFixed(1).replace('-', '−');
  const done = `Drawn in ${drawn.milliseconds.toFixed(0)} ms, log-probability ${nats} nats`;
  const own = ++film;
  const wave = drawn.wave ?? model.wave;
  if (drawn.known) shown = drawn.known; // from before it was drawn
  const steps = [...new Set(wave.filter((_, k) => !shown[k]))].sort((a, b) => a - b);
  const long = seen && performance.now() - seen > 1000; // it was seen while it was drawn
  seen = 0;
  if ($('slow').checked && steps.length && !long) {
    say(`${done}. Shown slowly.`);
    const length = 400 + 12 * steps.length, start = performance.now();
    for (let share = 0; share < 1;) {
      share = Math.min(1, (await new Promise(requestAnimationFrame) - start) / length);
      if (film !== own) return; // another picture has begun
      const last = steps[Math.floor(share * (steps.length - 1))];
      wave.forEach((step, k) => { if (step <= last) shown[k] = 1; });
      paint();
    }
  }
  if (film !== own) return;
  film = 0;
  shown.fill(1);
  say(`${done}.`);
  paint();
}

// wipe rubs out around a pixel.
function wipe({ x, y }) {
  if (film || $('draw').disabled) return;
  const reach = (Number($('brush').value) - 1) / 2;
  for (let v = Math.max(0, y - reach); v <= Math.min(model.height - 1, y + reach); v++) {
    for (let u = Math.max(0, x - reach); u <= Math.min(model.width - 1, x + reach); u++) gap[v * model.width + u] = 1;
  }
  paint();
}

function pixelAt(event) {
  const box = canvas.getBoundingClientRect();
  const at = (position, size, pixels) => Math.max(0, Math.min(pixels - 1, Math.floor((position / size) * pixels)));
  return { x: at(event.clientX - box.left, box.width, model.width), y: at(event.clientY - box.top, box.height, model.height) };
}

canvas.addEventListener('pointerdown', (event) => {
  if (!model) return;
  canvas.setPointerCapture(event.pointerId);
  wipe(cursor = pixelAt(event));
});
canvas.addEventListener('pointermove', (event) => {
  if (!model || !event.buttons) return;
  const to = pixelAt(event), steps = Math.max(Math.abs(to.x - cursor.x), Math.abs(to.y - cursor.y), 1);
  for (let i = 1; i <= steps; i++) { // a quick hand skips pixels
    wipe({ x: Math.round(cursor.x + ((to.x - cursor.x) * i) / steps), y: Math.round(cursor.y + ((to.y - cursor.y) * i) / steps) });
  }
  cursor = to;
});
canvas.addEventListener('keydown', (event) => {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!model || (!move && event.key !== ' ')) return;
  event.preventDefault();
  if (move) {
    cursor = { x: Math.max(0, Math.min(model.width - 1, cursor.x + move[0])), y: Math.max(0, Math.min(model.height - 1, cursor.y + move[1])) };
    if (event.shiftKey) wipe(cursor);
    else paint();
  } else wipe(cursor);
});
for (const change of ['focus', 'blur']) canvas.addEventListener(change, () => model && paint());

// once runs one thing at a time and reports what goes wrong.
let busy = Promise.resolve();
const once = (work) => () => { busy = busy.then(work).catch(fail); };
const later = (id, type, work) => $(id).addEventListener(type, once(work));

$('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  film++; // ends the animation of the last one
  once(drawAll)();
});
$('another').addEventListener('click', () => {
  $('seed').value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
  $('controls').requestSubmit();
});
for (const id of ['class', 'temperature', ...backend.further]) $(id).addEventListener('change', () => $('controls').requestSubmit());
for (const id of ['temperature', ...backend.further]) $(id).addEventListener('input', tell);
later('again', 'click', drawGap);
$('restore').addEventListener('click', () => { gap.fill(0); paint(); });
$('save').addEventListener('click', () => {
  const { height, width } = model, side = 16, out = new OffscreenCanvas(width * side, height * side), pen = out.getContext('2d');
  gap.forEach((rubbed, k) => {
    if (rubbed) return; // transparent
    pen.fillStyle = colour(k);
    pen.fillRect((k % width) * side, Math.floor(k / width) * side, side, side);
  });
  out.convertToBlob().then((blob) => {
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: `pixelcnn-${$('seed').value}-${number}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }).catch(fail);
});

// begin lists the models and draws with one of them. Where a key is wanted, it asks for it.
async function begin() {
  let models;
  try {
    models = await backend.list();
  } catch (error) {
    $('keys').hidden = !error.locked;
    throw error;
  }
  $('keys').hidden = true;
  $('model').replaceChildren(...models.map((about, k) => new Option(about.title, k)));
  $('model').disabled = models.length < 2;
  $('model').selectedIndex = follow(models);
  later('model', 'change', () => choose(models[$('model').value]));
  addEventListener('hashchange', once(() => {
    const at = follow(models);
    $('model').selectedIndex = at;
    return choose(models[at]);
  }));
  await choose(models[$('model').value]);
}

$('where').textContent = backend.where;
for (const id of backend.further) $(`${id}-field`).hidden = false;
$('key').addEventListener('change', once(() => {
  backend.unlock($('key').value);
  return begin();
}));
once(begin)();
