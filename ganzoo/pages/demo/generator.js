/**
 * Samples of a generator in an ONNX file, with onnxruntime-web or onnxruntime-node, which you pass in.
 */

import { latents } from "./latents.js";

/** Samples in one forward pass: bounds the memory of the runtime, and larger batches are no faster. */
const CHUNK = 64;

export class Generator {
  #ort;
  #session;

  /**
   * @param {object} ort the module `onnxruntime-web` or `onnxruntime-node`
   * @param {object} session what `ort.InferenceSession.create` returned for model.onnx
   * @param {object} metadata the content of model.json; the JavaScript runtimes cannot read it from model.onnx
   */
  constructor(ort, session, metadata) {
    this.#ort = ort;
    this.#session = session;
    this.metadata = metadata;
    /** Whether a sample is an image; otherwise it is a vector. */
    this.images = metadata.range !== null && metadata.shape.length === 3;
  }

  /**
   * One sample for each seed. A sample depends on its seed alone, not on the other seeds.
   *
   * @param {Iterable<bigint | number | string>} seeds whole numbers from 0 to 2^63 - 1
   * @param {object} [condition] see {@link run}
   */
  async sample(seeds, condition) {
    return this.run(latents(seeds, this.metadata.latent_dim, this.metadata.distribution), condition);
  }

  /**
   * One sample for each latent.
   *
   * @param {Float32Array} z N latents, one after the other: N * latent_dim values
   * @param {object} [condition] of a conditional GAN
   * @param {number | number[]} [condition.labels] one class for all samples, or one for each; all classes in turn by default
   * @param {number[]} [condition.conditions] regression inputs: condition_dim values for all samples, or N * condition_dim
   * @returns {Promise<{data: Float32Array | Uint8Array, dims: number[]}>}
   */
  async run(z, { labels, conditions } = {}) {
    const { latent_dim: length, num_classes: classes, condition_dim: width } = this.metadata;
    const count = z.length / length;
    if (!count || !Number.isInteger(count)) {
      throw new RangeError(`${z.length} values are no latents; give N * ${length} values, N >= 1`);
    }
    const each = classes ? this.#labels(count, labels) : [];
    if (width && ![width, count * width].includes(conditions?.length)) {
      const good = `${width} for all samples, or ${width} for each`;
      throw new RangeError(`${conditions?.length ?? "no"} conditions do not fit ${count} samples; give ${good}`);
    }
    const parts = [];
    for (let start = 0; start < count; start += CHUNK) {
      const end = Math.min(start + CHUNK, count);
      const size = end - start;
      const feeds = { z: new this.#ort.Tensor("float32", z.slice(start * length, end * length), [size, length]) };
      // 64-bit integers are BigInts in JavaScript.
      if (classes) {
        const chunk = BigInt64Array.from(each.slice(start, end), BigInt);
        feeds.labels = new this.#ort.Tensor("int64", chunk, [size]);
      }
      if (width) {
        const first = start * width;
        const rows = Float32Array.from({ length: size * width }, (_, i) => conditions[(first + i) % conditions.length]);
        feeds.conditions = new this.#ort.Tensor("float32", rows, [size, width]);
      }
      const { samples } = await this.#session.run(feeds);
      parts.push(samples);
    }
    return joined(parts);
  }

  #labels(count, labels) {
    const classes = this.metadata.num_classes;
    const each = Array.from({ length: count }, (_, i) => (Array.isArray(labels) ? labels[i] : (labels ?? i % classes)));
    const wrong = each.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= classes);
    if (wrong >= 0) throw new RangeError(`label ${each[wrong]} is out of range; the classes are 0..${classes - 1}`);
    return each;
  }
}

function joined(parts) {
  const [{ dims, data }] = parts;
  const all = new data.constructor(parts.reduce((length, part) => length + part.data.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part.data, end);
    end += part.data.length;
  }
  return { data: all, dims: [parts.reduce((count, part) => count + part.dims[0], 0), ...dims.slice(1)] };
}

/**
 * One of the images as RGBA bytes, for `ImageData` or a PNG file.
 *
 * Floats are (N, C, H, W), and `range` is mapped to [0, 255]. Bytes, from files exported with `--uint8`, are
 * (N, H, W, C) and stay as they are. A fourth channel is alpha.
 *
 * @param {{data: Float32Array | Uint8Array, dims: number[]}} samples
 * @param {number} index of the image
 * @param {[number, number]} range smallest and largest float, `metadata.range`
 * @returns {{width: number, height: number, rgba: Uint8ClampedArray}}
 */
export function pixels({ data, dims }, index, [low, high]) {
  const bytes = data instanceof Uint8Array;
  const [channels, height, width] = bytes ? [dims[3], dims[1], dims[2]] : dims.slice(1);
  const area = height * width;
  const image = data.subarray(index * channels * area, (index + 1) * channels * area);
  // A clamped array rounds half to even, as numpy does.
  const rgba = new Uint8ClampedArray(4 * area).fill(255);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let colour = 0; colour < (channels === 4 ? 4 : 3); colour++) {
      const channel = channels < 3 ? 0 : colour;
      const value = image[bytes ? pixel * channels + channel : channel * area + pixel];
      rgba[4 * pixel + colour] = bytes ? value : (value - low) * (255 / (high - low));
    }
  }
  return { width, height, rgba };
}
