/**
 * Samples of a generator in an ONNX file, with onnxruntime-web or onnxruntime-node, which you pass in.
 */

import { latents } from "./latents.js";

/** Samples in one forward pass: bounds the memory of the runtime, and larger batches are no faster. */
const CHUNK = 64;

/** @throws {RangeError} an option has a name that nothing reads */
function checkOptions(options, names) {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown) throw new RangeError(`there is no option '${unknown}'; there are: ${names.join(", ")}`);
}

/** @throws {RangeError} one of the values is not a finite number */
function checkFinite(values, name) {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new RangeError(`${name}[${wrong}] is ${values[wrong]}, which is not a finite number`);
}

export class Generator {
  #ort;
  #session;

  /**
   * @param {object} ort the module `onnxruntime-web` or `onnxruntime-node`
   * @param {object} session what `ort.InferenceSession.create` returned for model.onnx
   * @param {object} metadata the content of model.json; the JavaScript runtimes cannot read it from model.onnx
   */
  constructor(ort, session, metadata) {
    if (metadata.entry) throw new RangeError(`the file holds ${metadata.entry}, which makes no samples; export the generator`);
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
    const chosen = Array.from(seeds);
    if (!chosen.length) throw new RangeError("there is nothing to sample; give at least one seed");
    return this.#run(latents(chosen, this.metadata.latent_dim, this.metadata.distribution), chosen.length, condition);
  }

  /**
   * One sample for each latent.
   *
   * @param {Float32Array} z N latents, one after the other: N * latent_dim values; none for a generator without latents,
   *   which makes a sample from each image in `conditions`
   * @param {object} [condition] of a conditional GAN
   * @param {number | number[]} [condition.labels] one class for all samples, or one for each; all classes in turn by default
   * @param {number[] | Float32Array} [condition.conditions] regression inputs: condition_dim values for all samples, or
   *   N * condition_dim. Or images of c * h * w values in the range of the samples: one for all samples, or N of them
   * @param {[number, number]} [condition.size] height and width of these images; those of the training by default
   * @param {Object<string, number>} [condition.settings] of sampling, by name; see metadata.sampling_inputs
   * @returns {Promise<{data: Float32Array | Uint8Array, dims: number[]}>}
   * @throws {RangeError} an input is missing, has another length, or is none of this generator
   */
  async run(z, condition = {}) {
    const { gan, latent_dim: length } = this.metadata;
    if (z?.length === undefined) throw new RangeError(`${z} are no latents; give a Float32Array`);
    checkFinite(z, "latents");
    if (length) {
      const count = z.length / length;
      if (!count || !Number.isInteger(count)) {
        throw new RangeError(`${z.length} values are no latents; give N * ${length} values, N >= 1`);
      }
      return this.#run(z, count, condition);
    }
    if (z.length) throw new RangeError(`${gan} takes no latents, and got ${z.length} values; give new Float32Array(0)`);
    const count = (condition.conditions?.length ?? 0) / product(this.#shape(condition.size));
    return this.#run(z, Math.max(1, Math.floor(count)), condition);
  }

  /**
   * The picture that is made from a picture.
   *
   * @param {{width: number, height: number, data: Uint8ClampedArray}} picture RGBA bytes, as in `ImageData`; or a
   *   picture of {@link pixels}
   * @param {object} [options]
   * @param {bigint | number | string} [options.seed] of the latent, for a generator that takes one; 0 by default
   * @param {number} [options.label] of a class-conditional GAN; 0 by default
   * @param {Object<string, number>} [options.settings] see {@link run}
   * @returns {Promise<{width: number, height: number, rgba: Uint8ClampedArray}>}
   * @throws {RangeError} the generator takes no such picture, or no such option
   */
  async translate(picture, options = {}) {
    checkOptions(options, ["seed", "label", "settings"]);
    const { seed, label, settings } = options;
    const { gan, latent_dim: length, range } = this.metadata;
    const given = condition(picture, this.metadata);
    if (!length && seed !== undefined) throw new RangeError(`${gan} takes no latents, so a seed changes nothing; leave it out`);
    return pixels(await this.sample([seed ?? 0], { labels: label, settings, ...given }), 0, range);
  }

  async #run(z, count, condition = {}) {
    checkOptions(condition, ["labels", "conditions", "size", "settings"]);
    const { labels, conditions, size, settings } = condition;
    const length = this.metadata.latent_dim;
    // Each input as a function of the samples from `start` to `end`.
    const inputs = {
      z: (start, end) => this.#tensor(z.slice(start * length, end * length), [end - start, length]),
      ...this.#labels(count, labels),
      ...this.#conditions(count, conditions, size),
      ...this.#settings(settings),
    };
    const chunk = this.#chunk(size);
    const parts = [];
    for (let start = 0; start < count; start += chunk) {
      const end = Math.min(start + chunk, count);
      const feeds = Object.entries(inputs).map(([name, part]) => [name, part(start, end)]);
      const { samples } = await this.#session.run(Object.fromEntries(feeds));
      parts.push(samples);
    }
    return joined(parts);
  }

