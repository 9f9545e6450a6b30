// The offline engine under node: reads {site, photos, questions} as JSON from standard input, and writes its answers.
// A photo is {pixels, width, height, isJpeg, withHeatMap, crop}: a file of raw RGB. A question is that of the API.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const { site, photos = [], questions = [] } = JSON.parse(readFileSync(0, "utf8"));
const load = (name) => import(pathToFileURL(`${site}/static/offline/${name}`));
const { Answerer } = await load("answerer.js");
const { useWebAssembly } = await load("network.js");
useWebAssembly(readFileSync(`${site}/static/offline/onnxruntime/ort-wasm-simd-threaded.wasm`));

const answerer = new Answerer((name) => readFile(`${site}/model/${name}`));
const answers = [];
for (const { pixels, width, height, isJpeg = false, withHeatMap = false, ...options } of photos) {
  const image = { width, height, data: new Uint8Array(readFileSync(pixels)) };
  const ask = (more) => answerer.identifyPhoto({ image, isJpeg }, { language: "en", ...options, ...more });
  const answer = await ask({});
  answers.push(withHeatMap ? await ask({ heatMapOf: answer.candidates[0].class }) : answer);
}
const specimens = [];
for (const question of questions) specimens.push(await answerer.identifySpecimen(question, "en"));
console.log(JSON.stringify({ minerals: await answerer.minerals(), answers, specimens }));
