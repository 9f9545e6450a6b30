// Answers the cases of test_web_tables.py: JSON on standard input and output.

import { readFileSync } from "node:fs";
import { applyEvidence, EvidenceError, minerals, readEvidence } from "./evidence/index.js";

const { tables, answers, readings } = JSON.parse(readFileSync(0, "utf8"));

function outcomeOf(ask) {
  try {
    return ask();
  } catch (error) {
    if (error instanceof EvidenceError) return { error: error.message, field: error.field };
    throw error;
  }
}

function answer({ byPhoto, thresholds, named, ...question }) {
  const inSet = (probabilities) => {
    const first = probabilities.indexOf(Math.max(...probabilities));
    return probabilities.map((probability, label) => label === first || Math.fround(1 - probability) <= thresholds[label]);
  };
  return applyEvidence(tables, byPhoto, { ...question, inSet, named: () => named });
}

const results = {
  minerals: minerals(tables),
  answers: answers.map((question) => outcomeOf(() => answer(question))),
  readings: readings.map(({ texts, language }) => outcomeOf(() => readEvidence(tables, texts, language))),
};
process.stdout.write(JSON.stringify(results));
