// Two weighings of a specimen, such as `dry 52.3 wet 33.1`, as an interval of density. As in identify/weighing_parser.py.

import { fullMatch, replaceAll } from "./patterns.js";
import { EvidenceError, general, quoted } from "./typed_text.js";

const KEYS = ["dry", "wet", "gain"];

// Null if the text is no pair of weights.
export function parseWeighing(tables, text, language) {
  const plain = replaceAll(tables.patterns.typed.decimal_signs, text, ".");
  const match = tables.patterns.weighing.patterns.map((source) => fullMatch(source, plain)).find(Boolean);
  if (!match) return null;
  const found = match.groups;
  const keyOf = (n) => KEYS.find((key) => found[`${key}${n}`]);
  const clauses = Object.fromEntries([1, 2].map((n) => [keyOf(n), { ...measured(found[`number${n}`]), unit: found[`unit${n}`] }]));
  const key = clauses.wet ? "wet" : "gain";
  if (Object.keys(clauses).length !== 2 || !clauses.dry || !isOneUnit(tables, clauses)) return null;
  return density(tables, text, language, clauses.dry, key, clauses[key]);
}

function measured(number) {
  return { weight: Number(number), step: Number(`1e-${number.split(".")[1]?.length ?? 0}`) };
}

// Each weight may be off by one step of the scale.
function density(tables, text, language, dry, key, second) {
  const lost = key === "wet" ? dry.weight - second.weight : second.weight;
  if (lost <= 0 || dry.weight <= 0) throw noLossError(text, language, key);
  const error = second.step + (key === "wet" ? dry.step : 0);
  if (lost <= error) throw tooLightError(text, language);
  // The dry weight is in both terms of dry / (dry - wet), but not of dry / gain.
  const step = key === "wet" ? -dry.step : dry.step;
  return onScale(tables, text, language, (dry.weight - step) / (lost + error), (dry.weight + step) / (lost - error));
}

// A unit that is not given is that of the other weight.
function isOneUnit(tables, clauses) {
  const { volumes, grams } = tables.patterns.weighing;
  const pairs = Object.entries(clauses).filter(([, clause]) => clause.unit);
  if (pairs.some(([key, clause]) => volumes.includes(clause.unit) && key !== "gain")) return false;
  const isGram = (unit) => volumes.includes(unit) || grams.includes(unit);
  return new Set(pairs.map(([, { unit }]) => (isGram(unit) ? "g" : unit))).size <= 1;
}

function onScale(tables, text, language, low, high) {
  const [lowest, highest] = tables.observers.scales.density;
  if (high > lowest && low < highest) return [Math.max(low, lowest), Math.min(high, highest)];
  const [shown, from, to] = [quoted(text), general(low, 3), general(high, 3)];
  throw densityError(
    language,
    `${shown}: the weights mean a density of ${from} to ${to} g/cm³, which no mineral has; weigh again, both times in the same unit.`,
    `${shown}：由此得到的密度为 ${from}–${to} g/cm³，没有矿物如此；请重新称量，两次使用同一单位。`,
  );
}

function densityError(language, english, chinese) {
  return new EvidenceError("density", language, `density ${english}`, `density ${chinese}`);
}

function noLossError(text, language, key) {
  const shown = quoted(text);
  if (key === "gain") {
    return densityError(
      language,
      `${shown}: both numbers must be above 0; the gain is what the scale shows more while the specimen hangs in the water.`,
      `${shown}：两个数都须大于 0；增重是标本悬在水中时秤上多出的读数。`,
    );
  }
  return densityError(
    language,
    `${shown}: a specimen weighs less in water than in air; check the two weights. If it was hung in a glass of water on the scale, write gain instead of wet.`,
    `${shown}：标本在水中应比在空气中轻；请核对两个读数。若是把它悬在秤上的水杯里，请把“水中”改为“增重”。`,
  );
}

function tooLightError(text, language) {
  const shown = quoted(text);
  return densityError(
    language,
    `${shown}: the displaced water weighs no more than the steps of the scale; use a finer scale or a larger specimen.`,
    `${shown}：排开的水不比秤的最小刻度重；请换更精细的秤或更大的标本。`,
  );
}
