"use strict";

// Draws the trajectory in each plane up to the selected step.
(() => {
  const { seen, lr, radius } = JSON.parse(document.getElementById("trajectory").textContent);
  const slider = document.getElementById("step");
  const play = document.getElementById("play");
  const label = document.getElementById("label");
  const SIZE = 640; // of a canvas
  const SECONDS = 12; // for all steps together
  let started = 0;

  const canvases = seen[0].map((_, plane) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIZE;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Trajectory in plane ${plane + 1}`);
    document.getElementById("planes").append(canvas);
    return canvas;
  });
  const reach = seen[0].map((_, plane) => 1.1 * Math.max(1e-9, ...seen.map((at) => Math.max(...at[plane].map(Math.abs)))));
  slider.max = seen.length - 1;

  function draw(canvas, plane, step) {
    const style = getComputedStyle(document.documentElement);
    const pen = canvas.getContext("2d");
    const at = (index) => seen[index][plane].map((value, axis) => (SIZE / 2) * (1 + ((axis ? -1 : 1) * value) / reach[plane]));
    pen.clearRect(0, 0, SIZE, SIZE);
    pen.lineWidth = 1;
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.strokeRect(SIZE / 2, -1, 0, SIZE + 2);
    pen.strokeRect(-1, SIZE / 2, SIZE + 2, 0);
    pen.lineWidth = 1.5;
    pen.strokeStyle = pen.fillStyle = style.getPropertyValue("--accent");
    pen.beginPath();
    pen.moveTo(...at(0));
    for (let index = 1; index <= step; index++) pen.lineTo(...at(index));
    pen.stroke();
    pen.beginPath();
    pen.arc(...at(step), 7, 0, 2 * Math.PI);
    pen.fill();
  }

  function show(step) {
    slider.value = step;
    canvases.forEach((canvas, plane) => draw(canvas, plane, step));
    label.textContent = `t = ${(lr * step).toFixed(1)}, radius ${Number(radius[step].toPrecision(3))}`;
  }

  function stop() {
    started = 0;
    play.textContent = "Play";
  }

  function next(now) {
    if (!started) return;
    const step = Math.round(((now - started) / (1000 * SECONDS)) * (seen.length - 1));
    show(Math.min(step, seen.length - 1));
    if (step < seen.length - 1) requestAnimationFrame(next);
    else stop();
  }

  play.addEventListener("click", () => {
    if (started) return stop();
    const from = Number(slider.value) < seen.length - 1 ? Number(slider.value) / (seen.length - 1) : 0;
    play.textContent = "Pause";
    requestAnimationFrame((now) => next((started = now - from * 1000 * SECONDS) + from * 1000 * SECONDS));
  });
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(Number(slider.value)));
  show(seen.length - 1);
})();
