// What plan, predict and compare share: the fields of a serving question and the record that they become.
export const DEFAULTS = {
  model: "qwen3-32b", on: "h100-8", ttft: "", tpot: "", input_tokens: "4000", output_tokens: "1000", concurrency: "", rate_per_s: "",
  weights: "", activations: "", kv: "", engine: "", power_limit_w: "", serving: "", cached_input_tokens: "", accepted_tokens_per_step: "", set: "", offload: "",
};

export function fields(meta) {
  return [
    { key: "input_tokens", label: "Input tokens", kind: "slider", low: 64, high: 128000, digits: 2 },
    { key: "output_tokens", label: "Output tokens", kind: "slider", low: 16, high: 32000, digits: 2 },
    { key: "ttft", label: "Time to first token at most", kind: "slider", low: 50, high: 20000, unit: "ms", placeholder: "no limit" },
    { key: "tpot", label: "Time per output token at most", kind: "slider", low: 5, high: 500, unit: "ms", placeholder: "no limit" },
    { key: "concurrency", label: "Requests in flight", kind: "number", placeholder: "the most that meet the limits" },
    { key: "rate_per_s", label: "Requests per second", kind: "number", hint: "instead of requests in flight" },
    { key: "weights", label: "Weights", kind: "text", options: ["bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"], placeholder: "the checkpoint's own" },
    { key: "kv", label: "KV cache", kind: "text", options: ["bf16", "fp8", "int8"], placeholder: "the checkpoint's own" },
    { key: "engine", label: "Engine", kind: "text", options: meta.engines || [], placeholder: "the median engine" },
    { key: "serving", label: "Serving", kind: "select", options: [{ value: "", label: "both" }, "colocated", "disaggregated"] },
    { key: "power_limit_w", label: "Power limit, W", kind: "number", placeholder: "no limit" },
    { key: "set", label: "Overrides", kind: "text", hint: "chip.memory=96GB, …" },
    { key: "offload", label: "layers or experts may live on the host", kind: "check" },
  ];
}

const count = (text) => {
  const [, digits, unit] = /^\s*([0-9.]+)\s*(ki|k)?\s*$/.exec(text) || [];
  return digits ? Math.round(Number(digits) * ({ k: 1000, ki: 1024 }[unit] || 1)) : text;
};
// A bare number of a time is milliseconds here, as the slider beside it says.
const time = (text) => (/^[0-9.]+$/.test(text) ? `${text}ms` : text.replaceAll(" ", ""));

export function asked(state) {
  const body = { model: state.model, on: state.on };
  const put = (key, value) => { if (value !== "" && value != null) body[key] = value; };
  if (state.input_tokens && state.input_tokens !== DEFAULTS.input_tokens) put("input_tokens", count(state.input_tokens));
  if (state.output_tokens && state.output_tokens !== DEFAULTS.output_tokens) put("output_tokens", count(state.output_tokens));
  if (state.cached_input_tokens) put("cached_input_tokens", count(state.cached_input_tokens));
  if (state.accepted_tokens_per_step) put("accepted_tokens_per_step", Number(state.accepted_tokens_per_step));
  if (state.concurrency) put("concurrency", count(state.concurrency));
  if (state.rate_per_s) put("rate_per_s", Number(state.rate_per_s) || state.rate_per_s);
  if (state.power_limit_w) put("power_limit_w", Number(state.power_limit_w) || state.power_limit_w);
  put("engine", state.engine);
  put("slo", [["ttft", state.ttft], ["tpot", state.tpot]].filter(([, v]) => v).map(([k, v]) => `${k}=${time(v)}`).join(","));
  const precision = Object.fromEntries(["weights", "activations", "kv"].filter((k) => state[k]).map((k) => [k, state[k]]));
  if (Object.keys(precision).length) body.precision = precision;
  if (state.serving) body.serving = [state.serving];
  if (state.set) body.overrides = state.set.split(",").map((s) => s.trim()).filter(Boolean);
  if (state.offload) body.offload = true;
  return body;
}

// A command line of ours as the state that asks it: what a button of a lever or a fix does.
const OPTIONS = {
  "--on": "on", "--input-tokens": "input_tokens", "--output-tokens": "output_tokens", "--concurrency": "concurrency", "--engine": "engine",
  "--serving": "serving", "--cached-input-tokens": "cached_input_tokens", "--accepted-tokens-per-step": "accepted_tokens_per_step", "--layout": "layout",
};
export function stateOf(command, old) {
  const words = command.match(/'[^']*'|\S+/g).map((w) => w.replaceAll("'", ""));
  const state = { ...old, model: words[2], ttft: "", tpot: "", offload: words.includes("--offload") ? "1" : "" };
  const sets = [];
  for (let i = 3; i < words.length; i += 1) {
    const value = words[i + 1];
    if (words[i] in OPTIONS) state[OPTIONS[words[i]]] = value;
    if (words[i] === "--rate") state.rate_per_s = value.replace("rps", "");
    if (words[i] === "--power-limit") state.power_limit_w = value.replace("W", "");
    if (words[i] === "--set") sets.push(value);
    if (words[i] === "--slo") for (const part of value.split(",")) state[part.slice(0, 4)] = part.split("=")[1];
    if (words[i] === "--precision") for (const part of value.split(",")) { const [k, v] = part.split("="); state[k] = v; }
  }
  if (sets.length) state.set = sets.join(",");
  return state;
}
