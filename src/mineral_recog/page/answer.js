// An answer as elements. Names and texts only ever go in as text, whatever a class is called.

import { per } from "./texts.js";

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const range = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);

// A fact in the reader's language, or null if it is not known.
function fact(value, key, language) {
  if (value === null || value === undefined || value.length === 0) return null;
  if (key === "hardness") return range(value);
  if (key === "density") return `${range(value)} g/cm³`;
  const words = Array.isArray(value) ? value : [value];
  return words.map((word) => word[language] ?? word).join(language === "zh" ? "、" : ", ");
}

function facts(mineral, language, text) {
  if (mineral === null) return element("p", { class: "note" }, text.noFacts);
  const list = element("dl", { class: "facts" });
  for (const [key, label] of Object.entries(text.facts)) {
    const told = fact(mineral[key], key, language);
    if (told !== null) list.append(element("div", {}, element("dt", {}, label), element("dd", {}, told)));
  }
  return list;
}

// The name in the reader's language, and small beside it in the other.
export function named(names, language) {
  const other = language === "en" ? "zh" : "en";
  const second = names[other] === names[language] ? null : element("span", { class: "other", lang: other }, names[other]);
  return element("span", { class: "names" }, element("span", { class: "name" }, names[language]), second);
}

function candidate(one, language, text, open) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
  bar.firstChild.style.width = `${100 * one.probability}%`;
  const mark = one.in_set ? element("span", { class: "mark" }, element("span", { class: "hidden" }, text.inSet)) : null;
  const line = element(
    "summary", {}, named(one.names, language), mark, element("span", { class: "share" }, per(one.probability)), bar,
  );
  const changed = Math.abs(one.probability - one.by_photo) > 0.0005;
  const before = changed ? element("p", { class: "note" }, text.byPhoto(one.by_photo)) : null;
  const details = element("details", {}, line, before, facts(one.mineral, language, text));
  details.open = open;
  return element("li", { class: one.in_set ? "in-set" : "", "data-class": one.class }, details);
}

export function ranking(answer, language, text, opened) {
  return answer.candidates.map((one) => candidate(one, language, text, opened.has(one.class)));
}

export function tests(answer, language, text) {
  return answer.tests.slice(0, 2).map((test) => {
    const enter = element("button", { type: "button", class: "quiet", "data-field": test.key }, text.enter);
    enter.setAttribute("aria-label", `${text.enter}: ${text[test.key]}`);
    return element("li", {}, element("p", {}, test.text[language]), enter);
  });
}

export function lookalikes(answer, language, text) {
  return answer.lookalikes.map((one) =>
    element("li", {}, one.text === null ? text.noTelling(one.names[language]) : one.text[language]),
  );
}

export function similar(photos, language) {
  return photos.map((one) => {
    const image = element("img", { src: one.thumbnail, alt: "", width: "96", height: "96", title: one.photo });
    return element("li", {}, element("figure", {}, image, element("figcaption", {}, one.names[language])));
  });
}
