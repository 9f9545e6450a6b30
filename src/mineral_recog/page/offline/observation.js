// What the networks say of a photo. See identifier.py and observation.py.

import { gateScores, oodScore } from "./calibration.js";
import { atResolution } from "./photo.js";
import { findProblems } from "./quality.js";
import { findSpecimen } from "./specimen_finder.js";
import { evaluationSide, evaluationView, regionView, squareAround } from "./view.js";

const SMALL = 0.5; // over the short side: larger specimens are seen well enough in the middle square
const MAX_ZOOM = 4; // of the resolution for a close-up
const CLOSE_UP_SHARE = 0.7; // of a close-up in the outputs for a photo

// The outputs for a photo: features, logits, strangeness, noMineral, problems, the view that a heat map covers, and
// the region that it shows, null for the middle square. `crop` is where the specimen is, if the user said it.
export async function observe(model, photo, crop = null) {
  const { image_size: size, center_share: share, interpolation } = model.files.config.preprocessing;
  const { gate } = model.files;
  const image = atResolution(photo, evaluationSide(Math.max(size, gate?.imageSize ?? 0), share));
  const closeUp = makeCloseUp(photo, image, crop, size, interpolation);
  const framed = crop !== null;
  const middle = () => ({ view: evaluationView(image, size, share, interpolation), region: null });
  const seen = framed ? { view: closeUp.view, region: closeUp.region } : middle();
  const outputs = await look(model, seen, framed ? null : closeUp);
  let [noMineral, novelty] = [null, 0];
  if (gate !== null) {
    const view = framed
      ? regionView(closeUp.image, closeUp.region, gate.imageSize, interpolation)
      : evaluationView(image, gate.imageSize, share, interpolation);
    const names = gate.parts.map((_, k) => `gate_${k}`);
    const [features] = await model.gate.run([view], gate.imageSize, names);
    ({ noMineral, novelty } = gateScores(gate, names.map((name) => features[name])));
  }
  return {
    ...outputs,
    strangeness: oodScore(model.files, outputs) + novelty,
    noMineral,
    problems: findProblems(image, photo.image.width, photo.image.height, size),
  };
}

// The square around the specimen, from a photo of the resolution that it needs; null if no region was given and
// nothing small stands out.
function makeCloseUp(photo, image, crop, size, interpolation) {
  const region = squareAround(crop ?? findSpecimen(image) ?? [0, 0, 1, 1], image.width, image.height);
  const [side, shortSide] = [region[2] * image.width, Math.min(image.width, image.height)];
  if (crop === null && side >= SMALL * shortSide) return null;
  const zoom = Math.min(MAX_ZOOM, size / side);
  const source = zoom > 1 && image.width < photo.image.width ? atResolution(photo, Math.ceil(zoom * shortSide)) : image;
  return { view: regionView(source, region, size, interpolation), region, image: source };
}

// A close-up counts if it looks more like the known classes than the middle square does.
async function look(model, middle, closeUp) {
  const size = model.files.config.preprocessing.image_size;
  const [outputs, others] = await model.classifier.predict([middle.view, ...(closeUp ? [closeUp.view] : [])], size);
  if (!others || oodScore(model.files, others) >= oodScore(model.files, outputs)) return { ...outputs, ...middle };
  const mean = (key) => outputs[key].map((value, i) => value + CLOSE_UP_SHARE * (others[key][i] - value));
  return { features: mean("features"), logits: mean("logits"), view: closeUp.view, region: closeUp.region };
}
