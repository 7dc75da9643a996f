"use strict";

const COUNT = 24;
const facts = JSON.parse(document.getElementById("facts").textContent);
const field = (id) => document.getElementById(id);

/** The query of the images of some seeds, with the chosen class and settings. */
function query(name, seeds) {
  const values = new URLSearchParams({ [name]: seeds, v: facts.version });
  if (field("class").value) values.set("label", field("class").value);
  for (const slider of field("settings").querySelectorAll("input")) {
    if (Number(slider.value) !== facts.settings[slider.name]) values.set(slider.name, slider.value);
  }
  return values;
}

/** The first seed: a whole number below a thousand million millions. */
function first() {
  const seed = Number(field("seed").value);
  return Number.isInteger(seed) && seed >= 0 && seed < 1e15 ? seed : 0;
}

function caption(seed) {
  if (!facts.classes.length) return `seed ${seed}`;
  const chosen = field("class").value;
  return `seed ${seed}, ${facts.classes[chosen === "" ? seed % facts.classes.length : Number(chosen)]}`;
}

function draw() {
  const start = first();
  const seeds = Array.from({ length: COUNT }, (_, place) => start + place);
  field("seed").value = start;
  field("status").textContent = "";
  field("arrays").href = `${facts.address}images.npz?${query("seeds", `${start}-${start + COUNT - 1}`)}`;
  field("images").replaceChildren(
    ...seeds.map((seed) => {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      image.alt = `The image of ${caption(seed)}`;
      image.width = facts.shape[2];
      image.height = facts.shape[1];
      image.onerror = () => { field("status").textContent = "The server does not answer, or has too much to do. Try again."; };
      image.src = `${facts.address}image.png?${query("seed", seed)}`;
      const text = document.createElement("figcaption");
      text.textContent = caption(seed);
      figure.append(image, text);
      return figure;
    }),
  );
  history.replaceState(null, "", `#${address(start)}`);
}

/** The address of these images: the first seed, the class and the settings that were changed. */
function address(start) {
  const values = query("seed", start);
  values.delete("v");
  return values;
}

/** Set the fields to what the address of the page says, and say what of it is wrong. */
function follow(hash) {
  const problems = [];
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    const slider = field("settings").querySelector(`input[name="${CSS.escape(name)}"]`);
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    if (name === "seed") {
      if (/^\d{1,15}$/.test(text)) field("seed").value = text;
      else problems.push(`'${shown}' is not a seed of this page`);
    } else if (name === "label" && facts.classes.length) {
      if (/^\d{1,9}$/.test(text) && Number(text) < facts.classes.length) field("class").value = Number(text);
      else problems.push(`there is no label '${shown}'`);
    } else if (slider) {
      slider.value = text;
      if (!text.trim() || Number(slider.value) !== Number(text)) problems.push(`'${shown}' is not a value of ${name} here`);
    } else {
      problems.push(`nothing reads '${name.slice(0, 40)}'`);
    }
  }
  return problems;
}

function move(start) {
  field("seed").value = Math.max(0, start);
  draw();
}

if (facts.classes.length) {
  field("class").append(new Option("all in turn", ""), ...facts.classes.map((name, label) => new Option(name, label)));
  field("class-field").hidden = false;
} else {
  field("class").append(new Option("", ""));
}
for (const [name, value] of Object.entries(facts.settings)) {
  const label = document.createElement("label");
  const slider = Object.assign(document.createElement("input"), { type: "range", name, min: 0, step: 0.05 });
  slider.max = Math.max(1, 2 * value);
  slider.value = value;
  label.append(`${name} `, slider);
  field("settings").append(label);
}

const wrong = follow(location.hash);
field("choice").addEventListener("submit", (event) => event.preventDefault());
field("choice").addEventListener("change", draw);
field("back").addEventListener("click", () => move(first() - COUNT));
field("next").addEventListener("click", () => move(first() + COUNT));
field("random").addEventListener("click", () => move(Math.floor(Math.random() * 1e9)));
draw();
if (wrong.length) field("status").textContent = `Of the address: ${wrong.join("; ")}.`;
