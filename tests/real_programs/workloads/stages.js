// The node case. Each stage prints its name and a checksum over everything it made: JSON documents
// parsed and written again, Buffers of many sizes (their memory comes from malloc), compression on
// libuv's thread pool, maps and strings, child processes, and worker threads that do the JSON
// stage in isolates of their own, pass buffers over and end. The numbers come from a generator of
// our own.
'use strict';
const { createHash } = require('crypto');
const zlib = require('zlib');
const { promisify } = require('util');
const { spawnSync } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function generator(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
}

function checksum(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 32);
}

function jsonWork(seed, rounds) {
  const number = generator(seed);
  const hash = createHash('sha256');
  for (let round = 0; round < rounds; round++) {
    const records = [];
    for (let i = 0; i < 3000; i++) {
      records.push({
        id: i, name: 'n'.repeat(number(40)) + i, ratio: number(100000) / 7,
        tags: Array.from({ length: number(8) }, () => 'tag' + number(100)),
        nested: { deep: [{ a: number(10) }, null, true, 'ü' + number(1000)] },
      });
    }
    const text = JSON.stringify(records);
    const back = JSON.parse(text);
    back.sort((a, b) => a.name.length - b.name.length || a.id - b.id);
    hash.update(JSON.stringify(back, null, 1));
  }
  return hash.digest('hex').slice(0, 32);
}

function buffers() {
  const number = generator(7);
  const hash = createHash('sha256');
  let kept = [];
  for (let i = 0; i < 30000; i++) {
    const size = i % 100 === 0 ? number(2000000) : number(5000);
    const buffer = i % 3 === 0 ? Buffer.alloc(size, i & 255) : Buffer.allocUnsafeSlow(size).fill(i & 255);
    kept.push(buffer);
    if (kept.length > 300) {
      for (const old of kept.splice(0, 150)) hash.update(old.subarray(0, 64));
    }
  }
  hash.update(Buffer.concat(kept));
  return hash.digest('hex').slice(0, 32);
}

async function compression() {
  const number = generator(11);
  const texts = Array.from({ length: 24 }, (_, i) =>
    Buffer.from(Array.from({ length: 20000 }, () => 'w' + number(500 + i * 10)).join(' ')));
  const packed = await Promise.all(texts.flatMap((text) => [
    promisify(zlib.deflate)(text), promisify(zlib.brotliCompress)(text, {
      params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })]));
  const back = await Promise.all(packed.map((data, i) =>
    i % 2 ? promisify(zlib.brotliDecompress)(data) : promisify(zlib.inflate)(data)));
  back.forEach((data, i) => {
    if (!data.equals(texts[i >> 1])) throw new Error('decompressed to something else');
  });
  return checksum(...back);
}

function maps() {
  const number = generator(13);
  const map = new Map();
  for (let i = 0; i < 300000; i++) {
    const key = 'k' + number(50000);
    if (number(4) === 0) map.delete(key);
    else map.set(key, (map.get(key) || '') + String.fromCharCode(97 + (i % 26)));
  }
  return checksum([...map].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((pair) => pair.join('=')).join());
}

function children() {
  const made = [1, 2, 3].map((n) => {
    const done = spawnSync('sed', ['-e', 's/x/' + n + '/g'], { input: 'xyz'.repeat(50000 * n) });
    if (done.status !== 0) throw new Error('sed ended with ' + done.status);
    return done.stdout;
  });
  return checksum(...made);
}

async function workers() {
  const answers = await Promise.all([1, 2, 3, 4].map((seed) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { seed } });
    let answer;
    worker.on('message', (message) => { answer = message; });
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve(answer) : reject(new Error('exit ' + code))));
  })));
  return checksum(...answers.map((a) => a.text + checksum(Buffer.from(a.bytes))));
}

async function main() {
  console.log('json', jsonWork(1, 15));
  console.log('buffers', buffers());
  console.log('compression', await compression());
  console.log('maps', maps());
  console.log('children', children());
  console.log('workers', await workers());
  console.log('workers again', await workers());
}

if (isMainThread) {
  main().catch((error) => { console.error(error); process.exit(1); });
} else {
  const bytes = new Uint8Array(700000 + workerData.seed).fill(workerData.seed).buffer;
  parentPort.postMessage({ text: jsonWork(workerData.seed, 3), bytes }, [bytes]);
}
