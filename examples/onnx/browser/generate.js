/**
 * Continues a text in the browser with a model that `deno task export` wrote, in ONNX Runtime Web:
 *
 *   const model = await Model.load("model.onnx");
 *   for await (const { token, layers } of generate(model, tokens, { maxTokens: 64 })) …
 *
 * The file holds the router and the skipping. README.md says what belongs into the folder `ort`.
 */

const ROOM = 64; // positions that the cache grows by

/** What is loaded at run time, so that a page can say that it is missing. */
async function library(name) {
  const { href } = new URL(`ort/${name}`, import.meta.url);
  try {
    return await import(href);
  } catch (error) {
    throw new Error(`${href} cannot be loaded: fill the folder as README.md says`, {
      cause: error,
    });
  }
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response;
}

/** Opens a `tokenizer.json`. @returns `{ encode(text) -> tokens, decode(tokens) -> text, isEnd(token) }` */
export async function loadTokenizer(url) {
  const description = await (await download(url)).json();
  const { Tokenizer } = await library("tokenizers.min.mjs");
  const tokenizer = new Tokenizer(description, { clean_up_tokenization_spaces: false });
  const special = description.added_tokens?.filter((token) => token.special) ?? [];
  const ends = new Set(special.map((token) => token.id));
  return {
    encode: (text) => tokenizer.encode(text).ids,
    decode: (tokens) => tokenizer.decode(tokens, { skip_special_tokens: true }),
    isEnd: (token) => ends.has(token),
  };
}

/**
 * What a file says about itself. The runtime does not hand it out, so it is read from the file: the
 * entries of field 14 of ONNX's ModelProto, each a key (1) and a value (2).
 */
function readAbout(bytes) {
  const about = {};
  for (const entry of fieldsOf(bytes, 14)) {
    const [key, value] = [1, 2].map((field) => new TextDecoder().decode(fieldsOf(entry, field)[0]));
    about[key] = value;
  }
  return about;
}

/** All that a protocol buffer holds in a field of bytes. */
function fieldsOf(bytes, field) {
  const found = [];
  let at = 0;
  const varint = () => {
    for (let value = 0, unit = 1;; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("This is no whole ONNX file");
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag % 8 === 0) varint();
    else if (tag % 8 !== 2) throw new Error("This is no ONNX file of deno task export");
    else {
      const size = varint();
      if (tag === field * 8 + 2) found.push(bytes.subarray(at, at + size));
      at += size;
    }
  }
  return found;
}

/** A session with what the file says about itself, and the keys and values of one text. */
export class Model {
  #ort;
  #session;
  #memory;
  #decided; // what a router that decides for whole sequences has decided

  /** @param source the address of the file, or its bytes */
  static async load(source) {
    const bytes = source instanceof Uint8Array
      ? source
      : new Uint8Array(await (await download(source)).arrayBuffer());
    const about = readAbout(bytes);
    if (about.format !== "dlr") throw new Error("This file was not written by deno task export");
    const ort = await library("ort.wasm.min.mjs");
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Model(ort, session, about);
  }

  /** Use `Model.load`. */
  constructor(ort, session, about) {
    this.#ort = ort;
    this.#session = session;
    this.about = about;
    this.layers = Number(about.layers);
    this.routedLayers = Number(about.routed_layers);
    this.maxPositions = Number(about.max_positions);
    /** Whether a threshold can be shifted. */
    this.hasThreshold = session.inputNames.includes("thresholdShift");
    this.reset();
  }

  /** Forgets the text. */
  reset() {
    this.length = 0;
    this.#decided = undefined;
    this.#memory = {};
    const shape = [1, Number(this.about.kv_heads), 0, Number(this.about.head_dim)];
    for (const name of this.#session.inputNames.filter((name) => name.startsWith("memory."))) {
      this.#memory[name] = this.#tensor(shape, new Float32Array(0));
    }
  }

  /**
   * Reads tokens after those that were read before.
   *
   * @param shift what is added to the router's threshold: far below zero every layer runs, far above
   *   only those that always do
   * @returns logits after the last token, and the gates of each token, or null without a router
   */
  async read(tokens, shift = 0) {
    const count = tokens.length;
    if (count === 0) throw new RangeError("There is no token to read");
    if (this.length + count > this.maxPositions) {
      throw new RangeError(`The model reads no more than ${this.maxPositions} tokens`);
    }
    const feeds = {
      tokens: this.#tensor([1, count], Int32Array.from(tokens)),
      lengths: this.#tensor([1], Int32Array.of(count)),
      pastLengths: this.#tensor([1], Int32Array.of(this.length)),
      rows: this.#tensor([1], Int32Array.of(count - 1)),
      ...this.#memory,
    };
    const width = this.routedLayers;
    const decides = this.#session.inputNames.includes("decided");
    if (decides) {
      feeds.decided = this.#tensor([], Float32Array.of(this.#decided ? 1 : 0));
      feeds.decidedGates = this.#tensor([1, 1, width], this.#decided ?? new Float32Array(width));
    }
    if (this.hasThreshold) feeds.thresholdShift = this.#tensor([], Float32Array.of(shift));
    const made = await this.#session.run(feeds);
    this.#keep(made, count);
    const gates = made.gates?.data;
    if (decides) this.#decided ??= gates.slice(-width);
    return {
      logits: made.logits.data,
      gates: gates
        ? Array.from({ length: count }, (_, at) => gates.slice(at * width, (at + 1) * width))
        : null,
    };
  }

  /** Lets its memory go. */
  async release() {
    await this.#session.release();
  }

  /** How many layers run at these gates. */
  layersAt(gates) {
    return this.layers - this.routedLayers + gates.reduce((sum, gate) => sum + gate, 0);
  }

  #tensor(shape, data) {
    return new this.#ort.Tensor(data instanceof Int32Array ? "int32" : "float32", data, shape);
  }

  #keep(made, count) {
    const end = this.length + count;
    for (let [name, before] of Object.entries(this.#memory)) {
      const [, heads, capacity, width] = before.dims;
      if (end > capacity) {
        const room = Math.ceil(end / ROOM) * ROOM;
        const grown = this.#tensor([1, heads, room, width], new Float32Array(heads * room * width));
        for (let head = 0; head < heads; head++) {
          const own = before.data.subarray(head * capacity * width, (head + 1) * capacity * width);
          grown.data.set(own, head * room * width);
        }
        this.#memory[name] = before = grown;
      }
      const own = made[name.replace("memory", "new")].data;
      for (let head = 0; head < heads; head++) {
        const rows = own.subarray(head * count * width, (head + 1) * count * width);
        before.data.set(rows, (head * before.dims[2] + this.length) * width);
      }
    }
    this.length = end;
  }
}

/**
 * Continues a prompt by the likeliest tokens, until `isEnd` or the last position of the model.
 *
 * @returns tokens, each with how many layers ran on the token before it, which it was written after
 */
export async function* generate(model, prompt, { maxTokens, shift = 0, isEnd = () => false }) {
  model.reset();
  let tokens = prompt;
  for (let made = 0; made < maxTokens; made++) {
    if (model.length + tokens.length > model.maxPositions && made > 0) return;
    const { logits, gates } = await model.read(tokens, shift);
    const token = logits.reduce((best, logit, at) => logit > logits[best] ? at : best, 0);
    if (isEnd(token)) return;
    yield { token, layers: gates ? model.layersAt(gates.at(-1)) : model.layers };
    tokens = [token];
  }
}
