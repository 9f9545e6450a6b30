// The answer about a specimen, with the keys and values of the API. See answer.py.

import { unlikeWarnings } from "./alike.js";
import { predictionSet, softmax, specimenLogits } from "./calibration.js";
import { applyEvidence } from "./evidence/index.js";
import { qualityWarnings } from "./quality.js";
import { rolledUpJson, rollUp, shortestNames } from "./roll_up.js";

const STRANGE_WEIGHT = 0.5; // of a photo that alone would be none of the classes

// The answer from the outputs for the photos of a specimen and the evidence.
export function answerAbout({ config, tables }, { sightings, evidence = {}, top = 10 }, language) {
  const { temperature, novelty_threshold: limit, gate } = config.calibration;
  const { coverage, limits } = tables.set;
  const notBlank = sightings.filter((photo) => !("blank" in photo.problems));
  const seen = notBlank.length > 0 ? notBlank : sightings; // a blank photo says nothing beside others
  const isOutside = (score) => gate !== null && score !== null && score > gate.threshold;
  const isStrange = (photo) => isOutside(photo.no_mineral) || photo.strangeness > limit;
  const weights = seen.map((photo) => (isStrange(photo) ? STRANGE_WEIGHT : 1));
  const strangeness = mean(seen.map((photo) => photo.strangeness), weights);
  const noMineral = gate === null ? null : mean(seen.map((photo) => photo.no_mineral), weights);
  const isBlank = notBlank.length === 0;
  const reason = isBlank || isOutside(noMineral) ? "no_mineral" : strangeness > limit ? "unknown_mineral" : null;
  let rolledUp = null;
  const parts = applyEvidence(tables.evidence, softmax(specimenLogits(seen, weights), temperature), {
    evidence,
    language,
    top,
    isNoMineral: reason === "no_mineral",
    inSet: (probabilities) => predictionSet(probabilities, limits),
    named: (probabilities) => {
      rolledUp = rollUp(tables.tree, probabilities, coverage);
      return [rolledUp.whole, rolledUp.first, ...rolledUp.parts];
    },
  });
  const set = parts.order.filter((label) => parts.inSet[label]);
  return {
    photos: sightings.length,
    rolled_up: rolledUpJson(rolledUp, top),
    none_of_these: {
      is: reason !== null,
      reason,
      text: reason && tables.refusals[reason],
      strangeness: rounded(strangeness),
      limit: rounded(limit),
      no_mineral: { blank: isBlank, score: rounded(noMineral), limit: rounded(gate && gate.threshold) },
    },
    set: { coverage, classes: set.map((label) => config.classes[label]), names: shortestNames(tables.tree, set) },
    ...parts.answer,
    warnings: [
      ...qualityWarnings(sightings.map((photo) => photo.problems), tables.problems),
      ...unlikeWarnings(sightings.map((photo) => softmax(photo.logits, temperature))),
    ],
    crops: sightings.map((photo) => photo.crop ?? null),
  };
}

function mean(values, weights) {
  const total = weights.reduce((a, b) => a + b, 0);
  return values.reduce((sum, value, i) => sum + value * weights[i], 0) / total;
}

const rounded = (value) => (value === null ? null : Number(value.toFixed(6)));
