/**
 * A sample in the address of a page, after the `#`: `seed=123&label=7&psi=0.7`.
 */

import { checkedSeed } from "./latents.js";

/**
 * What an address says, and what is wrong with it. A value that is wrong is left out.
 *
 * @param {string} hash the address from `#` on; may be empty
 * @param {object} known
 * @param {string[]} known.classes names, by label; none for a generator without classes
 * @param {string[]} known.settings names of numbers
 * @param {Object<string, number>} known.lists names of lists of numbers, and how long these are
 * @returns {{values: Object<string, any>, problems: string[]}}
 */
export function readAddress(hash, { classes, settings, lists }) {
  const readers = {
    seed: (text) => checkedSeed(text),
    ...(classes.length ? { label: (text) => labelIn(text, classes) } : {}),
    ...Object.fromEntries(Object.keys(lists).map((name) => [name, (text) => numbersIn(text, name, lists[name])])),
    ...Object.fromEntries(settings.map((name) => [name, (text) => numbersIn(text, name, 1)[0]])),
  };
  const values = {};
  const problems = [];
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    try {
      if (!Object.hasOwn(readers, name)) throw new RangeError(`nothing reads '${brief(name)}'; there are: ${Object.keys(readers).join(", ")}`);
      values[name] = readers[name](text);
    } catch (error) {
      problems.push(error.message);
    }
  }
  return { values, problems };
}

/** The address of a sample. Values that are `undefined` are left out. */
export function writeAddress(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return `#${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`.replaceAll("%2C", ",");
}

const brief = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function labelIn(text, classes) {
  const label = /^\d{1,9}$/.test(text) ? Number(text) : classes.indexOf(text);
  if (label >= 0 && label < classes.length) return label;
  throw new RangeError(`there is no label '${brief(text)}'; labels are 0 to ${classes.length - 1}, or names of classes`);
}

function numbersIn(text, name, count) {
  const numbers = text.split(",").map((part) => (part.trim() ? Number(part) : NaN));
  if (numbers.length === count && numbers.every(Number.isFinite)) return numbers;
  throw new RangeError(`'${brief(text)}' is not ${count > 1 ? `${count} numbers` : "a number"}, which ${name} is`);
}
