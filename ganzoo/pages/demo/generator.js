/**
 * Samples of a generator in an ONNX file, for onnxruntime-web and onnxruntime-node alike: the runtime is handed in.
 */

import { latents } from "./latents.js";

/** Samples at a time: a runtime's memory stays as large as its largest batch, and larger batches are no faster. */
const CHUNK = 64;

export class Generator {
  #ort;
  #session;

  /**
   * @param {object} ort the module `onnxruntime-web` or `onnxruntime-node`
   * @param {object} session what `ort.InferenceSession.create` made of the file
   * @param {object} header what the file says of itself: the JSON beside it, since runtimes for JavaScript hide it
   */
  constructor(ort, session, header) {
    this.#ort = ort;
    this.#session = session;
    this.header = header;
    /** Whether a sample is an image; otherwise it is a vector. */
    this.images = header.range !== null && header.shape.length === 3;
  }

  /**
   * One sample for each seed; the same seed gives the same sample, whatever the others are.
   *
   * @param {Iterable<bigint | number | string>} seeds whole numbers from 0 to 2^63 - 1
   * @param {object} [told] see {@link run}
   */
  async sample(seeds, told) {
    return this.run(latents(seeds, this.header.latent_dim, this.header.distribution), told);
  }

  /**
   * One sample for each latent.
   *
   * @param {Float32Array} z latents, one after the other
   * @param {object} [told] what the generator is told besides
   * @param {number | number[]} [told.labels] one class for all or one for each; all classes in turn by default
   * @param {number[]} [told.conditions] inputs of a regression: one row for all samples, or the rows of each in turn
   * @returns {Promise<{data: Float32Array | Uint8Array, dims: number[]}>}
   */
  async run(z, { labels, conditions } = {}) {
    const { latent_dim: length, num_classes: classes, condition_dim: width } = this.header;
    const count = z.length / latent;
    const each = classes ? this.#labels(count, labels) : [];
    if (width && ![width, count * width].includes(conditions?.length)) {
      const good = `${width} for all samples, or ${width} for each`;
      throw new RangeError(`${conditions?.length ?? "no"} conditions do not fit ${count} samples; give ${good}`);
    }
    const parts = [];
    for (let start = 0; start < count; start += CHUNK) {
      const end = Math.min(start + CHUNK, count);
      const size = end - start;
      const feeds = { z: new this.#ort.Tensor("float32", z.slice(start * latent, end * latent), [size, latent]) };
      // The file asks for 64-bit integers, which JavaScript holds as BigInts.
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
    const classes = this.header.num_classes;
    const each = Array.from({ length: count }, (_, i) => (Array.isArray(labels) ? labels[i] : (labels ?? i % classes)));
    const wrong = each.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= classes);
    if (wrong >= 0) throw new RangeError(`label ${each[wrong]} is out of range; it has 0..${classes - 1}`);
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
 * One of the images, as the bytes that `ImageData` and PNG files take.
 *
 * Floats are channels first, (N, C, H, W), and go from the ends of `range` to 0 and 255; bytes, of files exported with
 * `--uint8`, are channels last, (N, H, W, C), and stay as they are.
 *
 * @param {{data: Float32Array | Uint8Array, dims: number[]}} samples
 * @param {number} index which of them
 * @param {[number, number]} range smallest and largest value of a float
 * @returns {{width: number, height: number, rgba: Uint8ClampedArray}}
 */
export function pixels({ data, dims }, index, [low, high]) {
  const bytes = data instanceof Uint8Array;
  const [channels, height, width] = bytes ? [dims[3], dims[1], dims[2]] : dims.slice(1);
  const area = height * width;
  const image = data.subarray(index * channels * area, (index + 1) * channels * area);
  // A clamped array rounds to the nearest and ties to even, as Python's images do.
  const rgba = new Uint8ClampedArray(4 * area).fill(255);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels < 3 ? 0 : colour;
      const value = image[bytes ? pixel * channels + channel : channel * area + pixel];
      rgba[4 * pixel + colour] = bytes ? value : (value - low) * (255 / (high - low));
    }
  }
  return { width, height, rgba };
}
