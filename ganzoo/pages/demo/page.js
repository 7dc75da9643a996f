/**
 * The demo page of a generator. It has three views, each drawn from the current values of the inputs; or one view, of a
 * generator that makes images from images.
 */

import { checkedSeed, latents } from "./latents.js";
import { Generator, pixels } from "./generator.js";
import { readAddress, writeAddress } from "./address.js";
import { layout, SMOOTH } from "./grid.js";
import { download, offerSizes, walk } from "./picked.js";
import { translationView } from "./translation.js";

const DIRECTIONS = 5;
const STEPS = 9;
const POINTS = 2000; // samples of a generator of vectors
const SLICE = 16; // images drawn between two chances for the browser to respond

const $ = (id) => document.getElementById(id);
const metadata = JSON.parse($("metadata").textContent);

// ---------------------------------------------------------------- loading

/** The bytes of an element: its content, gzipped and in base64, or the file at its `data-source`. */
async function bytesOf(id) {
  const element = $(id);
  const { source, integrity } = element.dataset;
  if (source) return (await fetch(source, { integrity })).arrayBuffer();
  const text = atob(element.textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  element.remove(); // frees its memory
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function load() {
  const parts = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "model"];
  const [code, wasm, model] = await Promise.all(parts.map(bytesOf));
  const ort = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1; // more need HTTP headers, which a file does not have
  ort.env.wasm.wasmBinary = wasm;
  return new Generator(ort, await ort.InferenceSession.create(new Uint8Array(model)), metadata);
}

// ---------------------------------------------------------------- latents

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const norm = (x) => Math.sqrt(dot(x, x));
const bounded = metadata.distribution === "uniform";

/** Random directions in latent space: the latents of the largest seeds, which nobody samples by accident. */
const directions = Array.from({ length: DIRECTIONS }, (_, i) => latents([2n ** 63n - 1n - BigInt(i)], metadata.latent_dim));

/** A latent shifted along the directions, then projected back to its norm, or clipped to [-1, 1]. */
function shifted(z, amounts) {
  const sum = z.map((value, i) => value + amounts.reduce((all, amount, direction) => all + amount * directions[direction][i], 0));
  if (bounded) return sum.map((value) => Math.min(1, Math.max(-1, value)));
  const scale = norm(z) / norm(sum);
  return sum.map((value) => value * scale);
}

/** The latent at `t` in [0, 1] from a to b: along the arc (slerp), or along the line if latents are uniform. */
function interpolate(a, b, t) {
  const cosine = dot(a, b) / (norm(a) * norm(b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const straight = bounded || Math.sin(angle) < 1e-4;
  const [left, right] = straight ? [1 - t, t] : [1 - t, t].map((part) => Math.sin(part * angle) / Math.sin(angle));
  return a.map((value, i) => left * value + right * b[i]);
}

const latent = (seed) => latents([seed], metadata.latent_dim, metadata.distribution);

// ---------------------------------------------------------------- inputs

let selectedClass = 0; // of the sample that was clicked last

/** The class in the form; `undefined` for all classes in turn. */
const formClass = () => (metadata.num_classes && $("class").value !== "" ? Number($("class").value) : undefined);

/** The settings of sampling in the form, by name. */
function settings() {
  const inputs = [...$("settings").querySelectorAll("input[type=number]")];
  return Object.fromEntries(inputs.map((input) => [input.name, input.valueAsNumber]));
}

/** The condition of samples: their labels, and the regression inputs and settings in the form. */
function conditionOf(labels) {
  const inputs = [...$("conditions").querySelectorAll("input")];
  return {
    labels: metadata.num_classes ? labels : undefined,
    conditions: inputs.length ? inputs.map((input) => input.valueAsNumber || 0) : undefined,
    settings: settings(),
  };
}

/** The condition of the sample that is explored. */
const selectedCondition = () => conditionOf(formClass() ?? selectedClass);

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

const className = (label) => metadata.data.classes[label] ?? String(label);

/** A text about samples, with their class if the GAN is class-conditional. */
const withClass = (text, label) => (metadata.num_classes ? `${text}, class ${className(label)}` : text);

// ---------------------------------------------------------------- drawing

let generator;
let cloud; // points of many seeds, behind the explored one

function paint(canvas, samples, index = 0) {
  const { width, height, rgba } = pixels(samples, index, metadata.range);
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
}

/** Vectors as points: their first two features. A single feature is spread over y in ±`spread`/2. */
function points({ data, dims }, spread = 0) {
  const width = data.length / dims[0];
  return Array.from({ length: dims[0] }, (_, i) =>
    width > 1 ? [data[i * width], data[i * width + 1]] : [data[i], spread * (((i * 0.618034) % 1) - 0.5)],
  );
}

/** Points on a canvas, in the frame of the cloud. With two features, both axes have the same scale. */
function plot(canvas, dots, marked = []) {
  const size = 512;
  Object.assign(canvas, { width: size, height: size });
  const [x, y] = [0, 1].map((axis) => {
    const values = cloud.map((point) => point[axis]).filter(Number.isFinite);
    return [Math.min(...values), Math.max(...values)];
  });
  const sides = [x, y].map(([low, high]) => 1.15 * (high - low) || 1);
  const spans = metadata.shape.reduce((a, b) => a * b) > 1 ? [Math.max(...sides), Math.max(...sides)] : sides;
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

/** Draw the first image, or the points with the first one largest. */
function draw(canvas, samples) {
  if (generator.images) paint(canvas, samples);
  else plot(canvas, cloud, points(samples));
}

/** How many samples, in how many columns. */
const arranged = () => layout(Math.max(...metadata.shape.slice(1)), formClass() === undefined ? metadata.num_classes : 1);

const count = () => (generator.images ? arranged().count : POINTS);

async function drawSamples() {
  const first = seedIn("first");
  const seeds = Array.from({ length: count() }, (_, i) => first + BigInt(i));
  checkedSeed(seeds.at(-1));
  const labels = seeds.map((_, i) => (metadata.num_classes ? (formClass() ?? i % metadata.num_classes) : 0));
  if (!generator.images) {
    cloud = points(await generator.sample(seeds, conditionOf(labels)), 1);
    plot($("cloud"), cloud);
    $("cloud").setAttribute("aria-label", `${seeds.length} points, from seed ${first}`);
    return;
  }
  const tiles = seeds.map((seed, i) => tile(seed, labels[i]));
  const { wide, narrow } = arranged();
  $("grid").style.setProperty("--wide", wide);
  $("grid").style.setProperty("--narrow", narrow);
  for (let start = 0; start < seeds.length; start += SLICE) {
    const slice = seeds.slice(start, start + SLICE);
    const samples = await generator.sample(slice, conditionOf(labels.slice(start, start + SLICE)));
    slice.forEach((_, i) => paint(tiles[start + i].querySelector("canvas"), samples, i));
    await new Promise((resume) => setTimeout(resume));
  }
  $("grid").replaceChildren(...tiles);
  markPicked();
}

/** An image that can be picked. */
function tile(seed, label) {
  const button = element("button", { type: "button", title: withClass(`seed ${seed}`, label) }, document.createElement("canvas"));
  if (metadata.num_classes) button.append(element("span", { className: "class" }, className(label)));
  button.append(element("span", { className: "seed" }, metadata.num_classes ? `seed ${seed}` : seed));
  button.setAttribute("aria-label", button.title);
  Object.assign(button.dataset, { seed, label });
  button.addEventListener("click", () => {
    walking.stop();
    selectedClass = label;
    $("seed").value = seed;
    redraw(drawSelected, drawInterpolation);
  });
  return button;
}

/** Mark the tile of the picked sample, if it is among those that are shown. */
function markPicked() {
  for (const button of $("grid").children) {
    const isPicked = button.dataset.seed === $("seed").value.trim() && Number(button.dataset.label) === (formClass() ?? selectedClass);
    button.setAttribute("aria-pressed", String(isPicked));
  }
}

const amounts = () => [...$("directions").querySelectorAll("input")].map((input) => input.valueAsNumber);

async function drawSelected() {
  const seed = seedIn("seed");
  const shift = amounts();
  draw($("selected"), await generator.run(shifted(latent(seed), shift), selectedCondition()));
  const label = selectedCondition().labels;
  const text = withClass(`seed ${seed}${shift.some(Boolean) ? ", shifted" : ""}`, label);
  $("selected").setAttribute("aria-label", text);
  $("selected-caption").textContent = text;
  $("copied").textContent = "";
  markPicked();
  showAddress();
}

// ---------------------------------------------------------------- the picked sample and its address

let walking = { stop() {}, isMoving: () => false };

/** What changes the picked sample, apart from seed and label: settings and conditions that are not the defaults. */
function pickedValues() {
  const defaults = metadata.sampling_inputs ?? {};
  const changed = Object.entries(settings()).filter(([name, value]) => value !== defaults[name]);
  const { conditions } = conditionOf();
  return {
    conditions: conditions?.some(Boolean) ? conditions : undefined,
    ...Object.fromEntries(changed),
    shift: amounts().some(Boolean) ? amounts() : undefined,
  };
}

const pickedAddress = () => writeAddress({ seed: seedIn("seed"), label: selectedCondition().labels, ...pickedValues() });

/** Pick the sample that the address of the page names, and say what is wrong with it. */
function followAddress() {
  const { values, problems } = readAddress(location.hash, {
    classes: Array.from({ length: metadata.num_classes }, (_, label) => className(label)),
    settings: Object.keys(settings()),
    lists: { shift: DIRECTIONS, ...(metadata.condition_dim ? { conditions: metadata.condition_dim } : {}) },
  });
  const { seed, label, shift, conditions, ...set } = values;
  if (seed !== undefined) $("seed").value = seed;
  if (label !== undefined) {
    selectedClass = label;
    if (formClass() !== undefined) $("class").value = label;
  }
  for (const [name, value] of Object.entries(set)) {
    for (const input of $("settings").querySelectorAll(`[name="${CSS.escape(name)}"]`)) input.value = value;
  }
  [...$("directions").querySelectorAll("input")].forEach((input, i) => (input.value = shift?.[i] ?? 0));
  if (conditions) [...$("conditions").querySelectorAll("input")].forEach((input, i) => (input.value = conditions[i]));
  reportAddress(problems);
}

function reportAddress(problems) {
  $("address-problem").textContent = `In the address of this page: ${problems.join("; ")}.`;
  $("address-problem").hidden = !problems.length;
}

/** Make the address of the page that of the picked sample. */
function showAddress() {
  if (walking.isMoving()) return;
  try {
    history.replaceState(null, "", pickedAddress());
  } catch {} // a page without an address of its own, such as one inside another
}

async function copyLink() {
  walking.stop();
  await redraw(drawSelected); // with the last values
  const link = location.href.replace(/#.*$/, "") + pickedAddress();
  try {
    await navigator.clipboard.writeText(link);
    $("copied").textContent = "Copied; the link shows this sample.";
  } catch {
    $("copied").textContent = "This browser does not let the page copy. Copy its address, which shows this sample.";
  }
}

/** The name of a file of the picked sample. */
function pickedName() {
  const label = selectedCondition().labels;
  const { shift, conditions, ...set } = pickedValues();
  const parts = [`${metadata.gan}-seed${seedIn("seed")}`, label === undefined ? [] : className(label), ...Object.entries(set).map(([name, value]) => `${name}=${value}`)];
  return [...parts.flat(), ...(shift || conditions ? ["changed"] : [])].join("-");
}

async function drawInterpolation() {
  const [from, to] = [seedIn("from"), seedIn("to")];
  const t = $("t").valueAsNumber;
  const steps = [t, ...Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1))];
  const z = new Float32Array(steps.length * metadata.latent_dim);
  steps.forEach((step, i) => z.set(interpolate(latent(from), latent(to), step), i * metadata.latent_dim));
  const samples = await generator.run(z, selectedCondition());
  draw($("interpolation"), samples);
  if (generator.images) [...$("steps").children].forEach((canvas, i) => paint(canvas, samples, i + 1));
  const text = withClass(`t = ${t.toFixed(2)} from seed ${from} to seed ${to}`, selectedCondition().labels);
  $("interpolation").setAttribute("aria-label", text);
  $("interpolation-caption").textContent = text;
}

const pending = new Set();
let drawing = false;

/** Draw views soon. If inputs change faster than the generator runs, a view is drawn once, with the last values. */
async function redraw(...views) {
  views.forEach((view) => pending.add(view));
  if (drawing) return;
  drawing = true;
  document.querySelector("main").ariaBusy = "true";
  const start = performance.now();
  let message = "";
  while (pending.size) {
    const [view] = pending;
    pending.delete(view);
    await view().catch((error) => (message = error.message));
  }
  drawing = false;
  document.querySelector("main").ariaBusy = "false";
  if (walking.isMoving() && !message) return;
  $("status").textContent = message || `Drawn in ${Math.round(performance.now() - start)} ms.`;
}

// ---------------------------------------------------------------- the page

function element(name, properties, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

const colours = (channels) => (channels < 3 ? "grey" : channels === 4 ? "RGBA" : "colour");

/** What is made from what. */
function summary() {
  const { shape, condition_image: image, free, latent_dim: length, distribution, iterations } = metadata;
  const trained = `after ${iterations.toLocaleString("en")} training iterations`;
  const latent = `a ${distribution} latent of length ${length}`;
  const kind = generator.images ? `${colours(shape[0])} images` : `vectors of length ${shape.join("×")}`;
  const made = kind[0].toUpperCase() + kind.slice(1);
  if (!image) return `${made}${generator.images ? ` of ${shape[2]}×${shape[1]}` : ""}, from ${latent}, ${trained}`;
  const scale = shape[1] / image[1];
  const sides = free && scale > 1 ? `, ${scale} times as large,` : free ? "" : ` of ${shape[2]}×${shape[1]}`;
  const given = `${colours(image[0])} images of ${free ? "any size" : `${image[2]}×${image[1]}`}`;
  return `${made}${sides} from ${given}${length ? ` and ${latent}` : ""}, ${trained}${free ? ` on ${image[2]}×${image[1]}` : ""}`;
}

/** A slider for each setting of sampling, around its default, and a field for any number. */
function addSettings(changed) {
  for (const [name, value] of Object.entries(metadata.sampling_inputs ?? {})) {
    if (!Number.isFinite(value)) continue; // infinity is a text in JSON; the generator has the default
    const [min, max] = value ? [Math.min(0, 2 * value), Math.max(0, 2 * value)] : [-1, 1];
    const slider = element("input", { type: "range", min, max, step: (max - min) / 200, name, value });
    const number = element("input", { type: "number", step: "any", name, value });
    slider.addEventListener("input", () => (number.value = slider.value));
    number.addEventListener("input", () => (slider.value = number.value));
    slider.setAttribute("aria-label", `${name}, slider`);
    for (const input of [slider, number]) input.addEventListener("input", changed);
    $("settings").append(element("label", { className: "setting" }, name, slider, number));
  }
}

/** The page of a generator that makes images from images. */
function buildTranslation() {
  for (const section of document.querySelectorAll("main section")) section.hidden = section.id !== "translation";
  $("translation-form").prepend($("class-field"), $("settings"));
  $("latent-field").hidden = !metadata.latent_dim;
  const options = () => ({
    ...conditionOf(formClass()),
    seed: metadata.latent_dim ? seedIn("latent") : 0,
  });
  if (location.hash.length > 1) reportAddress(["it names a sample, and this page takes pictures, so it is not read"]);
  const draw = translationView(generator, { redraw, paint, options });
  const again = () => redraw(draw);
  addSettings(again);
  $("class").addEventListener("change", again);
  $("latent").addEventListener("change", again);
  $("another").addEventListener("click", () => {
    $("latent").value = crypto.getRandomValues(new Uint32Array(1))[0];
    again();
  });
  $("translation-form").addEventListener("submit", (event) => event.preventDefault());
  $("translation-form").hidden = ![...$("translation-form").children].some((field) => !field.hidden && field.childElementCount);
  document.querySelector("main").hidden = false;
  return again();
}

function build() {
  const all = () => redraw(drawSamples, drawSelected, drawInterpolation);
  $("summary").textContent = summary();
  $("metadata-text").textContent = JSON.stringify(metadata, null, 2);

  $("class-field").hidden = !metadata.num_classes;
  if (!metadata.condition_image) $("class").append(new Option("all in turn", ""));
  for (let label = 0; label < metadata.num_classes; label++) $("class").append(new Option(className(label), label));
  if (metadata.condition_image) return buildTranslation();
  addSettings(all);
  for (let i = 1; i <= metadata.condition_dim; i++) {
    const input = element("input", { type: "number", step: "any", value: 0 });
    input.addEventListener("input", all);
    $("conditions").append(element("label", {}, `Condition ${i}`, input));
  }
  for (let i = 1; i <= DIRECTIONS; i++) {
    const input = element("input", { type: "range", min: -2, max: 2, step: 0.01, value: 0 });
    input.addEventListener("input", () => {
      walking.stop();
      redraw(drawSelected);
    });
    $("directions").append(element("label", {}, `Direction ${i}`, input));
  }
  for (const id of ["selected", "interpolation"]) {
    $(id).setAttribute("role", "img");
    $(id).classList.toggle("plane", !generator.images);
  }
  $("cloud").setAttribute("role", "img");
  $("cloud").hidden = generator.images;
  for (const id of ["grid", "hint", "steps", "save-picked"]) $(id).hidden = !generator.images;
  document.body.classList.toggle("smooth", generator.images && Math.max(...metadata.shape.slice(1)) >= SMOOTH);
  $("explore").open = matchMedia("(min-width: 64rem)").matches;
  if (generator.images) $("steps").append(...Array.from({ length: STEPS }, () => document.createElement("canvas")));

  /** Show other samples. A bad first seed stays, and is reported. */
  const changeFirst = (seedAfter) => {
    try {
      const seed = seedAfter(seedIn("first"));
      $("first").value = seed < 0n ? 0n : seed;
    } catch {}
    all();
  };
  $("choice").addEventListener("submit", (event) => event.preventDefault());
  $("class").addEventListener("change", all);
  $("first").addEventListener("change", all);
  $("previous").addEventListener("click", () => changeFirst((seed) => seed - BigInt(count())));
  $("next").addEventListener("click", () => changeFirst((seed) => seed + BigInt(count())));
  $("random").addEventListener("click", () => {
    $("first").value = crypto.getRandomValues(new Uint32Array(1))[0];
    all();
  });
  $("seed").addEventListener("change", () => {
    walking.stop();
    redraw(drawSelected);
  });
  for (const id of ["from", "to"]) $(id).addEventListener("change", () => redraw(drawInterpolation));
  $("t").addEventListener("input", () => redraw(drawInterpolation));
  $("reset").addEventListener("click", () => {
    walking.stop();
    for (const input of $("directions").querySelectorAll("input")) input.value = 0;
    redraw(drawSelected);
  });
  const sliders = () => [...$("directions").querySelectorAll("input")];
  walking = walk($("play"), sliders, () => redraw(drawSelected));
  $("play").addEventListener("click", () => {
    if (!walking.isMoving()) redraw(drawSelected); // so that the address has the shift
  });
  $("copy").addEventListener("click", copyLink);
  if (generator.images) offerSizes($("size"), metadata.shape[2], metadata.shape[1]);
  $("save").addEventListener("click", () => download($("selected"), pickedName(), Number($("size").value)));
  addEventListener("hashchange", () => {
    walking.stop();
    followAddress();
    all();
  });
  followAddress();
  // The colours of points come from the style sheet.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  document.querySelector("main").hidden = false;
  return all();
}

/** For the console: `await ganzoo.ready; await ganzoo.sample([0, 7])`. */
window.ganzoo = {
  metadata,
  ready: load().then((loaded) => {
    generator = loaded;
    return build();
  }),
  sample: (seeds, condition) => generator.sample(seeds, condition),
  translate: (picture, options) => generator.translate(picture, options),
};
window.ganzoo.ready.catch((error) => {
  $("status").textContent = `The generator cannot run in this browser: ${error.message}`;
});
