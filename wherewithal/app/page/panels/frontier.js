// Who leads in model quality, by how many months, and the best model that runs on a system.
import {
  html, t, num, quantity, said, word, listOf, useAnswer, useRows, rowsOf, link, Form, Result, Verdict, DataTable, Command, Charts,
} from "./parts.js";

const BY = ["country", "base", "openness", "maker"];

export default function Frontier({ query, go, lang }) {
  const asked = Object.keys(query).some((k) => k !== "q" && query[k]);
  const state = useAnswer("frontier", asked ? question(query) : { by: "country" }, lang);
  const systems = rowsOf(useRows("/v1/catalog/systems", lang).doc).map((r) => r.name);
  const indices = state.doc ? state.doc.indices.map((i) => i.index) : [];
  const fields = [
    { name: "index", label: t("Index"), list: indices, hint: t("empty: all, the first in detail") },
    { name: "by", label: t("Set side by side"), options: BY.map((v, i) => ({ value: i ? v : "", text: t(v) })) },
    { name: "only_open", label: t("Only open weights"), check: true },
    { name: "since", label: t("Since"), placeholder: "2025-01" },
    { name: "outlook", label: t("Twelve months ahead (outlook)"), check: true },
    { name: "on", label: t("Best that runs on"), list: systems, placeholder: "h20-8" },
  ];
  const more = [
    { name: "slo", label: t("Service levels"), placeholder: "ttft=2s,tpot=50ms" },
    { name: "precision", label: t("Precision"), placeholder: "weights=int4" },
    { name: "seed", label: t("Seed"), number: true, placeholder: "0" },
  ];
  return html`<div class="pn"><${Form} fields=${fields} more=${more} query=${query} go=${go} label=${t("Answer")} />
    <div class="pn-main"><${Result} state=${state} empty=${t("Choose an index.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} />`}<//></div></div>`;
}

function question(query) {
  const body = said(query, ["index", "by", "since", "on", "slo", "seed"]);
  if (query.only_open) body.only_open = true;
  if (query.outlook) body.outlook = true;
  const precision = Object.fromEntries(listOf(query.precision).map((p) => p.split("=")).filter((p) => p.length === 2));
  return Object.keys(precision).length ? { ...body, precision } : body;
}

function command(query) {
  const parts = ["wherewithal frontier"];
  for (const name of ["index", "by", "since", "on", "slo", "precision", "seed"]) if (query[name]) parts.push(`--${name}`, word(query[name]));
  if (query.only_open) parts.push("--open");
  if (query.outlook) parts.push("--outlook");
  return parts.join(" ");
}

const band = (v, text) => (v ? (v.low === null || v.low === undefined ? `${text}` : `${text} (${t("{low} to {high}", { low: num(v.low), high: num(v.high) })})`) : "-");
const months = (v) => (v ? band(v, num(v.value)) : "-");

export function verdict(doc) {
  const one = doc.indices[0];
  if (!one) return t("No index has a score for this question.");
  const lead = one.lead;
  if (!lead) return t("{index}: {group} leads.", { index: one.title, group: one.leaders.length ? one.leaders[0].group : "-" });
  const holes = { index: one.title, a: lead.a, b: lead.b, date: one.data_date, points: num(lead.points && lead.points.value), months: num(lead.months && lead.months.value),
    low: num(lead.months && lead.months.low), high: num(lead.months && lead.months.high) };
  if (lead.months && lead.months.low !== null && lead.months.low !== undefined) return t("{a} leads {b} by {months} months ({low} to {high}), {points} points on {index}, data to {date}.", holes);
  return lead.months ? t("{a} leads {b} by {months} months, {points} points on {index}, data to {date}.", holes)
    : t("{a} leads {b} by {points} points on {index}, data to {date}.", holes);
}

function Answer({ doc, query }) {
  const one = doc.indices[0];
  return html`${doc.runs && html`<${Runs} runs=${doc.runs} query=${query} />`}
    <${Verdict} text=${verdict(doc)} />
    ${one && html`<p>${one.lead && one.lead.ahead_probability !== null && one.lead.ahead_probability !== undefined && t("Chance that it is ahead: {p}%.", { p: num(100 * one.lead.ahead_probability, 2) })}
      ${one.lead && one.lead.since && ` ${t("Ahead since {date}.", { date: one.lead.since })}`}</p>
    <${Leaders} one=${one} /><${Charts} charts=${doc.charts} />
    ${doc.indices.length > 1 && html`<${Indices} doc=${doc} />`}
    <${Records} one=${one} since=${query.since} />
    ${one.outlook && html`<${Outlook} outlook=${one.outlook} banner=${doc.banner} />`}
    <details><summary>${t("Notes and credit")}</summary><ul>${one.notes.map((n) => html`<li>${n}</li>`)}<li>${one.credit}</li></ul></details>`}
    <${Command} text=${command(query)} />`;
}