  #tensor(values, dims) {
    return new this.#ort.Tensor("float32", values, dims);
  }

  #labels(count, labels) {
    const { gan, num_classes: classes } = this.metadata;
    if (!classes) {
      if (labels !== undefined) throw new RangeError(`${gan} is not class-conditional; leave out the labels`);
      return {};
    }
    if (typeof labels === "object" && labels?.length !== count) {
      throw new RangeError(`${labels?.length ?? "no"} labels do not fit ${count} samples; give one, or one for each`);
    }
    const chosen = (i) => (labels === undefined ? i % classes : typeof labels === "object" ? labels[i] : labels);
    const each = Array.from({ length: count }, (_, i) => chosen(i));
    const wrong = each.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= classes);
    if (wrong >= 0) throw new RangeError(`label ${each[wrong]} is out of range; the classes are 0..${classes - 1}`);
    // 64-bit integers are BigInts in JavaScript.
    const part = (start, end) => BigInt64Array.from(each.slice(start, end), BigInt);
    return { labels: (start, end) => new this.#ort.Tensor("int64", part(start, end), [end - start]) };
  }

  /** Shape of what each sample is made from: [c, h, w], [condition_dim], or [] for nothing. */
  #shape(size) {
    const { gan, condition_dim: width, condition_image: image, free } = this.metadata;
    if (!image) {
      if (size !== undefined) throw new RangeError(`${gan} makes no images from images; leave out the size`);
      return width ? [width] : [];
    }
    const [channels, ...usual] = image;
    const sides = size ?? usual;
    if (sides.length !== 2 || ![...sides].every((side) => Number.isInteger(side) && side > 0)) {
      throw new RangeError(`size ${JSON.stringify(size)} is not [height, width]`);
    }
    if (!free && String([...sides]) !== String(usual)) {
      throw new RangeError(`${gan} takes images of size [${usual.join(", ")}], not [${[...sides].join(", ")}]; scale them first`);
    }
    return [channels, ...sides];
  }

  #conditions(count, conditions, size) {
    const dims = this.#shape(size);
    if (!dims.length) {
      if (conditions !== undefined) throw new RangeError(`${this.metadata.gan} takes no conditions; leave them out`);
      return {};
    }
    const width = product(dims);
    if (![width, count * width].includes(conditions?.length)) {
      const good = `${dims.join(" * ")} values for all samples, or for each`;
      throw new RangeError(`${conditions?.length ?? "no"} conditions do not fit ${count} samples; give ${good}`);
    }
    if (dims.length > 1 && conditions.BYTES_PER_ELEMENT === 1) {
      throw new RangeError("bytes are no conditions; condition() makes conditions of the bytes of a picture");
    }
    checkFinite(conditions, "conditions");
    const rows = (start, end) => {
      const values = new Float32Array((end - start) * width);
      for (let i = start; i < end; i++) {
        const first = conditions.length === width ? 0 : i * width;
        values.set(conditions.slice(first, first + width), (i - start) * width);
      }
      return values;
    };
    return { conditions: (start, end) => this.#tensor(rows(start, end), [end - start, ...dims]) };
  }

  /** The scalar inputs: what was chosen, and the defaults of the others. */
  #settings(chosen = {}) {
    const { gan, sampling_inputs: defaults = {} } = this.metadata;
    for (const [name, value] of Object.entries(chosen)) {
      if (!Object.hasOwn(defaults, name)) {
        const known = Object.keys(defaults).join(", ") || "none";
        throw new RangeError(`${gan} has no setting '${name}' of sampling; it has: ${known}`);
      }
      if (!Number.isFinite(value)) throw new RangeError(`${name}=${value} is not a finite number`);
    }
    const values = Object.entries({ ...defaults, ...chosen });
    return Object.fromEntries(values.map(([name, value]) => [name, () => this.#tensor(Float32Array.of(value), [])]));
  }

  /** Samples in one forward pass: fewer of images that are larger than those of the training. */
  #chunk(size) {
    const { condition_image: image, free } = this.metadata;
    if (!free || !size) return CHUNK;
    return Math.max(1, Math.min(CHUNK, Math.floor((CHUNK * image[1] * image[2]) / product(size))));
  }
}

