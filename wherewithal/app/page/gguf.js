// The header of a GGUF file, read in slices of the File until it ends; the tensors are never read.
const STEP = 4 << 20;
const MOST = 64 << 20;
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

class Short extends Error {}

function walk(view) {
  let at = 0;
  const need = (n) => { if (at + n > view.byteLength) throw new Short(); at += n; return at - n; };
  const u32 = () => view.getUint32(need(4), true);
  const u64 = () => { const n = Number(view.getBigUint64(need(8), true)); if (n > Number.MAX_SAFE_INTEGER) throw new RangeError("count"); return n; };
  const value = (type, deep) => {
    if (type === 8) need(u64());
    else if (type === 9) {
      const [inner, n] = [u32(), u64()];
      if (deep > 3 || n > 1e7) throw new RangeError("array");
      if (SIZES[inner]) need(n * SIZES[inner]); else for (let i = 0; i < n; i += 1) value(inner, deep + 1);
    } else if (SIZES[type]) need(SIZES[type]);
    else throw new RangeError("type");
  };
  if (u32() !== 0x46554747) throw new RangeError("magic");
  if (![2, 3].includes(u32())) throw new RangeError("version");
  const [tensors, pairs] = [u64(), u64()];
  if (tensors > 1e6 || pairs > 1e5) throw new RangeError("count");
  for (let i = 0; i < pairs; i += 1) { need(u64()); value(u32(), 0); }
  for (let i = 0; i < tensors; i += 1) { need(u64()); const n = u32(); if (n > 8) throw new RangeError("dimensions"); need(8 * n + 12); }
  return at;
}

// Returns the header's bytes; throws RangeError for what is not one.
export async function header(file) {
  for (let size = STEP; ; size *= 2) {
    const bytes = await file.slice(0, Math.min(size, MOST)).arrayBuffer();
    try { return bytes.slice(0, walk(new DataView(bytes))); } catch (error) {
      if (!(error instanceof Short)) throw error;
      if (bytes.byteLength >= file.size || size >= MOST) throw new RangeError("ends early");
    }
  }
}
