// The best layouts of a model on a system under service levels.
import {
  html, t, num, quantity, range, said, useState, useEffect, useRef, useAnswer, useRows, rowsOf, servingBody, servingMore,
  Form, Result, Verdict, DataTable, Command, Charts, CopyButton, link, listOf,
} from "./parts.js";
import { Chart } from "../ui.js";
import { header } from "../gguf.js";

const SECONDS = { s: 1, ms: 1e-3, us: 1e-6 };
const MOST_JSON = 1 << 20;

export default function Plan({ query, go, lang }) {
  const [asked, setAsked] = useState(query);
  const key = JSON.stringify(query);
  // Sliders move faster than answers: the last place within the wait is the one that is asked.
  useEffect(() => { const wait = setTimeout(() => setAsked(JSON.parse(key)), 120); return () => clearTimeout(wait); }, [key]);
  const body = asked.model && asked.on ? { ...servingBody(asked), ...said(asked, ["rate_per_s"]), on: asked.on } : null;
  const state = useAnswer("plan", body, lang);
  const systems = rowsOf(useRows("/v1/catalog/systems", lang).doc).map((r) => r.name);
  const models = rowsOf(useRows("/v1/catalog/models", lang).doc).map((r) => r.name);
  const fields = [
    { name: "model", label: t("Model"), required: true, list: models, placeholder: "deepseek-v3" },
    { name: "on", label: t("System"), required: true, list: systems, hint: t("SYSTEM or SYSTEM:CHIPS"), placeholder: "cloudmatrix-384" },
    { name: "slo", label: t("Service levels"), placeholder: "ttft=2s,tpot=50ms" },
  ];
  const more = [{ name: "rate_per_s", label: t("Requests per second"), number: true }, ...servingMore()];
  return html`<div class="pn"><div><${Form} fields=${fields} more=${more} query=${query} go=${go} label=${t("Plan")} />
    <${Sliders} query=${query} go=${go} /><${Drop} query=${query} go=${go} /></div>
    <div class="pn-main"><${Result} state=${state} empty=${t("Give a model and a system.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} />`}<//></div></div>`;
}

const limit = (slo, name) => {
  const found = listOf(slo).map((p) => p.match(/^(\w+)[=:]([\d.]+)(s|ms|us)$/)).find((m) => m && m[1] === name);
  return found ? Number(found[2]) * SECONDS[found[3]] : null;
};

function Sliders({ query, go }) {
  const set = (name, value) => go({ ...query, [name]: String(value) }, false);
  const slo = (name, seconds) => {
    const rest = listOf(query.slo).filter((p) => !p.startsWith(name));
    set("slo", [...rest, `${name}=${Math.round(seconds * 1e3)}ms`].join(","));
  };
  // Equal steps are equal ratios.
  const one = (label, value, low, high, text, change) => html`<label>${label}: ${text}<input type="range" min="0" max="100" step="1"
    value=${Math.round((100 * Math.log(value / low)) / Math.log(high / low))}
    onInput=${(e) => change(low * (high / low) ** (e.target.value / 100))} /></label>`;
  const whole = (v) => Number(Math.round(v).toPrecision(2));
  const [input, output] = [Number(query.input_tokens) || 4000, Number(query.output_tokens) || 1000];
  const [ttft, tpot] = [limit(query.slo, "ttft"), limit(query.slo, "tpot")];
  return html`<fieldset class="card"><legend>${t("Move")}</legend>
    ${one(t("Input tokens"), input, 100, 1e5, num(input), (v) => set("input_tokens", whole(v)))}
    ${one(t("Output tokens"), output, 10, 1e4, num(output), (v) => set("output_tokens", whole(v)))}
    ${one(t("Time to first token"), ttft || 2, 0.05, 60, ttft ? quantity(ttft, "s") : t("no limit"), (v) => slo("ttft", v))}
    ${one(t("Time per output token"), tpot || 0.05, 0.004, 1, tpot ? quantity(tpot, "s") : t("no limit"), (v) => slo("tpot", v))}</fieldset>`;
}

async function upload(file) {
  const bad = (what, fix) => Object.assign(new Error(what), { line: `${file.name}: ${what} (${fix})` });
  let [body, type] = [null, "application/octet-stream"];
  if (/\.gguf$/i.test(file.name)) {
    try { body = await header(file); } catch { throw bad(t("no GGUF header that can be read"), t("drop a whole .gguf file")); }
  } else {
    if (file.size > MOST_JSON) throw bad(t("larger than 1 MB"), t("drop the model's config.json"));
    body = await file.text();
    type = "application/json";
    try { JSON.parse(body); } catch { throw bad(t("not JSON"), t("drop the model's config.json")); }
  }
  const response = await fetch("/v1/models", { method: "POST", body, headers: { "Content-Type": type } });
  const found = await response.json();
  if (!response.ok) throw bad(found.what || found.detail || found.title, found.fix || t("drop another file"));
  return found;
}

