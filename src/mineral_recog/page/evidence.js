// The form for physical tests: its choices in both languages, and the entered results.

import { element } from "./elements.js";
import { texts } from "./texts.js";

const TOOLS = ["fingernail", "copper coin", "glass", "streak plate"];
// Fields of words that the server lists; a specimen has several colours.
const WORDS = ["streak", "lustre", "transparency", "habit", "cleavage", "fracture", "tenacity", "fluorescence_long", "fluorescence_short"];
const FIELDS = ["hardness", "density", "magnetic", "acid", "cleavage_directions", ...WORDS];
const MAX_DIRECTIONS = 6; // of cleavage

// The entered results in the format of the server, {hardness: "6, scratches glass", ...}, without blanks
// and without the parts that are not understood, `bad`: names of fields, "scratches" or "weights".
export function enteredEvidence(form, language, bad) {
  const text = texts[language];
  const entered = new FormData(form);
  const results = Object.fromEntries(FIELDS.map((field) => [field, bad.has(field) ? "" : entered.get(field).trim()]));
  results.colours = bad.has("colours") ? "" : entered.getAll("colours").join(", ");
  const weights = weighed(entered, text);
  if (weights !== null) results.density = bad.has("weights") ? "" : weights;
  const scratches = bad.has("scratches") ? [] : scratched(entered, text);
  results.hardness = [results.hardness, ...scratches].filter(Boolean).join(", ");
  return Object.fromEntries(Object.entries(results).filter(([, value]) => value !== ""));
}

function scratched(entered, text) {
  const outcomes = TOOLS.map((tool) => {
    const outcome = entered.get(`scratch ${tool}`);
    return { harder: text.scratches(tool), softer: text.scratchedBy(tool) }[outcome];
  });
  return outcomes.filter(Boolean);
}

// The part of the form to leave out when the server does not understand a test; null if none is left.
export function blamedPart(form, language, test, bad) {
  const entered = new FormData(form);
  const isWeighed = weighed(entered, texts[language]) !== null;
  const parts = { hardness: entered.get("hardness").trim() ? ["hardness", "scratches"] : ["scratches"], density: [isWeighed ? "weights" : "density"] };
  return (parts[test] ?? [test]).find((part) => !bad.has(part)) ?? null;
}

// Mark the fields that are not understood.
export function markBad(form, bad) {
  const ids = { scratches: "#scratches [role=radiogroup]", weights: "#weighing input" };
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
  for (const part of bad.keys()) {
    for (const field of form.querySelectorAll(ids[part] ?? `[name="${part}"]`)) {
      if (part === "weights" && field.value === "") continue;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-errormessage", "form-alert");
    }
  }
}

// What is entered in the fields, as [name, value], to be entered again with `fillFields`.
export const enteredFields = (form) => [...new FormData(form)].filter(([, value]) => value !== "");

export function fillFields(form, fields) {
  for (const [name, value] of fields) {
    const nodes = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    for (const node of nodes) {
      if (node.type === "radio" || node.type === "checkbox") node.checked ||= node.value === value;
      else node.value = value;
    }
    nodes[0]?.closest("details")?.setAttribute("open", "");
  }
}

// The two weights of the specimen, as the server understands them; null if they are not complete.
function weighed(entered, text) {
  const dry = entered.get("dry").trim();
  for (const way of ["gain", "wet"]) {
    const weight = entered.get(way).trim();
    if (dry && weight) return text.weighed[way](dry, weight);
  }
  return null;
}

// Show the density that the server found from two weights. Until then, and if there is none, the field is empty.
export function showWeighed(form, language, density) {
  if (weighed(new FormData(form), texts[language]) === null || density === null) return;
  form.elements.density.value = density.map((end) => end.toFixed(2)).join("–");
}

// Keep density and weights in step: what is typed last counts.
export function clearOtherDensity(form, name) {
  const others = { density: ["dry", "gain", "wet"], dry: ["density"], gain: ["density", "wet"], wet: ["density", "gain"] }[name] ?? [];
  for (const other of others) form.elements[other].value = "";
}

// Mark the fields of tests that could do harm, and tell screen readers why.
export function markHarmful(form, cautions) {
  for (const node of form.querySelectorAll(".harmful")) {
    node.classList.remove("harmful");
    node.parentElement.querySelector("input, select")?.removeAttribute("aria-describedby");
  }
  cautions.forEach(({ keys }, number) => {
    for (const key of keys) {
      for (const field of form.querySelectorAll(`[data-test="${key}"]`)) {
        field.classList.add("harmful");
        field.parentElement.querySelector("input, select")?.setAttribute("aria-describedby", `caution-${number}`);
      }
    }
  });
}

// Fill in the choices in a language and keep the entered results. Without words yet, some lists are empty.
export function fillForm(form, words, language) {
  const text = texts[language];
  const entered = new FormData(form);
  const scratches = TOOLS.map((tool) => scratchRow(tool, entered.get(`scratch ${tool}`) ?? "", text));
  form.querySelector("#scratches").replaceChildren(...scratches);
  const wordsOf = (column) => (words?.[column] ?? []).map((word) => [word.en, word[language]]);
  const colours = wordsOf("colours").map((colour) => colourChip(...colour, entered.getAll("colours")));
  form.querySelector("#colours").replaceChildren(...colours);
  form.querySelector("#more-tests").hidden = colours.length === 0; // the server does not take them
  const [yes, no] = [["yes", text.yes], ["no", text.no]];
  const directions = Array.from({ length: MAX_DIRECTIONS + 1 }, (_, n) => [`${n}`, `${n}`]);
  const choices = {
    magnetic: [yes, ["weak", text.weaklyMagnetic], no],
    acid: [yes, no],
    cleavage_directions: directions,
    ...Object.fromEntries(WORDS.map((column) => [column, wordsOf(column)])),
  };
  for (const [field, options] of Object.entries(choices)) {
    const select = form.elements[field];
    const allOptions = [["", text.untested], ...options];
    select.replaceChildren(...allOptions.map(([value, label]) => element("option", { value }, label)));
    select.value = entered.get(field) ?? "";
  }
}

function colourChip(colour, label, chosen) {
  const box = element("input", { type: "checkbox", name: "colours", value: colour });
  box.checked = chosen.includes(colour);
  return element("label", {}, box, element("span", {}, label));
}

function scratchRow(tool, value, text) {
  const name = text.tools[tool];
  const choices = element("div", { class: "choices" });
  for (const [outcome, label] of [["", text.untested], ["softer", text.softer], ["harder", text.harder]]) {
    const radio = element("input", { type: "radio", name: `scratch ${tool}`, value: outcome });
    radio.defaultChecked = outcome === "";
    radio.checked = outcome === value;
    choices.append(element("label", {}, radio, element("span", {}, label)));
  }
  const attributes = { role: "radiogroup", "aria-label": name, class: "scratch" };
  return element("div", attributes, element("span", {}, name), choices);
}
