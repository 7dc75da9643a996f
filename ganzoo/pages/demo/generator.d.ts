import type { Distribution, Seed } from "./latents.js";

/** The content of model.json that these modules use; it has more fields. */
export interface Metadata {
  gan: string;
  /** Of one sample: [C, H, W], or [d]. */
  shape: number[];
  /** Smallest and largest value of a sample; null where it is unbounded. */
  range: [number, number] | null;
  latent_dim: number;
  distribution: Distribution;
  num_classes: number;
  condition_dim: number;
  /** Of the images that samples are made from: [c, h, w]. */
  condition_image?: [number, number, number];
  /** Whether images of any height and width can be made, from such images. */
  free?: boolean;
  /** The settings of sampling that are inputs, with their defaults. */
  sampling_inputs?: Record<string, number>;
  data: { name: string; classes: string[] };
  [field: string]: unknown;
}

/** What samples are made from besides latents. */
export interface Condition {
  /** One class for all samples, or one for each; all classes in turn by default. */
  labels?: number | ArrayLike<number>;
  /** Regression inputs, condition_dim values; or images, c * h * w values: for all samples, or for each. */
  conditions?: number[] | Float32Array;
  /** Height and width of these images; those of the training by default. */
  size?: [number, number];
  /** Settings of sampling, by name. */
  settings?: Record<string, number>;
}

/** A picture in RGBA bytes, such as an `ImageData`. */
export interface Bytes {
  width: number;
  height: number;
  data: Uint8ClampedArray | Uint8Array;
}

/** A picture in RGBA bytes, for `ImageData` or a PNG file. */
export interface Picture {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
}

export interface Samples {
  data: Float32Array | Uint8Array;
  /** (N, C, H, W), (N, H, W, C) for bytes, or (N, d). */
  dims: number[];
}

export class Generator {
  readonly metadata: Metadata;
  /** Whether a sample is an image; otherwise it is a vector. */
  readonly images: boolean;

  /**
   * @param ort the module `onnxruntime-web` or `onnxruntime-node`
   * @param session what `ort.InferenceSession.create` returned for model.onnx
   * @param metadata the content of model.json
   */
  constructor(ort: object, session: object, metadata: Metadata);

  /** One sample for each seed. */
  sample(seeds: Iterable<Seed>, condition?: Condition): Promise<Samples>;

  /** One sample for each latent; `z` holds N * latent_dim values. Without latents, one for each image. */
  run(z: Float32Array, condition?: Condition): Promise<Samples>;

  /** The picture that is made from a picture. */
  translate(
    picture: Bytes | Picture,
    options?: { seed?: Seed; label?: number; settings?: Record<string, number> },
  ): Promise<Picture>;
}

/** One of the images as RGBA bytes, for `ImageData` or a PNG file. */
export function pixels(samples: Samples, index: number, range: [number, number]): Picture;

/** A picture as the input of a generator that makes images from images; throws a RangeError if it takes no such one. */
export function condition(
  picture: Bytes | Picture,
  metadata: Metadata,
): { conditions: Float32Array; size: [number, number] };
