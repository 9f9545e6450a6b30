// The physical test to do next, and the facts that distinguish two minerals. As in identify/next_test.py.

import { sharesOf } from "./class_tables.js";
import { isHarmful, leftOutText } from "./hazards.js";
import { fillUnknown, intervalRow, photoWeight } from "./likelihood.js";
import { testText } from "./test_texts.js";

const SMALLEST = 2.2250738585072014e-308; // whose logarithm stands for that of 0, times 0

// {tests, tests_left_out}: those worth doing, most informative first, and those that could do harm.
export function nextTests(table, probabilities, outcomes, inSet, order) {
  const { tables } = table;
  const { limits } = tables;
  const likely = mostLikely(tables, probabilities);
  const possible = order.filter((label) => inSet[label] || probabilities[label] >= limits.danger);
  const tests = [];
  const leftOut = new Map(); // names of the tests, by their keys
  for (const { procedure, shares } of notDone(table, outcomes)) {
    const { key, label, caution } = procedure;
    const bits = informationGain(probabilities, shares, photoWeight(tables, key));
    const text = bits < limits.test_bits ? null : testText(procedure, likely, limits.named_minerals);
    if (text === null) continue;
    if (possible.some((candidate) => isHarmful(tables, key, candidate))) leftOut.set(key, label);
    else tests.push({ key, bits, text, caution });
  }
  tests.sort((a, b) => b.bits - a.bits);
  const rounded = tests.map((test) => ({ ...test, bits: Number(test.bits.toFixed(3)) }));
  if (leftOut.size === 0) return { tests: rounded, tests_left_out: null };
  const keys = [...leftOut.keys()];
  const harmful = possible.filter((label) => keys.some((key) => isHarmful(tables, key, label)));
  const text = leftOutText(tables, [...leftOut.values()], harmful, tests.length === 0);
  return { tests: rounded, tests_left_out: { keys, text } };
}

// The tests whose outcome is unknown: for hardness, the scratch tests within the known interval.
function notDone(table, outcomes) {
  const { tables } = table;
  const [low, high] = outcomes.hardness ?? tables.observers.scales.hardness;
  const scratches = tables.scratch_tests.filter(({ limit }) => low < limit && limit < high);
  const others = tables.other_tests.filter(({ key }) => !(key in outcomes));
  return [
    ...scratches.map((procedure) => ({
      procedure,
      shares: sharesOf([[procedure.limit, high], [low, procedure.limit]].map((part) => intervalRow(tables, "hardness", part))),
    })),
    ...others.map((procedure) => ({ procedure, shares: table.shares[procedure.key] })),
  ];
}

// A class of each mineral that is not much less likely than the most likely one, in that order.
function mostLikely(tables, probabilities) {
  const totals = new Map();
  const first = new Map();
  tables.mineral_of_class.forEach((number, label) => {
    if (number === null) return;
    if (!first.has(number)) first.set(number, label);
    totals.set(number, (totals.get(number) ?? 0) + probabilities[label]);
  });
  const largest = Math.max(0, ...totals.values());
  const kept = [...totals].filter(([, total]) => total * tables.limits.odds >= largest);
  return kept.sort(([, a], [, b]) => b - a).map(([number]) => first.get(number));
}

// By how many bits the entropy of the probabilities is expected to drop. `shares` are P(outcome | class), of sum 1.
function informationGain(probabilities, shares, weight) {
  const filled = fillUnknown(shares, probabilities);
  const factors = weight === 1 ? filled : fillUnknown(shares.map((row) => row.map((share) => share ** weight)), probabilities);
  const logs = probabilities.map((probability) => Math.log2(Math.max(probability, SMALLEST)));
  let gain = -probabilities.reduce((entropy, probability, label) => entropy + probability * logs[label], 0);
  factors.forEach((row, number) => {
    let [outcome, total, plogs] = [0, 0, 0];
    row.forEach((factor, label) => {
      const probability = probabilities[label];
      outcome += filled[number][label] * probability;
      total += factor * probability;
      plogs += factor * probability * (logs[label] + Math.log2(factor));
    });
    gain -= outcome * (Math.log2(total) - plogs / total);
  });
  return gain;
}

// The next candidates that are in the set or likely, and how they differ from the first one.
export function lookalikes(table, probabilities, order, inSet) {
  const { limits } = table.tables;
  return order
    .slice(1)
    .filter((label) => inSet[label] || probabilities[label] >= limits.lookalike)
    .slice(0, limits.lookalikes)
    .map((label) => ({
      class: table.classes[label].class,
      names: table.classes[label].names,
      text: distinguishingFacts(table, label, order[0]),
    }));
}

// Facts that distinguish class a from class b, most informative first; null without any.
function distinguishingFacts(table, a, b) {
  if (table.classes[a].mineral === null || table.classes[b].mineral === null) return null;
  const ranked = Object.entries(table.shares).map(([test, shares]) => {
    const pair = shares.map((row) => [row[a], row[b]]);
    return { test, bits: Number(informationGain([0.5, 0.5], pair, photoWeight(table.tables, test)).toFixed(1)) };
  });
  const facts = ranked.filter(({ bits }) => bits > 0).sort((one, other) => other.bits - one.bits);
  return contrast(table, facts.map(({ test }) => test), a, b);
}

function contrast(table, facts, a, b) {
  const { fact_texts: texts, fact_labels: labels, limits } = table.tables;
  const [own, other] = [a, b].map((label) => nameText(table.classes[label].mineral));
  const known = facts.filter((fact) => texts[fact][a] !== null && texts[fact][b] !== null).slice(0, limits.facts);
  if (known.length === 0) return null;
  const english = known.map((fact) => `${labels[fact].en}${texts[fact][a].en} (${other.en} ${texts[fact][b].en})`);
  const chinese = known.map((fact) => `${labels[fact].zh}${texts[fact][a].zh}（${other.zh}：${texts[fact][b].zh}）`);
  return { en: `${own.en}: ${english.join(", ")}`, zh: `${own.zh}：${chinese.join("，")}` };
}

const nameText = (mineral) => ({ en: mineral.name.en.toLowerCase(), zh: mineral.name.zh });
