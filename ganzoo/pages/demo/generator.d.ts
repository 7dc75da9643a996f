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
  data: { name: string; classes: string[] };
  [field: string]: unknown;
}

/** What conditions the samples of a conditional GAN. */
export interface Condition {
  /** One class for all samples, or one for each; all classes in turn by default. */
  labels?: number | number[];
  /** Regression inputs: condition_dim values for all samples, or for each. */
  conditions?: number[];
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

  /** One sample for each latent; `z` holds N * latent_dim values. */
  run(z: Float32Array, condition?: Condition): Promise<Samples>;
}

/** One of the images as RGBA bytes, for `ImageData` or a PNG file. */
export function pixels(
  samples: Samples,
  index: number,
  range: [number, number],
): { width: number; height: number; rgba: Uint8ClampedArray };
