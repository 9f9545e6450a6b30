// Cleavage in text: `perfect, 3`, `splits like mica`, `三组完全解理`. As in identify/cleavage_parser.py.

import { pattern } from "./patterns.js";
import { EvidenceError, normalise, notUnderstood, quoted } from "./typed_text.js";

// Outcomes {cleavage, cleavage_directions}, null where the text says nothing.
export function readCleavage(tables, text, language) {
  const found = parseText(tables, normalise(tables, text));
  if (found === null) throw notUnderstood(tables, "cleavage", text, language);
  return agreeing("cleavage", found.quality, [found.count], [text], language);
}

export function readDirections(tables, text, language) {
  const found = parseText(tables, normalise(tables, text));
  const count = found?.quality === "none" ? 0 : (found?.count ?? null);
  if (count === null) throw notUnderstood(tables, "cleavage_directions", text, language);
  return agreeing("cleavage_directions", null, [count], [text], language);
}

// What both texts say.
export function joinCleavage(quality, directions, texts, language) {
  const counts = [quality.cleavage_directions, directions.cleavage_directions];
  return agreeing("cleavage_directions", quality.cleavage ?? directions.cleavage, counts, texts, language);
}

// No cleavage and no direction are the same.
function agreeing(field, quality, counts, texts, language) {
  const given = new Set(counts.filter((count) => count !== null));
  const isNone = quality === "none" || (given.size === 1 && given.has(0) && quality === null);
  if (isNone) given.add(0);
  const hasNone = given.has(0) && !isNone;
  if (given.size > 1 || hasNone) throw contradiction(field, texts, language);
  return { cleavage: isNone ? "none" : quality, cleavage_directions: [...given][0] ?? null };
}

function contradiction(field, texts, language) {
  const shown = [...texts.map(quoted).join(", ")].slice(0, 60).join("");
  return new EvidenceError(
    field,
    language,
    `cleavage ${shown} contradicts itself: count the directions again; none has 0 directions.`,
    `cleavage ${shown} 自相矛盾：请重新数解理的组数；无解理为 0 组。`,
  );
}

// Quality and number of directions; null if a word is not understood, or if two contradict each other.
function parseText(tables, text) {
  const { tokens, words } = tables.patterns.cleavage;
  const token = pattern(tokens, "y");
  const [qualities, counts] = [new Set(), new Set()];
  for (token.lastIndex = 0; token.lastIndex < text.length; ) {
    const match = token.exec(text);
    if (match === null) return null;
    const name = Object.keys(match.groups).find((key) => match.groups[key] !== undefined);
    const { quality, count } = name ? words[Number(name.slice(1))] : { quality: null, count: null };
    if (quality !== null) qualities.add(quality);
    if (count !== null) counts.add(count);
  }
  if (qualities.size > 1 || counts.size > 1 || qualities.size + counts.size === 0) return null;
  return { quality: [...qualities][0] ?? null, count: [...counts][0] ?? null };
}
