/**
 * The page that shows a generator. It draws three views, all from the inputs' present values, one after the other.
 */

import { checkedSeed, latents } from "./latents.js";
import { Generator, pixels } from "./generator.js";

const DIRECTIONS = 5;
const STEPS = 9;
const POINTS = 2000; // of a generator of vectors
const SLICE = 16; // images drawn before the browser may do something else

const $ = (id) => document.getElementById(id);
const header = JSON.parse($("header").textContent);

// ---------------------------------------------------------------- the generator, out of the page

/** The bytes that an element holds, gzipped and in base64, or that it names. */
async function bytesOf(id) {
  const element = $(id);
  const { source, integrity } = element.dataset;
  if (source) return (await fetch(source, { integrity })).arrayBuffer();
  const text = atob(element.textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  element.remove(); // it is large
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function load() {
  const parts = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "model"];
  const [code, wasm, model] = await Promise.all(parts.map(bytesOf));
  const ort = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1; // more would need headers that a file has not
  ort.env.wasm.wasmBinary = wasm;
  return new Generator(ort, await ort.InferenceSession.create(new Uint8Array(model)), header);
}

// ---------------------------------------------------------------- latents

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const norm = (x) => Math.sqrt(dot(x, x));
const bounded = header.distribution === "uniform";

/** A way to go from any latent: normal values, of no seed that anybody would draw. */
const directions = Array.from({ length: DIRECTIONS }, (_, i) => latents([2n ** 63n - 1n - BigInt(i)], header.latent_dim));

/** A latent, moved along the directions and brought back to where the generator was trained. */
function moved(z, amounts) {
  const sum = z.map((value, i) => value + amounts.reduce((all, amount, way) => all + amount * directions[way][i], 0));
  if (bounded) return sum.map((value) => Math.min(1, Math.max(-1, value)));
  const scale = norm(z) / norm(sum);
  return sum.map((value) => value * scale);
}

/** The latent at `t` between two: along the arc, since normal latents all lie near one sphere, or along the line. */
function between(a, b, t) {
  const cosine = dot(a, b) / (norm(a) * norm(b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const flat = bounded || Math.sin(angle) < 1e-4;
  const [left, right] = flat ? [1 - t, t] : [1 - t, t].map((part) => Math.sin(part * angle) / Math.sin(angle));
  return a.map((value, i) => left * value + right * b[i]);
}

const latent = (seed) => latents([seed], header.latent_dim, header.distribution);

// ---------------------------------------------------------------- inputs

let picked = 0; // the class of the sample that was picked last

/** The class to ask for; `undefined` for all in turn. */
const chosen = () => (header.num_classes && $("class").value !== "" ? Number($("class").value) : undefined);

/** What a generator is told of every sample: inputs of a regression, and the class. */
function told(labels) {
  const inputs = [...$("conditions").querySelectorAll("input")];
  return { labels, conditions: inputs.map((input) => input.valueAsNumber || 0) };
}

/** What it is told of a single sample. */
const toldOne = () => told(chosen() ?? picked);

function seedIn(id) {
  const input = $(id);
  try {
    const seed = checkedSeed(input.value.trim());
    input.removeAttribute("aria-invalid");
    return seed;
  } catch (error) {
    input.setAttribute("aria-invalid", "true");
    throw error;
  }
}

const className = (label) => header.data.classes[label] ?? String(label);

/** A text about samples, with their class where there are classes. */
const ofClass = (text, label) => (header.num_classes ? `${text}, class ${className(label)}` : text);

// ---------------------------------------------------------------- drawing

let generator;
let cloud; // points of many seeds, behind a single one

function paint(canvas, samples, index = 0) {
  const { width, height, rgba } = pixels(samples, index, header.range);
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
}

/** Vectors as points: their first two features, or a single one, beside a spread that only keeps them apart. */
function points({ data, dims }, spread = 0) {
  const width = data.length / dims[0];
  return Array.from({ length: dims[0] }, (_, i) =>
    width > 1 ? [data[i * width], data[i * width + 1]] : [data[i], spread * (((i * 0.618034) % 1) - 0.5)],
  );
}

/** Points on a canvas, in the frame of the cloud; both axes of a plane have one scale. */
function plot(canvas, dots, marked = []) {
  const size = 512;
  Object.assign(canvas, { width: size, height: size });
  const [x, y] = [0, 1].map((axis) => {
    const values = cloud.map((point) => point[axis]).filter(Number.isFinite);
    return [Math.min(...values), Math.max(...values)];
  });
  const sides = [x, y].map(([low, high]) => 1.15 * (high - low) || 1);
  const spans = header.shape.reduce((a, b) => a * b) > 1 ? [Math.max(...sides), Math.max(...sides)] : sides;
  const place = (point) =>
    [x, y].map(([low, high], axis) => 0.5 + (axis ? -1 : 1) * ((point[axis] - (low + high) / 2) / spans[axis]));
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const disc = (point, radius) => {
    const [left, top] = place(point);
    context.beginPath();
    context.arc(left * size, top * size, radius, 0, 2 * Math.PI);
    context.fill();
  };
  context.fillStyle = style.getPropertyValue(marked.length ? "--soft" : "--accent");
  context.globalAlpha = 0.4;
  dots.forEach((point) => disc(point, 2));
  context.fillStyle = style.getPropertyValue("--accent");
  context.globalAlpha = 1;
  marked.forEach((point, i) => disc(point, i ? 3 : 7));
}

/** An image, or points of which the first is the largest. */
function show(canvas, samples) {
  if (generator.images) paint(canvas, samples);
  else plot(canvas, cloud, points(samples));
}

/** The classes stand in columns where there are few of them and they come in turn. */
const inColumns = () => header.num_classes > 1 && header.num_classes <= 16 && chosen() === undefined;

function count() {
  if (!generator.images) return POINTS;
  const large = Math.max(header.shape[1], header.shape[2]) > 64;
  return inColumns() ? header.num_classes * (large ? 2 : 6) : large ? 16 : 64;
}

async function drawSamples() {
  const first = seedIn("first");
  const seeds = Array.from({ length: count() }, (_, i) => first + BigInt(i));
  checkedSeed(seeds.at(-1));
  const labels = seeds.map((_, i) => (header.num_classes ? (chosen() ?? i % header.num_classes) : 0));
  if (!generator.images) {
    cloud = points(await generator.sample(seeds, told(labels)), 1);
    plot($("cloud"), cloud);
    $("cloud").setAttribute("aria-label", `${seeds.length} points, from seed ${first} on`);
    return;
  }
  const tiles = seeds.map((seed, i) => tile(seed, labels[i]));
  $("grid").style.setProperty("--columns", inColumns() ? header.num_classes : "auto-fill");
  $("grid").style.setProperty("--tile", inColumns() ? "0" : `${Math.min(160, Math.max(56, header.shape[2]))}px`);
  for (let start = 0; start < seeds.length; start += SLICE) {
    const slice = seeds.slice(start, start + SLICE);
    const samples = await generator.sample(slice, told(labels.slice(start, start + SLICE)));
    slice.forEach((_, i) => paint(tiles[start + i].querySelector("canvas"), samples, i));
    await new Promise((resume) => setTimeout(resume));
  }
  $("grid").replaceChildren(...tiles);
}

/** An image to be picked. */
function tile(seed, label) {
  const button = document.createElement("button");
  const caption = document.createElement("span");
  caption.className = "seed";
  caption.textContent = seed;
  button.type = "button";
  button.title = ofClass(`seed ${seed}`, label);
  button.setAttribute("aria-label", button.title);
  button.append(document.createElement("canvas"), caption);
  button.addEventListener("click", () => {
    $("grid").querySelector("[aria-pressed]")?.removeAttribute("aria-pressed");
    button.setAttribute("aria-pressed", "true");
    picked = label;
    $("seed").value = seed;
    redraw(drawAround, drawBetween);
  });
  return button;
}

async function drawAround() {
  const seed = seedIn("seed");
  const amounts = [...$("directions").querySelectorAll("input")].map((input) => input.valueAsNumber);
  show($("around"), await generator.run(moved(latent(seed), amounts), toldOne()));
  describe("around", ofClass(`seed ${seed}${amounts.some(Boolean) ? ", moved" : ""}`, toldOne().labels));
}

async function drawBetween() {
  const [from, to] = [seedIn("from"), seedIn("to")];
  const way = $("way").valueAsNumber;
  const parts = [way, ...Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1))];
  const path = parts.map((t) => between(latent(from), latent(to), t));
  const z = new Float32Array(path.length * header.latent_dim);
  path.forEach((step, i) => z.set(step, i * header.latent_dim));
  const samples = await generator.run(z, toldOne());
  show($("between"), samples);
  if (generator.images) [...$("steps").children].forEach((canvas, i) => paint(canvas, samples, i + 1));
  describe("between", ofClass(`${Math.round(100 * way)} % of the way from seed ${from} to ${to}`, toldOne().labels));
}

function describe(id, text) {
  $(id).setAttribute("aria-label", text);
  $(`${id}-caption`).textContent = text;
}

const due = new Set();
let drawing = false;

/** Draw views soon. Inputs may change faster than the generator runs: each view is drawn once, with the last values. */
async function redraw(...views) {
  views.forEach((view) => due.add(view));
  if (drawing) return;
  drawing = true;
  document.querySelector("main").ariaBusy = "true";
  const start = performance.now();
  let message = "";
  while (due.size) {
    const [view] = due;
    due.delete(view);
    await view().catch((error) => (message = error.message));
  }
  drawing = false;
  document.querySelector("main").ariaBusy = "false";
  $("status").textContent = message || `Drawn in ${Math.round(performance.now() - start)} ms.`;
}

// ---------------------------------------------------------------- the page

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function build() {
  const all = () => redraw(drawSamples, drawAround, drawBetween);
  const { shape, latent_dim: length, distribution, iterations } = header;
  const kind = generator.images
    ? `${shape[0] < 3 ? "Grey" : "Colour"} images of ${shape[2]}×${shape[1]}`
    : `Vectors of length ${shape.join("×")}`;
  const origin = `each from ${length} numbers (${distribution}), after ${iterations} iterations of training`;
  $("summary").textContent = `${kind}, ${origin}`;
  $("header-text").textContent = JSON.stringify(header, null, 2);

  $("class-field").hidden = !header.num_classes;
  $("class").append(new Option("all in turn", ""));
  for (let label = 0; label < header.num_classes; label++) $("class").append(new Option(className(label), label));
  for (let i = 1; i <= header.condition_dim; i++) {
    const input = element("input", { type: "number", step: "any", value: 0 });
    input.addEventListener("input", all);
    $("conditions").append(element("label", {}, `Condition ${i}`, input));
  }
  for (let i = 1; i <= DIRECTIONS; i++) {
    const input = element("input", { type: "range", min: -2, max: 2, step: 0.05, value: 0 });
    input.addEventListener("input", () => redraw(drawAround));
    $("directions").append(element("label", {}, `Direction ${i}`, input));
  }
  for (const id of ["around", "between"]) {
    $(id).setAttribute("role", "img");
    $(id).classList.toggle("plane", !generator.images);
  }
  $("cloud").setAttribute("role", "img");
  $("cloud").hidden = generator.images;
  for (const id of ["grid", "hint", "steps"]) $(id).hidden = !generator.images;
  if (generator.images) $("steps").append(...Array.from({ length: STEPS }, () => document.createElement("canvas")));

  /** Show other samples; a first seed that is none is left to be complained of. */
  const turn = (seedAfter) => {
    try {
      const seed = seedAfter(seedIn("first"));
      $("first").value = seed < 0n ? 0n : seed;
    } catch {}
    all();
  };
  $("choice").addEventListener("submit", (event) => event.preventDefault());
  $("class").addEventListener("change", all);
  $("first").addEventListener("change", all);
  $("previous").addEventListener("click", () => turn((seed) => seed - BigInt(count())));
  $("next").addEventListener("click", () => turn((seed) => seed + BigInt(count())));
  $("random").addEventListener("click", () => {
    $("first").value = crypto.getRandomValues(new Uint32Array(1))[0];
    all();
  });
  $("seed").addEventListener("change", () => redraw(drawAround));
  for (const id of ["from", "to"]) $(id).addEventListener("change", () => redraw(drawBetween));
  $("way").addEventListener("input", () => redraw(drawBetween));
  $("reset").addEventListener("click", () => {
    for (const input of $("directions").querySelectorAll("input")) input.value = 0;
    redraw(drawAround);
  });
  // Points take their colours from the style sheet.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  document.querySelector("main").hidden = false;
  return all();
}

/** For the console: `await ganzoo.ready; await ganzoo.sample([0, 7])`. */
window.ganzoo = {
  header,
  ready: load().then((loaded) => {
    generator = loaded;
    return build();
  }),
  sample: (seeds, told) => generator.sample(seeds, told),
};
window.ganzoo.ready.catch((error) => {
  $("status").textContent = `The generator does not run here: ${error.message}`;
});