function product(sides) {
  return sides.reduce((all, side) => all * side, 1);
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

/**
 * A picture as the input of a generator that makes images from images, for {@link Generator#run}.
 *
 * Grey is the luma of ITU-R BT.601, as in Pillow's mode L. Transparency is laid over white, unless the generator takes
 * alpha.
 *
 * @param {{width: number, height: number, data: Uint8ClampedArray}} picture RGBA bytes, as in `ImageData`; or a picture
 *   of {@link pixels}
 * @param {object} metadata of the generator
 * @returns {{conditions: Float32Array, size: [number, number]}}
 * @throws {RangeError} the generator takes no such picture
 */
export function condition({ width, height, rgba, data = rgba }, { gan, condition_image: image, range, free }) {
  if (!image) throw new RangeError(`${gan} makes no images from images; give seeds or latents`);
  const [channels, ...sides] = image;
  if (![1, 3, 4].includes(channels)) throw new RangeError(`${gan} takes ${channels} channels; pictures have 1, 3 or 4`);
  if (data?.BYTES_PER_ELEMENT !== 1 || !data.length || data.length !== 4 * width * height) {
    throw new RangeError(`a picture has 4 bytes for each pixel, not ${data?.length ?? "no"} values for ${width}×${height}`);
  }
  if (!free && (height !== sides[0] || width !== sides[1])) {
    throw new RangeError(`${gan} takes pictures of ${sides[1]}×${sides[0]} pixels, not ${width}×${height}; scale it first`);
  }
  const [low, high] = range;
  const area = width * height;
  const conditions = new Float32Array(channels * area);
  const put = (channel, pixel, level) => (conditions[channel * area + pixel] = level * ((high - low) / 255) + low);
  for (let pixel = 0; pixel < area; pixel++) {
    const alpha = data[4 * pixel + 3];
    const colour = (channel) => {
      const level = data[4 * pixel + channel];
      if (channels === 4) return alpha ? level : 0; // the colour of transparent pixels is arbitrary
      return Math.floor((level * alpha + 255 * (255 - alpha) + 127) / 255);
    };
    if (channels === 1) {
      put(0, pixel, (19595 * colour(0) + 38470 * colour(1) + 7471 * colour(2) + 0x8000) >> 16);
      continue;
    }
    for (let channel = 0; channel < 3; channel++) put(channel, pixel, colour(channel));
    if (channels === 4) put(3, pixel, alpha);
  }
  return { conditions, size: [height, width] };
}
