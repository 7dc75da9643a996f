// Samples of an exported generator, in Node: node sample.js --seeds 0-63 --label 7 --out grid.png

import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { deflateSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { Generator, pixels } from "./model/generator.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "0-63" },
    label: { type: "string" },
    conditions: { type: "string" }, // regression inputs, such as 0.1,0.2
    out: { type: "string", default: "grid.png" },
  },
});

// BigInts, because seeds go up to 2^63 - 1.
const seeds = values.seeds.split(",").flatMap((part) => {
  const [first, last = first] = part.split("-").map(BigInt);
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
});

const metadata = JSON.parse(await readFile(new URL("model/model.json", import.meta.url), "utf8"));
const session = await ort.InferenceSession.create(await readFile(new URL("model/model.onnx", import.meta.url)));
const generator = new Generator(ort, session, metadata);
const samples = await generator.sample(seeds, {
  labels: values.label === undefined ? undefined : Number(values.label),
  conditions: values.conditions?.split(",").map(Number),
});

if (values.out.endsWith(".json")) {
  const { data, dims } = samples;
  await writeFile(values.out, JSON.stringify({ seeds: seeds.map(String), dims, data: Array.from(data) }));
} else {
  if (!generator.images) throw new Error(`${metadata.gan} makes vectors; write them with --out samples.json`);
  await writeFile(values.out, png(grid(samples, seeds.length)));
}
console.log(`${seeds.length} samples of ${metadata.gan} in ${values.out}`);

/** All images in one nearly square grid. */
function grid(samples, count) {
  const images = Array.from({ length: count }, (_, i) => pixels(samples, i, metadata.range));
  const columns = Math.ceil(Math.sqrt(count));
  const [{ width, height }] = images;
  const sheet = { width: columns * width, height: Math.ceil(count / columns) * height };
  sheet.rgba = new Uint8Array(4 * sheet.width * sheet.height);
  images.forEach((image, i) => {
    for (let row = 0; row < height; row++) {
      const line = image.rgba.subarray(4 * row * width, 4 * (row + 1) * width);
      sheet.rgba.set(line, 4 * ((Math.floor(i / columns) * height + row) * sheet.width + (i % columns) * width));
    }
  });
  return sheet;
}

/** An RGBA image as a PNG file, without a library: three chunks, each with its length and checksum. */
function png({ width, height, rgba }) {
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 6], 8); // 8 bits in each of 4 channels
  const lines = Buffer.alloc(height * (4 * width + 1)); // each line starts with the byte 0: no filter
  for (let row = 0; row < height; row++) {
    lines.set(rgba.subarray(4 * row * width, 4 * (row + 1) * width), row * (4 * width + 1) + 1);
  }
  const parts = { IHDR: size, IDAT: deflateSync(lines), IEND: Buffer.alloc(0) };
  const chunks = Object.entries(parts).map(([name, content]) => {
    const body = Buffer.concat([Buffer.from(name), content]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(content.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  });
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...chunks]);
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
