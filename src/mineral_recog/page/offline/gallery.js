// Training photos, where the export was asked to bring them. See gallery.py.

import { readArrays } from "./model_files.js";

const SIMILAR = 4; // photos shown with an answer
const OF_CLASS = 8;

export class Gallery {
  constructor(names, bytes) {
    const { features, jpegs, ends } = readArrays(bytes);
    this.photos = JSON.parse(new TextDecoder().decode(names)).photos;
    this.width = features.shape[1];
    this.features = Float32Array.from(features.values, fromHalf);
    this.jpegs = jpegs.values;
    this.ends = Array.from(ends.values, Number);
  }

  // The photos most similar to one with these features, as the API lists them. `names` are those of each class.
  similar(features, classes) {
    const length = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0)) || 1;
    const cosine = (i) => {
      const own = this.features.subarray(i * this.width, (i + 1) * this.width);
      return own.reduce((sum, value, k) => sum + value * features[k], 0) / length;
    };
    const similarities = this.photos.map((_, i) => cosine(i));
    const best = [...similarities.keys()].sort((a, b) => similarities[b] - similarities[a]).slice(0, SIMILAR);
    return best.map((i) => {
      const { class: name, names } = classes[this.photos[i].label];
      return { class: name, names, similarity: Number(similarities[i].toFixed(4)), ...this.photo(i) };
    });
  }

  ofClass(label) {
    const own = [...this.photos.keys()].filter((i) => this.photos[i].label === label);
    return own.slice(0, OF_CLASS).map((i) => this.photo(i));
  }

  photo(i) {
    const jpeg = this.jpegs.subarray(this.ends[i - 1] ?? 0, this.ends[i]);
    const characters = Array.from(jpeg, (byte) => String.fromCharCode(byte)).join("");
    return { photo: this.photos[i].photo, thumbnail: `data:image/jpeg;base64,${btoa(characters)}` };
  }
}

// A number of 16 bits, IEEE 754.
function fromHalf(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}
