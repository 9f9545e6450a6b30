// The files of an exported model, read once: model.json, trust.safetensors, tables.json and the networks.

import { SquaredDistances } from "./distances.js";

const TYPES = { F32: Float32Array, F16: Uint16Array, U8: Uint8Array, I64: BigInt64Array };

// Read the tables and the calibration. `readFile` returns the bytes of a file of the model's folder.
export async function readModelFiles(readFile) {
  const [config, tables, arrays] = await Promise.all([
    readFile("model.json").then(parseJson),
    readFile("tables.json").then(parseJson),
    readFile("trust.safetensors").then(readArrays),
  ]);
  return { config, tables, distances: relative(arrays, "", config.calibration.novelty_overall), gate: gateParts(config, arrays) };
}

const parseJson = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

// The arrays of a safetensors file by name: {values, shape}; those of float16 are not converted.
export function readArrays(bytes) {
  const buffer = bytes.buffer;
  const length = Number(new DataView(buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = parseJson(new Uint8Array(buffer, bytes.byteOffset + 8, length));
  const start = bytes.byteOffset + 8 + length;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return Object.fromEntries(
    entries.map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
      const values = new TYPES[dtype](buffer.slice(start + from, start + to)); // copied, since its start may be odd
      return [name, { values, shape }];
    }),
  );
}

// The relative distance of ood.py: to the nearest class, less that to the mean of all.
function relative(arrays, prefix, overallWeight) {
  const part = (means, directions) => new SquaredDistances(arrays[prefix + means], arrays[prefix + directions]);
  return { classes: part("class_means", "directions"), overall: part("overall_mean", "overall_directions"), overallWeight };
}

// The parts of the gate, as in gate.py; null without one.
function gateParts({ calibration: { gate } }, arrays) {
  if (gate === null) return null;
  const parts = gate.typical.map((typical, k) => ({
    typical,
    spread: gate.spread[k],
    distances: new SquaredDistances(arrays[`gate_${k}_means`], arrays[`gate_${k}_directions`]),
  }));
  const novelty = gate.novelty_weight === null ? null : relative(arrays, "gate_novelty_", gate.novelty_overall);
  const { image_size: imageSize, threshold, texture_weight: textureWeight, novelty_weight: noveltyWeight } = gate;
  return { imageSize, threshold, parts, textureWeight, novelty, noveltyWeight };
}
