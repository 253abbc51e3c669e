// What the six panels share: a form kept in the URL, one question at a time, a table that sorts and copies, charts.
import { html, useState, useEffect, useRef, t, problemOf, getJson, postVerb, Chart } from "./shell.js";

// A number in at most three digits; never more than its doubt deserves.
export function num(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return scaled(value, digits);
  return Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

const STEPS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"]];

function scaled(value, digits) {
  const step = STEPS.find(([size]) => Math.abs(value) >= size) || STEPS[STEPS.length - 1];
  return `${Number((value / step[0]).toPrecision(digits))}${step[1] ? " " + step[1] : ""}`;
}

// Units of the contract in the form people read.
const UNITS = { tokens_per_s: "tok/s", j: "J", usd_per_h: "USD/h", usd: "USD", w: "W", 1: "", s: "s" };
export const unit = (name) => (name in UNITS ? UNITS[name] : name);

export function quantity(value, name) {
  if (value === null || value === undefined) return "-";
  if (name === "s" && Math.abs(value) < 1) return `${num(value * 1e3)} ms`;
  if (name === "w" && Math.abs(value) >= 1e3) return value >= 1e6 ? `${num(value / 1e6)} MW` : `${num(value / 1e3)} kW`;
  return `${num(value)} ${unit(name)}`.trim();
}

export const range = (low, high, name) =>
  low === null || low === undefined || high === null || high === undefined
    ? "" : t("{low} to {high}", { low: quantity(low, name), high: quantity(high, name) });

// Asks when `body` changes; a newer question aborts the older, whose answer stays, greyed.
export function useAnswer(verb, body, lang) {
  const [state, set] = useState({ doc: null, problem: null, busy: false });
  const key = body === null ? "" : JSON.stringify(body);
  useEffect(() => {
    if (!key) { set({ doc: null, problem: null, busy: false }); return undefined; }
    const stop = new AbortController();
    set((was) => ({ ...was, busy: true, problem: null }));
    postVerb(verb, JSON.parse(key), { lang, charts: true, signal: stop.signal })
      .then((doc) => set({ doc, problem: null, busy: false }))
      .catch((error) => { if (!stop.signal.aborted) set({ doc: null, problem: problemOf(error), busy: false }); });
    return () => stop.abort();
  }, [verb, key, lang]);
  return state;
}

export function useRows(path, lang) {
  const [state, set] = useState({ doc: null, problem: null, busy: true });
  useEffect(() => {
    if (!path) { set({ doc: null, problem: null, busy: false }); return undefined; }
    const stop = new AbortController();
    set((was) => ({ ...was, busy: true }));
    getJson(path, { lang, signal: stop.signal })
      .then((doc) => set({ doc, problem: null, busy: false }))
      .catch((error) => { if (!stop.signal.aborted) set({ doc: null, problem: problemOf(error), busy: false }); });
    return () => stop.abort();
  }, [path, lang]);
  return state;
}

// Rows of an answer that is a list, or an object that holds one.
export const rowsOf = (doc) => (Array.isArray(doc) ? doc : doc ? doc.rows || doc.records || doc.kinds || [] : []);

function Control({ field, value, set }) {
  const id = `f-${field.name}`;
  const common = { id, name: field.name, "aria-describedby": field.hint ? `${id}-hint` : undefined };
  const change = (event) => set(field.name, event.target.value);
  let control;
  if (field.options) {
    control = html`<select ...${common} value=${value} onChange=${change}>
      ${field.options.map((o) => html`<option value=${o.value} selected=${o.value === value}>${o.text}</option>`)}</select>`;
  } else if (field.check) {
    return html`<p class="pn-field pn-check"><input type="checkbox" ...${common} checked=${value === "1"}
      onChange=${(e) => set(field.name, e.target.checked ? "1" : "")} /><label for=${id}>${field.label}</label></p>`;
  } else {
    control = html`<input ...${common} value=${value} type="text" required=${field.required} autocomplete="off"
      spellcheck="false" inputmode=${field.number ? "decimal" : undefined} placeholder=${field.placeholder}
      list=${field.list ? `${id}-list` : undefined} onInput=${change} />
      ${field.list && html`<datalist id=${`${id}-list`}>${field.list.map((v) => html`<option value=${v} />`)}</datalist>`}`;
  }
  return html`<p class="pn-field"><label for=${id}>${field.label}</label>${control}
    ${field.hint && html`<small id=${`${id}-hint`}>${field.hint}</small>`}</p>`;
}

// Fields whose values are the URL's. Typing changes the draft; Enter or the button asks.
export function Form({ fields, more = [], query, go, label }) {
  const [draft, setDraft] = useState(query);
  const said = JSON.stringify(query);
  useEffect(() => setDraft(JSON.parse(said)), [said]);
  const set = (name, value) => setDraft((was) => ({ ...was, [name]: value }));
  const show = (field) => html`<${Control} key=${field.name} field=${field} value=${draft[field.name] || ""} set=${set} />`;
  const submit = (event) => { event.preventDefault(); go(clean(draft)); };
  const changed = more.filter((f) => draft[f.name]).length;
  return html`<form class="pn-form" onSubmit=${submit} aria-label=${t("Question")}>
    ${fields.map(show)}
    ${more.length > 0 && html`<details open=${changed > 0}><summary>${t("More ({n} changed)", { n: changed })}</summary>
      ${more.map(show)}</details>`}
    <p><button type="submit" class="primary">${label || t("Answer")}</button></p></form>`;
}

export const clean = (query) => Object.fromEntries(Object.entries(query).filter(([, v]) => v !== "" && v !== undefined));

// Where an answer stands: busy and problem as one line each, read out; the answer below, greyed while a newer one runs.
export function Result({ state, empty, children }) {
  const { doc, problem, busy } = state;
  return html`<section class="pn-result" aria-busy=${busy ? "true" : "false"}>
    <div role="status" aria-live="polite" class="pn-status">${busy ? t("Computing...") : ""}</div>
    ${problem && html`<p class="problem" role="alert">${problemLine(problem)}</p>`}
    ${!doc && !problem && !busy && html`<p class="pn-empty">${empty}</p>`}
    ${doc && html`<div class=${busy ? "pn-old" : ""}>${children(doc)}</div>`}</section>`;
}

export function problemLine(problem) {
  const where = problem.where ? `${problem.where}: ` : "";
  return `${where}${problem.what || problem.detail || problem.title || ""}${problem.fix ? ` (${problem.fix})` : ""}`;
}

export const Verdict = ({ text, children }) => html`<h2 class="verdict pn-verdict">${text}</h2>${children}`;

function csvOf(columns, rows) {
  // A cell that a spreadsheet would run is led by a quote.
  const cell = (v) => {
    const text = v === null || v === undefined ? "" : String(v);
    const safe = typeof v !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const raw = (row, c) => (c.raw ? c.raw(row) : row[c.key]);
  return [columns.map((c) => cell(c.head)).join(","), ...rows.map((r) => columns.map((c) => cell(raw(r, c))).join(","))].join("\r\n");
}

export function download(name, text, type = "text/csv") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// columns: {key, head, number, cell: row -> content, raw: row -> value for sorting and CSV}
export function DataTable({ caption, columns, rows, name, limit = 500, csv }) {
  const [sort, setSort] = useState({ at: -1, down: false });
  const raw = (row, c) => (c.raw ? c.raw(row) : row[c.key]);
  const shown = sort.at < 0 ? rows : [...rows].sort((a, b) => order(raw(a, columns[sort.at]), raw(b, columns[sort.at])) * (sort.down ? -1 : 1));
  const head = (c, at) => {
    const way = sort.at === at ? (sort.down ? "descending" : "ascending") : undefined;
    const mark = way === "descending" ? " ↓" : way ? " ↑" : "";
    return html`<th scope="col" class=${c.number ? "num" : ""} aria-sort=${way}><button type="button" class="pn-sort"
      onClick=${() => setSort({ at, down: sort.at === at ? !sort.down : false })}>${c.head}${mark}</button></th>`;
  };
  const line = (row) => html`<tr>${columns.map((c, i) => {
    const content = c.cell ? c.cell(row) : row[c.key];
    const kind = c.number ? "num" : /^\d{4}-\d{2}/.test(content) ? "pn-date" : "";
    return i === 0 ? html`<th scope="row" class=${kind}>${content}</th>` : html`<td class=${kind}>${content}</td>`;
  })}</tr>`;
  return html`<div class="pn-table" tabindex="0" role="region" aria-label=${caption}><table><caption>${caption}</caption>
    <thead><tr>${columns.map(head)}</tr></thead><tbody>${shown.slice(0, limit).map(line)}</tbody></table></div>
    <p class="pn-tools"><button type="button" onClick=${() => download(`${name}.csv`, csv ? csvOf(csv.columns, csv.rows) : csvOf(columns, rows))}>${t("CSV")}</button>
    ${rows.length > limit && html`<span>${t("{shown} of {all} rows shown; all are in the CSV", { shown: limit, all: rows.length })}</span>`}</p>`;
}

function order(a, b) {
  const [x, y] = [Number.parseFloat(a), Number.parseFloat(b)];
  if (typeof a === "number" || typeof b === "number") return (Number.isNaN(x) ? -Infinity : x) - (Number.isNaN(y) ? -Infinity : y);
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}

export function CopyButton({ text, label }) {
  const [done, set] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); set(true); setTimeout(() => set(false), 2000); } catch { set(false); }
  };
  return html`<button type="button" onClick=${copy}>${label || t("Copy")}</button>
    <span role="status">${done ? t("Copied") : ""}</span>`;
}

