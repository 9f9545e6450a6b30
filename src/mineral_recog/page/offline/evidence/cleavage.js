// Cleavage in text: `perfect, 3`, `splits like mica`, `三组完全解理`. As in identify/cleavage_parser.py.

import { pattern } from "./patterns.js";
import { EvidenceError, normalise, notUnderstood, quoted } from "./typed_text.js";

// The outcomes about cleavage, {cleavage, cleavage_directions}; null where the texts say nothing.
export function readCleavage(tables, quality, directions, language) {
  const found = quality === undefined ? { quality: null, count: null } : parseCleavage(tables, quality, language);
  const counts = new Set([found.count, directions === undefined ? null : parseDirections(tables, directions, language)]);
  counts.delete(null);
  if (found.quality === "none" || (counts.size === 1 && counts.has(0))) {
    found.quality ??= "none";
    counts.add(0);
  }
  if (counts.size > 1 || (found.quality !== null && found.quality !== "none" && counts.has(0))) {
    throw contradiction([quality, directions], language);
  }
  return { cleavage: found.quality, cleavage_directions: [...counts][0] ?? null };
}

function contradiction(values, language) {
  const given = values.filter((value) => value !== undefined).map(quoted).join(", ");
  const shown = [...given].slice(0, 60).join("");
  return new EvidenceError(
    "cleavage",
    language,
    `cleavage ${shown} contradicts itself: count the directions again; none has 0 directions.`,
    `cleavage ${shown} 自相矛盾：请重新数解理的组数；无解理为 0 组。`,
  );
}

function parseCleavage(tables, value, language) {
  const found = parseText(tables, normalise(tables, value));
  if (found === null) throw notUnderstood(tables, "cleavage", value, language);
  return found;
}

function parseDirections(tables, value, language) {
  const found = parseText(tables, normalise(tables, value));
  const count = found?.quality === "none" ? 0 : (found?.count ?? null);
  if (count === null) throw notUnderstood(tables, "cleavage_directions", value, language);
  return count;
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
