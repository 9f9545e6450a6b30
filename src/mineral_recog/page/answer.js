// Elements that show an answer.

import { element } from "./elements.js";
import { factList, searchLinks } from "./facts.js";
import { fillExamples, photoButton } from "./viewer.js";

// The name in the user's language, followed by the other language in small print.
export function nameElement(names, language) {
  const other = language === "en" ? "zh" : "en";
  const second = names[other] === names[language] ? null : element("span", { class: "other", lang: other }, names[other]);
  return element("span", { class: "names" }, element("span", { class: "name" }, names[language]), second);
}

function candidateItem(candidate, language, text, open) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
  bar.firstChild.style.width = `${100 * candidate.probability}%`;
  const mark = candidate.in_set ? element("span", { class: "mark" }, element("span", { class: "hidden" }, text.inSet)) : null;
  const line = element(
    "summary", {}, nameElement(candidate.names, language), mark, element("span", { class: "share" }, text.percent(candidate.probability)), bar,
  );
  const changed = Math.abs(candidate.probability - candidate.by_photo) > 0.0005;
  const byPhoto = changed ? element("p", { class: "note" }, text.byPhoto(candidate.by_photo)) : null;
  const hazards = candidate.hazards.map((hazard) => element("p", { class: "hazard" }, hazard.text[language]));
  const photos = element("ul", { class: "strip examples", "aria-label": text.examples(candidate.names[language]), hidden: "" });
  const details = element("details", {}, line, byPhoto, ...hazards, photos, factList(candidate.mineral, language, text), searchLinks(candidate.names, language, text));
  details.addEventListener("toggle", () => details.open && fillExamples(photos, candidate.class, candidate.names[language]), { once: true });
  details.open = open;
  return element("li", { class: candidate.in_set ? "in-set" : "", "data-class": candidate.class }, details);
}

export function ranking(answer, language, text, opened) {
  return answer.candidates.map((candidate) => candidateItem(candidate, language, text, opened.has(candidate.class)));
}

export function tests(answer, language, text) {
  return answer.tests.slice(0, 2).map((test) => {
    const button = element("button", { type: "button", class: "quiet", "data-field": test.key }, text.enter);
    button.setAttribute("aria-label", `${text.enter}: ${text[test.key]}`);
    const caution = test.caution === null ? null : element("p", { class: "note" }, test.caution[language]);
    return element("li", {}, element("p", {}, test.text[language]), caution, button);
  });
}

export function hazards(answer, language) {
  return answer.hazards.map((hazard) =>
    element("li", {}, element("strong", {}, hazard.names[language]), element("p", {}, hazard.text[language])),
  );
}

export function cautions(answer, language, text) {
  return answer.cautions.map((caution, number) => {
    const names = caution.keys.map((key) => text.tests[key]).join(text.and);
    const tests = element("strong", {}, names.charAt(0).toUpperCase() + names.slice(1));
    return element("p", { id: `caution-${number}` }, tests, `${text.colon}${caution.text[language]}`);
  });
}

export function lookalikes(answer, language, text) {
  return answer.lookalikes.map((lookalike) =>
    element("li", {}, lookalike.text === null ? text.noDifference(lookalike.names[language]) : lookalike.text[language]),
  );
}

export function similar(photos, language) {
  return photos.map((similar) => {
    const name = similar.names[language];
    return element("li", {}, element("figure", {}, photoButton(similar.thumbnail, name), element("figcaption", { "aria-hidden": "true" }, name)));
  });
}
