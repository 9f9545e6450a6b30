// The form of what the hand tells: its choices in both languages, and what was entered.

import { element } from "./answer.js";
import { texts } from "./texts.js";

const TOOLS = ["fingernail", "copper coin", "glass", "streak plate"];
const FIELDS = ["hardness", "density", "streak", "lustre", "magnetic", "acid"];

// What was found, as the server reads it: {hardness: "6, scratches glass", ...} without blanks.
export function found(form, language) {
  const text = texts[language];
  const entered = new FormData(form);
  const told = Object.fromEntries(FIELDS.map((field) => [field, entered.get(field).trim()]));
  const scratched = TOOLS.map((tool) => {
    const outcome = entered.get(`scratch ${tool}`);
    return { harder: text.scratches(tool), softer: text.scratchedBy(tool) }[outcome];
  });
  told.hardness = [told.hardness, ...scratched].filter(Boolean).join(", ");
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== ""));
}

// The choices in a language; what was entered stays. Without words yet, some have none.
export function fillForm(form, words, language) {
  const text = texts[language];
  const before = new FormData(form);
  const scratches = TOOLS.map((tool) => scratch(tool, before.get(`scratch ${tool}`) ?? "", text));
  form.querySelector("#scratches").replaceChildren(...scratches);
  const yesNo = [["yes", text.yes], ["no", text.no]];
  const listed = (column) => (words?.[column] ?? []).map((word) => [word.en, word[language]]);
  const choices = { streak: listed("streak"), lustre: listed("lustre"), magnetic: yesNo, acid: yesNo };
  for (const [field, options] of Object.entries(choices)) {
    const select = form.elements[field];
    const every = [["", text.untested], ...options];
    select.replaceChildren(...every.map(([value, shown]) => element("option", { value }, shown)));
    select.value = before.get(field) ?? "";
  }
}

function scratch(tool, value, text) {
  const name = text.tools[tool];
  const choices = element("div", { class: "choices" });
  for (const [outcome, shown] of [["", text.untested], ["softer", text.softer], ["harder", text.harder]]) {
    const radio = element("input", { type: "radio", name: `scratch ${tool}`, value: outcome });
    radio.defaultChecked = outcome === "";
    radio.checked = outcome === value;
    choices.append(element("label", {}, radio, element("span", {}, shown)));
  }
  const group = { role: "radiogroup", "aria-label": name, class: "scratch" };
  return element("div", group, element("span", {}, name), choices);
}
