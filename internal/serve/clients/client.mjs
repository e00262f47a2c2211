// The package openai, as it is, against a server: what it gets must be what the command draws.
// node client.mjs URL KEY FOLDER, where the folder has the command's files.
import assert from 'node:assert/strict';
import { createReadStream, readFileSync } from 'node:fs';
import OpenAI from 'openai';

const [url, apiKey, dir] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const want = (name) => readFileSync(`${dir}/${name}`);
const same = (b64, name) => assert.deepEqual(Buffer.from(b64, 'base64'), want(name), name);
const file = (name) => createReadStream(`${dir}/${name}`);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.deepEqual(models, ['gated', 'pixelcnn']);
assert.equal((await client.models.retrieve('gated')).object, 'model');

const asked = { model: 'gated', prompt: 'sneaker', seed: 7, temperature: 0.7 };
const plain = await client.images.generate({ ...asked, n: 2, size: 'auto', quality: 'high', user: 'somebody' });
plain.data.forEach((image, i) => same(image.b64_json, `drawn-${i}.png`));
assert.equal(plain.data.length, 2);
assert.equal(plain.data[1].class, 7);
assert.equal(plain.usage.output_tokens, 512);
same((await client.images.generate({ ...asked, size: '64x64' })).data[0].b64_json, 'large.png');
same((await client.images.generate({ ...asked, output_format: 'npy' })).data[0].b64_json, 'drawn.npy');

let events = [];
for await (const event of await client.images.generate({ ...asked, stream: true, partial_images: 3 })) events.push(event);
assert.deepEqual(events.map((e) => e.type), [...Array(3).fill('image_generation.partial_image'), 'image_generation.completed']);
same(events.at(-1).b64_json, 'drawn-0.png');

const edit = { ...asked, image: file('half.png') };
same((await client.images.edit(edit)).data[0].b64_json, 'inpainted.png');
same((await client.images.edit({ ...asked, image: file('whole.png'), mask: file('half.png') })).data[0].b64_json, 'inpainted.png');
events = [];
for await (const event of await client.images.edit({ ...asked, image: file('half.png'), stream: true, partial_images: 1 })) events.push(event);
assert.deepEqual(events.map((e) => e.type), ['image_edit.partial_image', 'image_edit.completed']);
same(events.at(-1).b64_json, 'inpainted.png');

await assert.rejects(client.images.generate({ ...asked, model: 'nothing' }), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found' && e.param === 'model');
await assert.rejects(client.images.generate({ ...asked, n: 0 }), (e) => e instanceof OpenAI.BadRequestError && e.param === 'n');
await assert.rejects(client.images.generate({ ...asked, seed: 'x', stream: true }), (e) => e instanceof OpenAI.BadRequestError && e.param === 'seed' && e.type === 'invalid_request_error' && !!e.requestID);
await assert.rejects(client.models.retrieve('nothing'), OpenAI.NotFoundError);
await assert.rejects(client.withOptions({ apiKey: 'another key' }).models.list(), OpenAI.AuthenticationError);
console.log('ok');