export const Command = ({ text }) => html`<p class="pn-command"><code tabindex="0">${text}</code> <${CopyButton} text=${text} /></p>`;

export function Charts({ charts, names }) {
  const known = (names || Object.keys(charts || {})).filter((n) => charts && charts[n]);
  return html`${known.map((n) => html`<${Chart} key=${n} name=${n} spec=${charts[n]} />`)}`;
}

// One shell word.
export const word = (text) => (/^[A-Za-z0-9_.,:=@%+/-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);
export const listOf = (text, by = /[\s,]+/) => (text || "").split(by).map((v) => v.trim()).filter(Boolean);
export const setsOf = (text) => listOf(text, /[;\n]+/);
const WHOLE = ["input_tokens", "output_tokens", "concurrency", "seed", "year", "draws", "requests", "max_context", "cached_input_tokens"];
const REAL = ["power_limit_w", "rate_per_s"];

// Copies what was said from the URL into a question, numbers as numbers where they read as one.
export function said(query, names) {
  const out = {};
  for (const name of names) {
    const value = query[name];
    if (value === undefined || value === "") continue;
    const asNumber = Number(value);
    out[name] = (WHOLE.includes(name) || REAL.includes(name)) && Number.isFinite(asNumber) ? asNumber : value;
  }
  return out;
}

export const SERVING = ["workload", "input_tokens", "output_tokens", "concurrency", "slo", "engine", "power_limit_w", "seed"];

export function servingBody(query) {
  const body = { model: query.model, ...said(query, SERVING) };
  const precision = Object.fromEntries(listOf(query.precision).map((p) => p.split("=")).filter((p) => p.length === 2));
  if (Object.keys(precision).length) body.precision = precision;
  if (query.serving) body.serving = listOf(query.serving);
  if (query.set) body.overrides = setsOf(query.set);
  return body;
}

export function servingFields(query) {
  return [
    { name: "input_tokens", label: t("Input tokens"), number: true, placeholder: "4000" },
    { name: "output_tokens", label: t("Output tokens"), number: true, placeholder: "1000" },
    { name: "concurrency", label: t("Requests in flight"), number: true },
    { name: "slo", label: t("Service levels"), placeholder: "ttft=2s,tpot=50ms" },
  ];
}

export function servingMore() {
  return [
    { name: "precision", label: t("Precision"), placeholder: "weights=fp8,kv=bf16" },
    { name: "serving", label: t("Serving"), options: [
      { value: "", text: t("either") }, { value: "colocated", text: t("colocated") },
      { value: "disaggregated", text: t("disaggregated") }] },
    { name: "workload", label: t("Workload") },
    { name: "engine", label: t("Engine") },
    { name: "power_limit_w", label: t("Power limit (W)"), number: true },
    { name: "set", label: t("Overrides"), hint: t("PATH=VALUE, several with a semicolon"), placeholder: "chip.memory=96GB" },
    { name: "seed", label: t("Seed"), number: true, placeholder: "0" },
  ];
}

export function link(panel, query) {
  return `?${new URLSearchParams({ q: panel, ...clean(query) })}`;
}
export { html, useState, useEffect, useRef, t };