function Leaders({ one }) {
  const columns = [{ head: t("group"), key: "group" }, { head: t("best model"), key: "model", raw: (r) => r.best.model, cell: (r) => r.best.model },
    { head: t("points"), key: "value", number: true, raw: (r) => r.best.value, cell: (r) => band(r.best, num(r.best.value, 4)) },
    { head: t("ahead (points)"), key: "points", number: true, raw: (r) => (r.points ? r.points.value : null), cell: (r) => months(r.points) },
    { head: t("ahead (months)"), key: "months", number: true, raw: (r) => (r.months ? r.months.value : null), cell: (r) => months(r.months) },
    { head: t("weights"), key: "open", raw: (r) => String(r.best.open), cell: (r) => (r.best.open ? t("open") : t("closed")) },
    { head: t("released"), key: "date", raw: (r) => r.best.date, cell: (r) => r.best.date }];
  return html`<${DataTable} caption=${t("Leaders on {index}; the lead over the next in points and months, {level}% interval", { index: one.title, level: num(100 * (one.interval_level || 0.9), 2) })} columns=${columns} rows=${one.leaders} name="leaders" />`;
}

function Indices({ doc }) {
  const lead = (get) => (r) => (r.lead && get(r.lead) ? get(r.lead).value : null);
  const columns = [{ head: t("index"), key: "title" }, { head: t("leads"), key: "a", raw: (r) => (r.lead ? r.lead.a : ""), cell: (r) => (r.lead ? r.lead.a : "-") },
    { head: t("over"), key: "b", raw: (r) => (r.lead ? r.lead.b : ""), cell: (r) => (r.lead ? r.lead.b : "-") },
    { head: t("ahead (points)"), key: "p", number: true, raw: lead((l) => l.points), cell: (r) => months(r.lead && r.lead.points) },
    { head: t("ahead (months)"), key: "m", number: true, raw: lead((l) => l.months), cell: (r) => months(r.lead && r.lead.months) },
    { head: t("data to"), key: "data_date" }];
  return html`<${DataTable} caption=${t("By index, each on its own scale")} columns=${columns} rows=${doc.indices} name="indices" />`;
}

function Records({ one, since }) {
  const rows = one.records.filter((r) => !since || r.date >= since);
  const columns = [{ head: t("date"), key: "date" }, { head: t("group"), key: "group" }, { head: t("model"), key: "model" }, { head: t("maker"), key: "maker" },
    { head: t("points"), key: "value", number: true, cell: (r) => band(r, num(r.value, 4)) }, { head: t("source"), key: "source" }];
  return html`<details><summary>${t("Records ({n})", { n: rows.length })}</summary><${DataTable} caption=${t("Records of each group")} columns=${columns} rows=${rows} name="records" /></details>`;
}

function Outlook({ outlook, banner }) {
  const at = (level) => outlook.fans.length ? outlook.fans[0].levels.findIndex((l) => Math.abs(l - level) < 1e-9) : -1;
  const q = (level) => (r) => r.quantiles[at(level)];
  const cell = (level) => (r) => num(q(level)(r), 4);
  const columns = [{ head: t("day"), key: "day" }, { head: t("group"), key: "group" }, ...[[0.05, t("low (5%)")], [0.5, t("median")], [0.95, t("high (95%)")]].filter(([l]) => at(l) >= 0)
    .map(([l, head]) => ({ head, key: `q${l}`, number: true, raw: q(l), cell: cell(l) })), { head: t("chance to lead"), key: "leads", number: true, cell: (r) => `${num(100 * r.leads, 2)}%` }];
  return html`<h3>${t("Outlook")}</h3><p class="pn-banner"><strong>${banner}</strong></p>
    <${DataTable} caption=${t("Outlook by month and group")} columns=${columns} rows=${outlook.fans} name="outlook" />`;
}

function Runs({ runs, query }) {
  const best = runs.best || (runs.tried || []).find((r) => r.runs);
  const name = (r) => (r.model && r.model.name ? r.model.name : r.name || r.model);
  const points = (r) => (r.model && r.model.value !== undefined ? r.model.value : r.value);
  const text = best ? t("Best model that runs on {on}: {model}, {points} points.", { on: runs.on, model: name(best), points: num(points(best), 4) })
    : t("Not feasible: none of {n} models with a score runs on {on}.", { n: runs.rated, on: runs.on });
  const columns = [{ head: t("model"), key: "name", raw: name, cell: (r) => html`<a href=${link("plan", { model: name(r), on: runs.on, slo: query.slo })}>${name(r)}</a>` },
    { head: t("points"), key: "points", number: true, raw: points, cell: (r) => num(points(r), 4) }, { head: t("runs"), key: "runs", raw: (r) => String(Boolean(r.runs)), cell: (r) => (r.runs ? `✓ ${t("yes")}` : `✗ ${t("no")}`) },
    { head: "tok/s", key: "output_tokens_per_s", number: true, raw: (r) => valueOf(r.output_tokens_per_s), cell: (r) => num(valueOf(r.output_tokens_per_s)) },
    { head: "TPOT", key: "tpot_s", number: true, raw: (r) => valueOf(r.tpot_s), cell: (r) => quantity(valueOf(r.tpot_s), "s") }, { head: t("why not"), key: "why" }];
  return html`<${Verdict} text=${text} /><${DataTable} caption=${t("Models by score, planned on {on}", { on: runs.on })} columns=${columns} rows=${runs.tried || []} name="runs" />`;
}

const valueOf = (v) => (v && typeof v === "object" ? v.value : v);
