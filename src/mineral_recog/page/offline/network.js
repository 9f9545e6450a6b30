// The networks: onnxruntime runs them as WebAssembly.

import * as ort from "./onnxruntime/ort.wasm.bundle.min.mjs";

const MAX_THREADS = 4;

export class Network {
  constructor(session) {
    this.session = session;
    this.hasMaps = session.outputNames.includes("class_maps");
  }

  // Load a network from the bytes of its ONNX file.
  static async load(bytes) {
    ort.env.wasm.numThreads = threadCount();
    return new Network(await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" }));
  }

  // The named outputs of views of one size, [size, size, 3] each: for each view its rows by name.
  async run(views, size, names) {
    const rows = [];
    for (const view of views) {
      const outputs = await this.session.run({ pixels: new ort.Tensor("uint8", view, [1, size, size, 3]) }, names);
      rows.push(Object.fromEntries(names.map((name) => [name, outputs[name].data])));
    }
    return rows;
  }

  predict(views, size) {
    return this.run(views, size, ["features", "logits"]);
  }
}

// Half of the cores: threads that wait for each other take long on a busy device. They need a page that is isolated
// from other sites.
function threadCount() {
  const cores = globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1;
  return Math.max(1, Math.min(MAX_THREADS, Math.floor(cores / 2)));
}

// Give onnxruntime the bytes of its WebAssembly, where it cannot fetch them itself.
export function useWebAssembly(bytes) {
  ort.env.wasm.wasmBinary = bytes;
}
