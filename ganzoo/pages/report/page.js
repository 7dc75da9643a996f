"use strict";

// Steps through the sample grids, and shows the values of the curves at the same iteration.
(() => {
  const { iterations, charts } = JSON.parse(document.getElementById("points").textContent);
  const frames = [...document.querySelectorAll("#frames img")];
  const figures = [...document.querySelectorAll(".chart")];
  const slider = document.getElementById("slider");
  const play = document.getElementById("play");
  const label = document.getElementById("iteration");
  const english = new Intl.NumberFormat("en");
  const DURATION = 6000; // milliseconds for all grids together
  let timer = 0;

  const formatted = (value) =>
    Number.isInteger(value) || Math.abs(value) >= 1e4
      ? english.format(Math.round(value))
      : String(Number(value.toPrecision(4)));

  /** Index of the point nearest to an iteration. The iterations are in ascending order. */
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

  /** Move the cursors of all charts to an iteration and show the values there; without one, show the last values. */
  function showValues(iteration) {
    figures.forEach((figure, index) => {
      const end = Number(figure.dataset.end);
      const x = iteration === null ? 0 : (1000 * iteration) / end;
      figure.querySelector(".cursor").setAttribute("d", iteration === null ? "" : `M${x} 0V300`);
      figure.querySelectorAll("output").forEach((output, series) => {
        const { x: xs, y: ys } = charts[index][series];
        output.textContent = formatted(ys[iteration === null ? ys.length - 1 : nearest(xs, iteration)]);
      });
    });
  }

  const selected = () => (frames.length > 1 && Number(slider.value) < frames.length - 1 ? iterations[slider.value] : null);

  function show(index) {
    frames.forEach((frame, other) => (frame.hidden = other !== index));
    slider.value = index;
    label.textContent = `iteration ${english.format(iterations[index])}`;
    slider.setAttribute("aria-valuetext", label.textContent);
    showValues(selected());
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
      Math.max(80, Math.min(600, DURATION / frames.length)),
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

  for (const text of document.querySelectorAll(".copied")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
    text.after(button);
    button.setAttribute("aria-label", `Copy: ${text.textContent}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text); // where a page may not copy, the reader can
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }

  for (const figure of figures) {
    const drawing = figure.querySelector("svg");
    drawing.addEventListener("pointermove", (event) => {
      const { left, width } = drawing.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - left) / width));
      showValues(share * Number(figure.dataset.end));
    });
    drawing.addEventListener("pointerleave", () => showValues(selected()));
  }
})();
