// What is dangerous about the classes of an answer, and which tests could do harm. As in identify/hazards.py.
//
// Classes are given by their labels, most likely first.

import { eitherText } from "./joined_texts.js";

// The hazards of classes, each with all classes that have it, or of which some minerals have it.
export function hazardsOf(tables, labels) {
  return tables.hazards.flatMap((hazard) => {
    const having = labels.filter((label) => taxonOf(tables, label)?.dangers[hazard.kind]);
    if (having.length === 0) return [];
    const classes = having.map((label) => tables.minerals.classes[label].class);
    return [{ kind: hazard.kind, names: hazard.names, classes, text: hazardText(hazard, taxaOf(tables, having)) }];
  });
}

const taxonOf = (tables, label) => tables.taxa[tables.taxon_of_class[label]];

// The different taxa of classes.
function taxaOf(tables, labels) {
  const numbers = labels.map((label) => tables.taxon_of_class[label]).filter((number) => number !== null);
  return [...new Set(numbers)].map((number) => tables.taxa[number]);
}

function hazardText(hazard, taxa) {
  const phrases = new Map(); // by the danger in English, which can be the same for minerals and groups
  for (const taxon of taxa) {
    const danger = hazard[taxon.dangers[hazard.kind]];
    if (!phrases.has(danger.en)) phrases.set(danger.en, { danger, names: [] });
    phrases.get(danger.en).names.push(taxon.phrase);
  }
  const named = [...phrases.values()].map(({ danger, names }) => ({ danger, either: eitherText(names) }));
  const english = named.map(({ danger, either }) => `if it is ${either.en}, ${danger.en}`).join("; ");
  const chinese = named.map(({ danger, either }) => `如果是${either.zh}，${danger.zh}`).join("；");
  return {
    en: `${english[0].toUpperCase()}${english.slice(1)}: ${hazard.remedy.en}`,
    zh: `${chinese}：${hazard.remedy.zh}`,
  };
}

export const isHarmful = (tables, test, label) => Boolean(taxonOf(tables, label)?.harmful[test]);

// Why tests could do harm; tests with the same reason are joined.
export function cautionsOf(tables, labels) {
  const taxa = taxaOf(tables, labels);
  const cautions = new Map(); // by their English text
  for (const test of tables.tests) {
    const harmful = taxa.filter((taxon) => taxon.harmful[test]);
    if (harmful.length > 0) {
      const text = cautionText(tables, test, harmful);
      if (!cautions.has(text.en)) cautions.set(text.en, { keys: [], text });
      cautions.get(text.en).keys.push(test);
    }
  }
  return [...cautions.values()];
}

function cautionText(tables, test, taxa) {
  const reasons = new Map(taxa.flatMap((taxon) => taxon.harmful[test]).map((reason) => [reason.en, reason]));
  const most = tables.limits.named_taxa;
  const names = taxa.slice(0, most).map((taxon) => taxon.phrase);
  const more = taxa.length - most;
  if (more > 0) names.push({ en: `one of ${more} others`, zh: `另外 ${more} 种之一` });
  const either = eitherText(names);
  const chinese = [...reasons.values()].map((reason) => reason.zh).join("、");
  return {
    en: `could do harm if this is ${either.en} (${[...reasons.keys()].join(", ")}). Enter a result only if you know it already.`,
    zh: `如果是${either.zh}，可能有害（${chinese}）。仅在已知结果时填写。`,
  };
}

// A sentence on tests that were left out: their names, and the classes that make them dangerous.
export function leftOutText(tables, tests, labels, isLast) {
  const names = eitherText(taxaOf(tables, labels).map((taxon) => taxon.phrase));
  const english = tests.map((test) => test.en).join(", ");
  const chinese = tests.map((test) => test.zh).join("、");
  const end = isLast
    ? {
        en: " No harmless test is left that would tell the likely minerals apart: ask a museum or a laboratory.",
        zh: "没有既无害又能区分的测试了：请咨询博物馆或实验室。",
      }
    : { en: "", zh: "" };
  return {
    en: `Left out, since it could do harm if this is ${names.en}: ${english}.${end.en}`,
    zh: `如果是${names.zh}，以下测试可能有害，故不建议：${chinese}。${end.zh}`,
  };
}