function Drop({ query, go }) {
  const [line, setLine] = useState("");
  const [bad, setBad] = useState("");
  const [over, setOver] = useState(false);
  const take = async (file) => {
    if (!file) return;
    setBad(""); setLine(t("Reading {name}...", { name: file.name }));
    try {
      const found = await upload(file);
      setLine(t("{name} is read.", { name: file.name }));
      go({ ...query, model: found.name });
    } catch (error) { setLine(""); setBad(error.line || String(error.message)); }
  };
  const drop = (e) => { e.preventDefault(); setOver(false); take(e.dataTransfer.files[0]); };
  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <label for="model-file">${t("Or drop a config.json or .gguf; only its header leaves the browser")}</label>
    <input id="model-file" type="file" accept=".json,.gguf" onChange=${(e) => take(e.target.files[0])} />
    <span role="status">${line}</span>${bad && html`<p class="problem" role="alert">${bad}</p>`}
    ${(query.model || "").startsWith("upload:") && html`<small>${t("This link needs the file again on another server.")}</small>`}</div>`;
}

function verdict(doc) {
  const b = doc.best;
  if (!b) return t("Not feasible: {why}", { why: doc.why_not.length ? doc.why_not[0].text : t("no layout was legal") });
  return t("Fits: {model} on {system} in {serving} serving, {speed} at {tpot} per token.", {
    model: doc.model.name, system: doc.system.name, serving: t(b.serving), speed: quantity(b.output_tokens_per_s.value, "tokens_per_s"), tpot: quantity(b.tpot_s.value, "s"),
  });
}

const BANDS = [["ttft_s", "time to first token", "s"], ["tpot_s", "time per output token", "s"], ["output_tokens_per_s", "output tokens per s", "tokens_per_s"],
  ["output_tokens_per_s_per_chip", "output tokens per s per chip", "tokens_per_s"], ["power_w", "power", "w"], ["usd_per_million_output_tokens", "cost per million output tokens", "usd"]];

function Band({ name, label, unit, b, slo }) {
  const f = b[name];
  const top = Math.max(f.high, f.value) * 1.05 || 1;
  const x = (v) => (200 * v) / top;
  const bound = slo[name.replace("_s", "")];
  return html`<div class="band"><dt>${t(label)}</dt><dd><strong>${quantity(f.value, unit)}</strong><br /><small>${range(f.low, f.high, unit)}</small>
    ${bound && html`<br /><span class=${f.value <= bound.limit_s ? "ok" : "miss"}>${f.value <= bound.limit_s ? t("meets {limit}", { limit: quantity(bound.limit_s, "s") }) : t("misses {limit}", { limit: quantity(bound.limit_s, "s") })}</span>`}
    <svg viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true"><defs><pattern id=${`h-${name}`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V6" stroke="currentColor" stroke-width="3" /></pattern></defs>
    <path class="axis" d="M0 11H200" /><rect class=${b.evidence === "measured" ? "fill" : ""} fill=${b.evidence === "measured" ? undefined : `url(#h-${name})`} x=${x(f.low)} y="1" width=${Math.max(1, x(f.high) - x(f.low))} height="9" />
    <path class="mid" d=${`M${x(f.value)} 0V12`} /></svg></dd></div>`;
}

const layoutOf = (point) => point.pools.map((p) => `${t(p.role)}: ${p.replicas} × ${Object.entries(p.layout).filter(([, v]) => v > 1).map(([k, v]) => `${t(k)} ${v}`).join(" ") || t("undivided")}, ${p.chips} ${t("chips")}`).join("; ");

// The frontier, walked with the arrow keys; the card says the point that is chosen.
function Walk({ doc }) {
  const points = [...doc.frontier].sort((a, b) => a.tokens_per_s_per_user - b.tokens_per_s_per_user);
  const start = Math.max(0, points.findIndex((p) => p.tpot_s.value === doc.best.tpot_s.value && p.ttft_s.value === doc.best.ttft_s.value));
  const [at, setAt] = useState(start);
  useEffect(() => setAt(start), [doc]);
  const p = points[Math.min(at, points.length - 1)];
  const keys = (e) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[e.key];
    if (step) { e.preventDefault(); setAt((n) => Math.max(0, Math.min(points.length - 1, n + step))); }
  };
  const pick = (d) => {
    const near = points.findIndex((q) => Object.values(d).includes(q.tokens_per_s_per_user) || Object.values(d).includes(q.output_tokens_per_s_per_chip.value));
    if (near >= 0) setAt(near);
  };
  const spec = doc.charts && doc.charts.tradeoff;
  return html`${spec && html`<${Chart} name="tradeoff" spec=${spec} onPick=${pick} />`}
    <div class="card walk" role="slider" tabindex="0" onKeyDown=${keys} aria-label=${t("Frontier: arrow keys walk it")} aria-valuemin="1" aria-valuemax=${points.length}
      aria-valuenow=${at + 1} aria-valuetext=${`${quantity(p.tpot_s.value, "s")}, ${num(p.output_tokens_per_s_per_chip.value)} tok/s`}>
      <strong>${t("Point {n} of {all}", { n: at + 1, all: points.length })}</strong> (← →): ${t(p.serving)}, ${num(p.tokens_per_s_per_user)} tok/s ${t("per user")},
      ${" "}${num(p.output_tokens_per_s_per_chip.value)} tok/s ${t("per chip")}, TTFT ${quantity(p.ttft_s.value, "s")}, TPOT ${quantity(p.tpot_s.value, "s")}<br />${layoutOf(p)}</div>`;
}

const optionsOf = (command) => {
  const out = {};
  for (const m of command.matchAll(/--([a-z-]+) (\S+)/g)) {
    const name = { input: "input_tokens", output: "output_tokens", rate: "rate_per_s" }[m[1]] || m[1].replaceAll("-", "_");
    out[name] = name === "set" && out.set ? `${out.set};${m[2]}` : m[2];
  }
  return out;
};

// A change that can be asked with the button; the command says the same for the terminal.
function Change({ query, text, command }) {
  const { on, slo, precision } = optionsOf(command);
  const to = Object.fromEntries(Object.entries({ on, slo, precision }).filter(([, v]) => v));
  return html`<li>${text} <a href=${link("plan", { ...query, ...to })}>${t("Ask this")}</a><br /><code>${command}</code></li>`;
}

function Pools({ best }) {
  const gb = (k) => ({ head: `${t(k)} GB`, key: k, number: true, raw: (p) => p.memory_bytes_per_chip[k] / 1e9, cell: (p) => num(p.memory_bytes_per_chip[k] / 1e9) });
  const columns = [{ head: t("pool"), key: "role", cell: (p) => t(p.role) }, { head: t("chips"), key: "chips", number: true }, { head: t("replicas"), key: "replicas", number: true },
    { head: t("layout"), key: "layout", raw: (p) => layoutOf({ pools: [p] }), cell: (p) => Object.entries(p.layout).filter(([, v]) => v > 1).map(([k, v]) => `${t(k)} ${v}`).join(", ") || t("undivided") },
    { head: t("batch"), key: "batch_per_replica", number: true }, { head: t("precision"), key: "precision", raw: (p) => Object.values(p.precision).join("/"), cell: (p) => Object.values(p.precision).join("/") },
    { head: t("bound by"), key: "bound", raw: (p) => best.bound_by[p.role] || "", cell: (p) => best.bound_by[p.role] || "" }, ...["weights", "kv", "activations", "reserved", "capacity"].map(gb)];
  return html`<${DataTable} caption=${t("Layout and memory per chip")} columns=${columns} rows=${best.pools} name="layout" />`;
}

function Answer({ doc, query }) {
  const b = doc.best;
  return html`<${Verdict} text=${verdict(doc)} />
    ${b && html`<p>${t("evidence")}: <strong>${t(b.evidence)}</strong> · ${t("80% ranges; solid where measured, hatched where not")}</p>
      <dl class="bands">${BANDS.filter(([k]) => b[k]).map(([name, label, unit]) => html`<${Band} name=${name} label=${label} unit=${unit} b=${b} slo=${doc.slo || {}} />`)}</dl>
      <${Pools} best=${b} /><${Walk} doc=${doc} />`}
    ${doc.why_not.length > 0 && html`<h3>${t("Why not, and what would help")}</h3><ul>${doc.why_not.map((w) => html`<li>${w.text}<ul>${w.fix.map((f) => html`<${Change} query=${query} text=${`${f.change}: ${f.result}`} command=${f.command} />`)}</ul></li>`)}</ul>`}
    ${doc.levers && doc.levers.length > 0 && html`<h3>${t("What would change it")}</h3><ul>${doc.levers.map((l) => html`<${Change} query=${query}
      text=${`${l.change}: ${l.text || (l.effect === null ? "" : `${l.effect > 0 ? "+" : ""}${num(100 * l.effect, 2)}% tok/s`)}`} command=${l.command} />`)}</ul>`}
    <${Charts} charts=${doc.charts} names=${["memory", "step", "levers", "funnel"]} />
    <p>${t("{considered} layouts considered, {legal} legal, {fit} fit in memory, {feasible} meet the service levels.", { considered: doc.considered.toLocaleString("en-US"), legal: doc.legal.toLocaleString("en-US"), fit: doc.fit.toLocaleString("en-US"), feasible: doc.feasible.toLocaleString("en-US") })}</p>
    <details><summary>${t("Assumptions ({n})", { n: doc.assumptions.length })}</summary><ul>${doc.assumptions.map((a) => html`<li>${a.name}: ${a.value}</li>`)}</ul></details>
    <details><summary>${t("Sources ({n})", { n: doc.sources.length })}</summary><ul>${doc.sources.map((s) => html`<li>${s}</li>`)}</ul></details>
    ${doc.notes.length > 0 && html`<details><summary>${t("Notes ({n})", { n: doc.notes.length })}</summary><ul>${doc.notes.map((n) => html`<li>${n}</li>`)}</ul></details>`}
    <${Command} text=${doc.command} /><p class="row"><${CopyButton} text=${location.href} label=${t("Copy link")} />
    <a download="plan.json" href=${`data:application/json,${encodeURIComponent(JSON.stringify({ ...doc, charts: undefined }))}`}>JSON</a></p>`;
}
