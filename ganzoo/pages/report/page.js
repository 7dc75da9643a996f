"use strict";

// Moves through the pictures, and reads the curves at the iteration that is looked at.
(() => {
  const { iterations, charts } = JSON.parse(document.getElementById("points").textContent);
  const frames = [...document.querySelectorAll("#frames img")];
  const figures = [...document.querySelectorAll(".chart")];
  const slider = document.getElementById("slider");
  const play = document.getElementById("play");
  const label = document.getElementById("iteration");
  const spoken = new Intl.NumberFormat("en");
  const STEP = 6000; // milliseconds for all pictures together
  let timer = 0;

  const shown = (value) =>
    Number.isInteger(value) || Math.abs(value) >= 1e4
      ? spoken.format(Math.round(value))
      : String(Number(value.toPrecision(4)));

  /** Index of the point nearest to an iteration; the iterations ascend. */
  function nearest(xs, iteration) {
    let low = 0;
    let high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= iteration) low = middle;
      else high = middle;
    }
    return Math.abs(xs[high] - iteration) < Math.abs(xs[low] - iteration) ? high : low;
  }

  /** Put the cursor of every chart at an iteration; without one, tell the last values. */
  function read(iteration) {
    figures.forEach((figure, index) => {
      const end = Number(figure.dataset.end);
      const x = iteration === null ? 0 : (1000 * iteration) / end;
      figure.querySelector(".cursor").setAttribute("d", iteration === null ? "" : `M${x} 0V300`);
      figure.querySelectorAll("output").forEach((output, series) => {
        const { x: xs, y: ys } = charts[index][series];
        output.textContent = shown(ys[iteration === null ? ys.length - 1 : nearest(xs, iteration)]);
      });
    });
  }

  const looked = () => (frames.length > 1 && Number(slider.value) < frames.length - 1 ? iterations[slider.value] : null);

  function show(index) {
    frames.forEach((frame, other) => (frame.hidden = other !== index));
    slider.value = index;
    label.textContent = `iteration ${spoken.format(iterations[index])}`;
    slider.setAttribute("aria-valuetext", label.textContent);
    read(looked());
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }

  function start() {
    if (Number(slider.value) === frames.length - 1) show(0);
    play.textContent = "Pause";
    timer = setInterval(
      () => {
        const next = Number(slider.value) + 1;
        if (next < frames.length) show(next);
        if (next >= frames.length - 1) stop();
      },
      Math.max(80, Math.min(600, STEP / frames.length)),
    );
  }

  if (frames.length > 1) {
    slider.addEventListener("input", () => {
      stop();
      show(Number(slider.value));
    });
    play.addEventListener("click", () => (timer ? stop() : start()));
    show(Number(slider.value));
  }

  for (const figure of figures) {
    const drawing = figure.querySelector("svg");
    drawing.addEventListener("pointermove", (event) => {
      const { left, width } = drawing.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - left) / width));
      read(share * Number(figure.dataset.end));
    });
    drawing.addEventListener("pointerleave", () => read(looked()));
  }
})();
