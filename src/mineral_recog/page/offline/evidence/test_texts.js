// What to do for a physical test, and its results for the most likely minerals. As in identify/test_instructions.py.

import { joinTexts } from "./joined_texts.js";

// Null if all minerals have the same result. `likely` has a class of each mineral, most likely first.
export function testText(procedure, likely, mostNamed) {
  const byResult = new Map();
  for (const label of likely) {
    const number = procedure.of_class[label];
    if (number === null) continue;
    if (!byResult.has(number)) byResult.set(number, []);
    byResult.get(number).push(label);
  }
  if (byResult.size < 2) return null;
  const parts = [...select(byResult, mostNamed)].map(([number, labels]) => ({ result: procedure.results[number], labels }));
  parts.sort((a, b) => a.result.order - b.result.order);
  const named = parts.map(({ result, labels }) => {
    const names = joinTexts(labels.map((label) => procedure.names[label]));
    return { en: `${names.en} ${labels.length > 1 ? result.plural : result.singular}`, zh: `${names.zh}${result.zh}` };
  });
  const separator = named.some((text) => text.en.includes(",")) ? "; " : ", ";
  return {
    en: `${procedure.instruction.en}: ${named.map((text) => text.en).join(separator)}`,
    zh: `${procedure.instruction.zh}：${named.map((text) => text.zh).join("，")}`,
  };
}

// The first mineral of each result, then the second, and so on, up to a number of minerals.
function select(byResult, most) {
  const ranked = [...byResult].flatMap(([number, labels]) => labels.slice(0, most).map((label, rank) => ({ rank, number, label })));
  ranked.sort((a, b) => a.rank - b.rank);
  const selected = new Map();
  for (const { number, label } of ranked.slice(0, most)) selected.set(number, [...(selected.get(number) ?? []), label]);
  return selected;
}
