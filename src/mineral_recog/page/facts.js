// The facts about a mineral, and links to search for it elsewhere, which only the user opens.

import { element } from "./elements.js";
import { unbroken } from "./texts.js";

const UNSOURCED = "General knowledge"; // what the table of minerals writes as such a source

const formatRange = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);

// Each fact that is not a word or a list of words, as it is shown; null if it is unknown.
const FORMATS = {
  hardness: (mineral) => mineral.hardness && formatRange(mineral.hardness),
  density: (mineral) => mineral.density && unbroken(`${formatRange(mineral.density)} g/cm³`),
  cleavage: (mineral, language, text) => {
    const quality = formatWords(mineral.cleavage, language, text);
    return quality && mineral.cleavage_directions ? text.directions(quality, mineral.cleavage_directions) : quality;
  },
  ima: (mineral, language, text) => formatWords([mineral.ima_symbol, mineral.ima_status].filter(Boolean), language, text),
  source: (mineral) => (mineral.source === UNSOURCED ? null : mineral.source),
  checked: (mineral, language, text) => {
    if (mineral.checked) return text.checked;
    return FORMATS.source(mineral) ? text.notCompared : text.notChecked;
  },
};

function formatWords(value, language, text) {
  if (value === null || value === undefined || value.length === 0) return null;
  const words = Array.isArray(value) ? value : [value];
  return words.map((word) => word[language] ?? word).join(text.and);
}

export function factList(mineral, language, text) {
  if (mineral === null) return element("p", { class: "note" }, text.noFacts);
  const list = element("dl", { class: "facts" });
  for (const [key, label] of Object.entries(text.facts)) {
    const fact = FORMATS[key] ? FORMATS[key](mineral, language, text) : formatWords(mineral[key], language, text);
    if (fact) list.append(element("div", {}, element("dt", {}, label), element("dd", {}, fact)));
  }
  return list;
}

export function searchLinks(names, language, text) {
  const addresses = {
    mindat: `https://www.mindat.org/search.php?name=${encodeURIComponent(names.en)}`,
    wikipedia: `https://${language}.wikipedia.org/wiki/Special:Search?search=${encodeURIComponent(names[language])}`,
  };
  const links = Object.entries(addresses).map(([site, href]) =>
    element("a", { href, target: "_blank", rel: "noopener noreferrer" }, text.searchAt[site]),
  );
  return element("p", { class: "links" }, ...links);
}
