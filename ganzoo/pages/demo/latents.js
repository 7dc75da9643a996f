/**
 * The latent of a seed, as ganzoo/generators/latents.py defines it, for browsers and Node.
 *
 * Seeds go up to 2^63 - 1, so they can be BigInts.
 */

const TWO_32 = 2 ** 32;

/** The high half of the 64-bit product of two 32-bit words; `Math.imul` gives the low half. */
function high(a, b) {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  // Each sum below stays under 2^32, so float64 holds it exactly.
  const left = a1 * b0 + ((a0 * b0) >>> 16);
  const right = a0 * b1 + (left & 0xffff);
  return a1 * b1 + (left >>> 16) + (right >>> 16);
}

/**
 * Philox4x32-10 (Salmon et al., 2011): four random words for a counter and a key.
 *
 * @param {number[]} counter four words, whole numbers below 2^32
 * @param {number[]} key two words
 * @returns {number[]} four words
 */
export function philox4x32([c0, c1, c2, c3], [k0, k1]) {
  for (let round = 0; round < 10; round++) {
    [c0, c1, c2, c3] = [
      high(0xcd9e8d57, c2) ^ c1 ^ k0,
      Math.imul(0xcd9e8d57, c2),
      high(0xd2511f53, c0) ^ c3 ^ k1,
      Math.imul(0xd2511f53, c0),
    ];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  // Bitwise operators give signed words; the shift makes them unsigned.
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/**
 * The seed as a BigInt.
 *
 * @param {bigint | number | string} seed a whole number from 0 to 2^63 - 1; above 2^53 as a BigInt or a string
 * @throws {RangeError} for anything else
 */
export function checkedSeed(seed) {
  const kinds = { bigint: () => true, number: Number.isSafeInteger, string: (text) => /^\d{1,19}$/.test(text) };
  if (!kinds[typeof seed]?.(seed) || BigInt(seed) < 0n || BigInt(seed) >= 2n ** 63n) {
    throw new RangeError(`${seed} is not a seed; seeds are whole numbers from 0 to 2^63 - 1`);
  }
  return BigInt(seed);
}

/** The units of the definition, strictly between 0 and 1 and exact in float64; `length` of them or a few more. */
function units(seed, length) {
  const key = [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  const blocks = Array.from({ length: Math.ceil(length / 4) }, (_, block) => philox4x32([block, 0, 0, 0], key));
  return blocks.flat().map((word) => (word + 0.5) / TWO_32);
}

function normal(seed, length) {
  const u = units(seed, length);
  for (let i = 0; i < u.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(u[i]));
    const angle = 2 * Math.PI * u[i + 1];
    [u[i], u[i + 1]] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  }
  return u.slice(0, length);
}

function sphere(seed, length) {
  const x = normal(seed, length);
  const scale = Math.sqrt(length) / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  return x.map((value) => value * scale);
}

const DISTRIBUTIONS = {
  normal,
  sphere,
  uniform: (seed, length) => units(seed, length).slice(0, length).map((u) => 2 * u - 1),
};

/**
 * The latents of `seeds`, one after the other.
 *
 * @param {Iterable<bigint | number | string>} seeds
 * @param {number} length of one latent; 0 for generators that take none
 * @param {"normal" | "uniform" | "sphere"} distribution
 * @returns {Float32Array} seeds × length values
 */
export function latents(seeds, length, distribution = "normal") {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new RangeError(`a latent cannot have length ${length}; give a length of at least 0`);
  }
  if (!Object.hasOwn(DISTRIBUTIONS, distribution)) {
    const good = Object.keys(DISTRIBUTIONS).join(", ");
    throw new RangeError(`no latent distribution named '${distribution}'; choose one of ${good}`);
  }
  const checked = Array.from(seeds, checkedSeed);
  const values = new Float32Array(checked.length * length);
  checked.forEach((seed, row) => values.set(DISTRIBUTIONS[distribution](seed, length), row * length));
  return values;
}
