/**
 * The view of a generator that makes images from images: a picture is chosen, drawn or filmed, and another made from it.
 */

import { condition, pixels } from "./generator.js";
import { download } from "./picked.js";

const SIDES = [64, 128, 256, 512, 1024, 2048]; // pixels of the longer side that a picture can be scaled to
const QUICK = 150; // ms that an image may take to be made while a line is drawn

/**
 * @param {Generator} generator
 * @param {object} page what the view uses of it: `redraw`, `paint`, and `options`, which reads seed, label and settings
 * @returns {() => Promise<void>} draws what is made from the picture
 */
export function translationView(generator, { redraw, paint, options }) {
  const $ = (id) => document.getElementById(id);
  const { metadata } = generator;
  const [channels, usualHeight, usualWidth] = metadata.condition_image;
  const usual = Math.max(usualHeight, usualWidth);
  const drawable = channels === 1;
  const canvas = $("given");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const video = document.createElement("video");
  let picture; // the image, its sides and its name; undefined for a drawing
  let pen; // where the pen is while it draws
  let time = 0; // ms that the last image took

  async function draw() {
    if (!picture && !drawable) throw new Error("Drop a picture, or choose one.");
    const start = performance.now();
    const given = condition(context.getImageData(0, 0, canvas.width, canvas.height), metadata);
    const { seed, labels, settings } = options();
    const samples = await generator.sample([seed], { labels, settings, ...given });
    paint($("made"), samples);
    paint($("before"), { data: given.conditions, dims: [1, channels, ...given.size] });
    for (const id of ["given", "made", "before"]) $(id).classList.toggle("fine", Math.max($(id).width, $(id).height) > 256);
    $("result").hidden = false;
    const { width, height } = $("made");
    $("made-caption").textContent = `Made, ${width}×${height} pixels`;
    $("made").setAttribute("aria-label", $("made-caption").textContent);
    time = performance.now() - start;
  }

  // -------------------------------------------------------------- pictures

  /** An empty canvas, white where there is no alpha. */
  function clear(width, height) {
    Object.assign(canvas, { width, height });
    context.fillStyle = "white";
    if (channels < 4) context.fillRect(0, 0, width, height);
  }

  /** Put the picture onto the canvas: scaled, or its middle where a generator takes one size. */
  function place() {
    const { image, width, height, name } = picture;
    const scale = metadata.free
      ? Math.min(1, Number($("side").value) / Math.max(width, height))
      : Math.max(usualWidth / width, usualHeight / height);
    if (metadata.free) clear(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    else clear(usualWidth, usualHeight);
    context.imageSmoothingQuality = "high";
    const [w, h] = metadata.free ? [canvas.width, canvas.height] : [width * scale, height * scale];
    context.drawImage(image, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
    if (channels === 1) showGrey();
    const change = metadata.free || width * usualHeight === height * usualWidth ? "scaled" : "its middle scaled";
    const taken = scale === 1 ? "" : `, ${change} to ${canvas.width}×${canvas.height}`;
    describeGiven(`${name}, ${width}×${height} pixels${taken}`);
  }

  /** Replace the colours on the canvas by the grey that the generator gets. */
  function showGrey() {
    const { width, height } = canvas;
    const { conditions } = condition(context.getImageData(0, 0, width, height), metadata);
    const { rgba } = pixels({ data: conditions, dims: [1, 1, height, width] }, 0, metadata.range);
    context.putImageData(new ImageData(rgba, width, height), 0, 0);
  }

  function describeGiven(text) {
    $("given-caption").textContent = text;
    canvas.setAttribute("aria-label", text);
  }

  /** Take a picture, and offer the sizes that it can be scaled to. */
  function take(taken) {
    const isOther = taken.width !== picture?.width || taken.height !== picture?.height;
    picture = taken;
    if (isOther) offerSides(Math.max(taken.width, taken.height));
    $("side-field").hidden = !metadata.free || $("side").options.length < 2;
    canvas.hidden = false;
    $("empty").hidden = true;
    place();
  }

  function offerSides(longest) {
    const sides = [usual, ...SIDES.filter((side) => side > usual), longest].filter((side) => side <= longest);
    const offered = [...new Set(sides)].filter((side) => side <= Math.max(usual, SIDES.at(-1))).sort((a, b) => a - b);
    $("side").replaceChildren(...offered.map((side) => new Option(`${side} pixels${side === usual ? ", as trained" : ""}`, side)));
    // A generator that enlarges wants all of a picture; others the scale that they were trained at.
    const wanted = metadata.shape[1] > usualHeight ? 512 : usual;
    $("side").value = offered.findLast((side) => side <= wanted) ?? offered[0];
  }

  async function open(file) {
    stopCamera();
    try {
      const image = await createImageBitmap(file);
      take({ image, width: image.width, height: image.height, name: file.name });
    } catch {
      $("status").textContent = `${file.name} is no picture that this browser reads.`;
      return;
    }
    await redraw(draw);
  }

  $("choose").addEventListener("click", () => $("file").click());
  $("empty").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files.length) open($("file").files[0]);
    $("file").value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("translation").classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, () => $("translation").classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) open(files[0]);
    else $("status").textContent = "That is no file; save the picture, and drop the file.";
  });
  $("side").addEventListener("change", () => {
    place();
    redraw(draw);
  });

  // -------------------------------------------------------------- camera

  async function startCamera() {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      await video.play();
    } catch (error) {
      stopCamera();
      $("status").textContent = `The camera cannot be used: ${error.message}`;
      return;
    }
    $("camera").textContent = "Stop camera";
    while (video.srcObject) {
      take({ image: video, width: video.videoWidth, height: video.videoHeight, name: "Camera" });
      await redraw(draw);
      await new Promise(requestAnimationFrame);
    }
  }

  /** The last image stays, and can still be scaled. */
  function stopCamera() {
    if (!video.srcObject) return;
    if (picture?.image === video) {
      const still = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
      still.getContext("2d").drawImage(video, 0, 0);
      picture = { ...picture, image: still };
    }
    for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
    $("camera").textContent = "Camera";
  }

  Object.assign(video, { muted: true, playsInline: true });
  $("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  $("camera").addEventListener("click", () => (video.srcObject ? stopCamera() : startCamera()));

  // -------------------------------------------------------------- drawing

  function draws(event) {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    const point = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    Object.assign(context, { lineWidth: $("pen").valueAsNumber, lineCap: "round", lineJoin: "round" });
    context.strokeStyle = $("eraser").checked ? "white" : "black";
    context.beginPath();
    context.moveTo(...(pen ?? point));
    context.lineTo(...point);
    context.stroke();
    pen = point;
  }

  function startDrawing() {
    stopCamera();
    picture = undefined;
    clear(usualWidth, usualHeight);
    $("side-field").hidden = true;
    describeGiven(`Draw here, or drop a picture; ${usualWidth}×${usualHeight} pixels`);
  }

  if (drawable) {
    canvas.classList.add("paper");
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      stopCamera();
      $("side-field").hidden = true; // another size would drop the lines
      canvas.setPointerCapture(event.pointerId);
      draws(event);
      redraw(draw);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!pen) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) draws(each);
      if (time < QUICK) redraw(draw);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        pen = undefined;
        redraw(draw);
      });
    }
    $("clear").addEventListener("click", () => {
      startDrawing();
      redraw(draw);
    });
    Object.assign($("pen"), { min: 1, max: Math.max(4, Math.round(usual / 8)) });
    $("pen").value = 2; // as wide as outlines of the data sets
    startDrawing();
  }
  for (const id of ["clear", "pen-field", "eraser-field"]) $(id).hidden = !drawable;
  canvas.hidden = !drawable;
  $("empty").hidden = drawable;

  // -------------------------------------------------------------- the result

  const split = () => $("compare").style.setProperty("--split", `${$("split").value}%`);
  $("split").value = drawable ? 0 : 50; // a drawing is next to it
  $("split").addEventListener("input", split);
  split();
  $("download").addEventListener("click", () => download($("made"), metadata.gan, 1));
  return draw;
}
