// Answers as the server does, with the same JSON: from a photo, and from what was seen and evidence.

import { answerAbout } from "./answer.js";
import { minerals } from "./evidence/index.js";
import { Gallery } from "./gallery.js";
import { heatMap } from "./heat_map.js";
import { readModelFiles } from "./model_files.js";
import { Network } from "./network.js";
import { observe } from "./observation.js";
import { middleRegion } from "./view.js";

export class Answerer {
  // `readFile` returns the bytes of a file of the model's folder. The networks are read at once, but not waited for.
  constructor(readFile) {
    this.files = readModelFiles(readFile);
    this.networks = this.files.then(async ({ gate }) => {
      const load = async (name) => Network.load(await readFile(name));
      const classifier = await load("model.onnx"); // onnxruntime starts one network after the other
      return { classifier, gate: gate === null ? null : await load("gate.onnx") };
    });
    this.gallery = this.files.then(async ({ tables }) => {
      if (!tables.has_gallery) return null;
      return new Gallery(await readFile("gallery/gallery.json"), await readFile("gallery/gallery.safetensors"));
    });
    for (const part of [this.networks, this.gallery]) part.catch(() => {}); // reported by the first photo
  }

  async minerals() {
    const { tables, config } = await this.files;
    return { ...minerals(tables.evidence), center_share: config.preprocessing.center_share };
  }

  // The answer about a decoded photo, see photo.js. `heatMapOf` is the class of the heat map, null for none; `crop` is
  // where the specimen is, null if the model is to look for it.
  async identifyPhoto(photo, { language, top = 10, heatMapOf = null, crop = null }) {
    const files = await this.files;
    const model = { files, ...(await this.networks) };
    const seen = await observe(model, photo, crop);
    const sighting = {
      logits: [...seen.logits],
      strangeness: seen.strangeness,
      no_mineral: seen.noMineral,
      problems: seen.problems,
      model: files.tables.model,
      crop: seen.region && seen.region.map(rounded),
    };
    const gallery = await this.gallery;
    const similar = gallery?.similar(seen.features, files.tables.evidence.minerals.classes) ?? [];
    const answer = { ...answerAbout(files, { sightings: [sighting], top }, language), sightings: [sighting], similar };
    if (heatMapOf !== null) answer.heat_map = await this.heatMap(model, photo, seen, heatMapOf);
    return answer;
  }

  async heatMap({ files: { config }, classifier }, photo, seen, name) {
    const { image_size: size, center_share: share } = config.preprocessing;
    const label = config.classes.indexOf(name);
    const region = seen.region ?? middleRegion(photo.image.width, photo.image.height, share);
    return {
      values: await heatMap(classifier, seen.view, size, label, config.classes.length),
      class: name,
      center_share: rounded(Math.max(region[2], region[3])),
      crop: region.map(rounded),
    };
  }

  // Training photos of a class.
  async photos(name) {
    const label = (await this.files).config.classes.indexOf(name);
    return { class: name, photos: (await this.gallery)?.ofClass(label) ?? [] };
  }

  async identifySpecimen(question, language) {
    return answerAbout(await this.files, question, language);
  }
}

const rounded = (value) => Number(value.toFixed(4));
