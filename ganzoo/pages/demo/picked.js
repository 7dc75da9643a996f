/**
 * What can be done with the picked sample: its picture is downloaded, its address is copied, and it is moved.
 */

const LOOP = 24; // seconds until all directions are back
const WIDTH = 1; // of the walk, in each direction
const LARGEST = 2048; // pixels of the longer side of an enlarged picture
const SCALES = [1, 4, 8, 16];

/** Save a file from the page. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // when it is written
}

/** Offer the sizes of a picture in a list: as it is, and enlarged so that each pixel is a square. */
export function offerSizes(list, width, height) {
  const fitting = SCALES.filter((scale) => scale === 1 || scale * Math.max(width, height) <= LARGEST);
  const text = (scale) => `${scale * width}×${scale * height}${scale > 1 ? ` (${scale}×, sharp)` : ""}`;
  list.replaceChildren(...fitting.map((scale) => new Option(text(scale), scale)));
}

/** Download what a canvas shows, `scale` times as large and without blur. */
export function download(canvas, name, scale) {
  const large = Object.assign(document.createElement("canvas"), { width: scale * canvas.width, height: scale * canvas.height });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, large.width, large.height);
  large.toBlob((blob) => save(blob, `${name.replace(/[^\w.=-]+/g, "_").slice(0, 120)}${scale > 1 ? `-x${scale}` : ""}.png`));
}

/**
 * A walk through latent space that begins at the sliders' values, moves the sliders, and comes back.
 *
 * Somebody who prefers reduced motion is asked before it begins.
 *
 * @param {HTMLButtonElement} button that starts and stops it
 * @param {() => HTMLInputElement[]} sliders one for each direction
 * @param {() => Promise<void>} redraw after the sliders were moved
 * @returns {{stop: () => void, isMoving: () => boolean}}
 */
export function walk(button, sliders, redraw) {
  let start; // values of the sliders; undefined while nothing moves

  function stop() {
    start = undefined;
    button.textContent = "Play";
  }

  async function play() {
    const inputs = sliders();
    const own = (start = inputs.map((input) => input.valueAsNumber));
    button.textContent = "Pause";
    let elapsed = 0;
    let before = performance.now();
    while (start === own) {
      const now = await new Promise(requestAnimationFrame);
      elapsed += Math.min(100, Math.max(0, now - before)) / 1000; // no jump after the page was hidden
      before = now;
      if (start !== own) return;
      inputs.forEach((input, i) => {
        // each direction has its own frequency, so that the walk returns to where it began and not on the same path
        const shift = WIDTH * Math.sin((2 * Math.PI * (i + 1) * elapsed) / LOOP);
        input.value = (start[i] + shift).toFixed(2);
      });
      await redraw();
    }
  }

  button.addEventListener("click", () => {
    if (start) return stop();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!calm || confirm("The picture will move. Play it?")) play();
  });
  return { stop, isMoving: () => start !== undefined };
}
