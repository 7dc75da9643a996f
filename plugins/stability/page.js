"use strict";

// Draws the trajectory in each plane up to the selected step.
(() => {
  const { seen, lr, radius, reach, arrows } = JSON.parse(document.getElementById("trajectory").textContent);
  const slider = document.getElementById("step");
  const play = document.getElementById("play");
  const label = document.getElementById("label");
  const SIZE = 640; // of a canvas
  const LEFT = 76; // room for the numbers and the names of the axes
  const BOTTOM = 64;
  const RIGHT = 16;
  const SIDE = SIZE - LEFT - RIGHT; // of the plane
  const TOP = SIZE - BOTTOM - SIDE;
  const HEADS = 6; // on the trajectory
  const NAMES = ["output of the generator (the data are 0)", "slope of the discriminator"];
  const SECONDS = 12; // for all steps together
  let started = 0;

  const canvases = seen[0].map((_, plane) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIZE;
    canvas.setAttribute("role", "img");
    const [start, end] = [seen[0][plane], seen.at(-1)[plane]].map((at) => at.map((value) => Number(value.toPrecision(3))).join(", "));
    canvas.setAttribute("aria-label", `Trajectory in plane ${plane + 1}, ${NAMES.join(" and ")}: from ${start} to ${end}`);
    document.getElementById("planes").append(canvas);
    return canvas;
  });
  slider.max = seen.length - 1;

  /** Round numbers from -reach to reach, about five. */
  function ticks(reach) {
    const rough = (2 * reach) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough);
    const count = Math.floor(reach / step);
    return Array.from({ length: 2 * count + 1 }, (_, index) => Number(((index - count) * step).toPrecision(6)));
  }

  /** An arrow head of a length at a point, which points in a direction of pixels. */
  function head(pen, [x, y], [dx, dy], length) {
    const size = Math.hypot(dx, dy);
    if (!size) return;
    const [ux, uy] = [(length * dx) / size, (length * dy) / size];
    pen.beginPath();
    pen.moveTo(x + ux / 2, y + uy / 2);
    pen.lineTo(x - ux / 2 - uy / 2.5, y - uy / 2 + ux / 2.5);
    pen.lineTo(x - ux / 2 + uy / 2.5, y - uy / 2 - ux / 2.5);
    pen.fill();
  }

  function drawAxes(pen, plane, place, colour) {
    pen.font = "22px system-ui, sans-serif";
    pen.fillStyle = colour("--soft");
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    pen.strokeRect(LEFT, TOP, SIDE, SIDE);
    for (const value of ticks(reach[plane])) {
      const [x, y] = place([value, value]);
      pen.lineWidth = value === 0 ? 2 : 1;
      pen.strokeRect(x, TOP, 0, SIDE + 6);
      pen.strokeRect(LEFT - 6, y, SIDE + 6, 0);
      const text = String(value).replace("-", "\u2212");
      pen.textAlign = "center";
      pen.textBaseline = "top";
      pen.fillText(text, x, TOP + SIDE + 9);
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillText(text, LEFT - 9, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    pen.fillText(NAMES[0], LEFT + SIDE / 2, SIZE - 2);
    pen.save();
    pen.translate(2, TOP + SIDE / 2);
    pen.rotate(-Math.PI / 2);
    pen.textBaseline = "top";
    pen.fillText(NAMES[1], 0, 0);
    pen.restore();
  }

  function drawField(pen, plane, place, colour) {
    pen.strokeStyle = pen.fillStyle = colour("--soft");
    pen.lineWidth = 1;
    pen.globalAlpha = 0.45;
    const length = SIDE / 26;
    arrows[plane].points.forEach((point, index) => {
      const [dx, dy] = arrows[plane].directions[index];
      if (!dx && !dy) return;
      const [x, y] = place(point);
      const [ux, uy] = [(length * dx) / 2, (-length * dy) / 2];
      pen.beginPath();
      pen.moveTo(x - ux, y - uy);
      pen.lineTo(x + ux, y + uy);
      pen.stroke();
      head(pen, [x + ux, y + uy], [ux, uy], 7);
    });
    pen.globalAlpha = 1;
  }

  /** The line up to a step, with heads at equal parts of its length, its start and its end. */
  function drawTrajectory(pen, plane, place, colour, step) {
    const at = (index) => place(seen[index][plane]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = pen.fillStyle = colour("--accent");
    pen.beginPath();
    pen.moveTo(...at(0));
    const lengths = [0];
    for (let index = 1; index <= step; index++) {
      const [[x0, y0], [x1, y1]] = [at(index - 1), at(index)];
      lengths.push(lengths.at(-1) + Math.hypot(x1 - x0, y1 - y0));
      pen.lineTo(x1, y1);
    }
    pen.stroke();
    for (let part = 1; part <= HEADS; part++) {
      const index = lengths.findIndex((length) => length >= ((part - 0.5) * lengths.at(-1)) / HEADS);
      if (index < 1) continue;
      const [[x0, y0], [x1, y1]] = [at(index - 1), at(index)];
      head(pen, [x1, y1], [x1 - x0, y1 - y0], 15);
    }
    pen.beginPath();
    pen.arc(...at(step), 7, 0, 2 * Math.PI);
    pen.fill();
    pen.lineWidth = 3;
    pen.fillStyle = colour("--paper");
    pen.beginPath();
    pen.arc(...at(0), 7, 0, 2 * Math.PI);
    if (step > 0) pen.fill();
    pen.stroke();
    pen.fillStyle = colour("--accent");
    pen.textAlign = at(0)[0] > SIZE - 90 ? "right" : "left";
    pen.textBaseline = "bottom";
    pen.fillText("start", at(0)[0] + (pen.textAlign === "right" ? -12 : 12), at(0)[1] - 6);
  }

  function draw(canvas, plane, step) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name);
    const pen = canvas.getContext("2d");
    const place = ([x, y]) => [LEFT + (SIDE / 2) * (1 + x / reach[plane]), TOP + (SIDE / 2) * (1 - y / reach[plane])];
    pen.clearRect(0, 0, SIZE, SIZE);
    drawAxes(pen, plane, place, colour);
    drawField(pen, plane, place, colour);
    drawTrajectory(pen, plane, place, colour, step);
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
