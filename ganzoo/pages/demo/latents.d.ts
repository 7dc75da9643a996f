/** A whole number from 0 to 2^63 - 1; above 2^53 as a BigInt or a string. */
export type Seed = bigint | number | string;
export type Distribution = "normal" | "uniform" | "sphere";

/** Philox4x32-10: four random words for a counter of four words and a key of two. */
export function philox4x32(counter: number[], key: number[]): number[];

/** The seed as a BigInt; throws a RangeError for anything that is no seed. */
export function checkedSeed(seed: Seed): bigint;

/** The latents of `seeds`, one after the other: seeds x length values. */
export function latents(seeds: Iterable<Seed>, length: number, distribution?: Distribution): Float32Array;
