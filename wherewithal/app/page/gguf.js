// How long the header of a GGUF file is, read from as few slices as that takes; the weights are never touched.
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const MOST = 64 * 2 ** 20, SLICE = 2 ** 20;

class Short extends Error {}

class Reader {
  constructor(buffer) { this.view = new DataView(buffer); this.at = 0; }
  skip(bytes) { if (this.at + bytes > this.view.byteLength) throw new Short(); this.at += bytes; }
  u32() { this.skip(4); return this.view.getUint32(this.at - 4, true); }
  u64() {
    this.skip(8);
    const value = this.view.getBigUint64(this.at - 8, true);
    if (value > 2n ** 40n) throw new Error("a count in it is impossibly large");
    return Number(value);
  }
  string() { this.skip(this.u64()); }
  value(type, depth = 0) {
    if (type === 8) return this.string();
    if (type === 9) {
      const inner = this.u32(), count = this.u64();
      if (inner in SIZES && SIZES[inner]) return this.skip(SIZES[inner] * count);
      if (depth > 3) throw new Error("lists in lists in it are too deep");
      for (let i = 0; i < count; i += 1) this.value(inner, depth + 1);
      return undefined;
    }
    if (!SIZES[type]) throw new Error(`a value of unknown type ${type} is in it`);
    return this.skip(SIZES[type]);
  }
}

function length(buffer) {
  const reader = new Reader(buffer);
  reader.u32();
  const version = reader.u32();
  if (version < 2 || version > 3) throw new Error(`it is of GGUF version ${version}; 2 and 3 are read`);
  const tensors = reader.u64(), keys = reader.u64();
  for (let i = 0; i < keys; i += 1) { reader.string(); reader.value(reader.u32()); }
  for (let i = 0; i < tensors; i += 1) {
    reader.string();
    const dimensions = reader.u32();
    if (dimensions > 8) throw new Error("a tensor in it has more than 8 dimensions");
    reader.skip(8 * dimensions + 12);
  }
  return reader.at;
}

// Returns the bytes of the header alone; throws with one line where the file is none.
export async function header(file) {
  const magic = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (String.fromCharCode(...magic) !== "GGUF") throw new Error("it does not begin with GGUF");
  for (let take = SLICE; ; take *= 2) {
    const buffer = await file.slice(0, Math.min(take, file.size)).arrayBuffer();
    try {
      return buffer.slice(0, length(buffer));
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      if (take >= file.size) throw new Error("it ends inside its header");
      if (take >= MOST) throw new Error("its header is longer than 64 MiB");
    }
  }
}
