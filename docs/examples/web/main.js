// From seeds to images on the page. There is no bundler, so addresses are relative to this file.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { Generator, pixels } from "./model/generator.js";

const COUNT = 64;
const $ = (id) => document.getElementById(id);

ort.env.wasm.numThreads = 1; // more need a cross-origin isolated page, and do not speed up small generators

const metadata = await (await fetch("model/model.json")).json();
const generator = new Generator(ort, await ort.InferenceSession.create("model/model.onnx"), metadata);

async function draw() {
  const start = performance.now();
  const seeds = Array.from({ length: COUNT }, (_, i) => BigInt($("seed").value || 0) + BigInt(i));
  const label = metadata.num_classes ? Number($("class").value) : undefined;
  const samples = await generator.sample(seeds, { labels: label });
  const canvases = seeds.map((seed, i) => {
    const { width, height, rgba } = pixels(samples, i, metadata.range);
    const canvas = Object.assign(document.createElement("canvas"), { width, height, title: `seed ${seed}` });
    canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
    return canvas;
  });
  $("grid").replaceChildren(...canvases);
  $("status").textContent = `${COUNT} samples of ${metadata.gan} in ${Math.round(performance.now() - start)} ms`;
}

function report(error) {
  $("status").textContent = error.message;
}

if (!generator.images) throw new Error(`${metadata.gan} makes vectors, and this page draws images`);
$("class-field").hidden = !metadata.num_classes;
for (let label = 0; label < metadata.num_classes; label++) {
  $("class").append(new Option(metadata.data.classes[label] ?? label, label));
}
for (const id of ["class", "seed"]) $(id).addEventListener("change", () => draw().catch(report));
await draw().catch(report);
