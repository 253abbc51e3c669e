// Systems side by side: who leads, measures by system with the ratio to the first, what would flip the order.
import {
  html, t, num, quantity, range, link, listOf, useAnswer, useRows, rowsOf, servingBody, servingFields, servingMore,
  Form, Result, Verdict, DataTable, Command, Charts, clean, useState,
} from "./parts.js";

const COST = "cost per million output tokens";
const SPEED = "output tokens per s per chip";

export default function Compare({ query, go, lang }) {
  const systems = listOf(query.on);
  const body = query.model && systems.length > 1 ? { ...servingBody(query), on: systems } : null;
  const state = useAnswer("compare", body, lang);
  const names = rowsOf(useRows("/v1/catalog/systems", lang).doc).map((r) => r.name);
  const models = rowsOf(useRows("/v1/catalog/models", lang).doc).map((r) => r.name);
  const fields = [
    { name: "model", label: t("Model"), required: true, list: models, placeholder: "qwen3-8b" },
    { name: "on", label: t("Systems"), required: true, hint: t("up to eight, with commas; SYSTEM:CHIPS for a size"), placeholder: "h100-8,h20-8" },
    ...servingFields(query),
  ];
  return html`<div class="pn">
    <${Form} fields=${fields} more=${servingMore()} query=${query} go=${go} label=${t("Compare")} />
    <div class="pn-main"><${Columns} systems=${systems} names=${names} query=${query} go=${go} />
    <${Result} state=${state} empty=${t("Give a model and two or more systems.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} />`}<//></div></div>`;
}

// A chip for each column with a button that takes it away, and a field that adds one.
function Columns({ systems, names, query, go }) {
  const [extra, setExtra] = useState("");
  const with_ = (list) => go(clean({ ...query, on: list.join(",") }));
  const add = (event) => { event.preventDefault(); if (extra) { with_([...systems, extra.trim()]); setExtra(""); } };
  return html`<form class="pn-columns" onSubmit=${add} aria-label=${t("Columns")}>
    ${systems.map((s, at) => html`<span class="pn-chip">${s} <button type="button" aria-label=${t("Remove {name}", { name: s })}
      onClick=${() => with_(systems.filter((_, i) => i !== at))}>×</button></span>`)}
    <label for="add-system">${t("Add a system")}</label>
    <input id="add-system" list="add-system-list" value=${extra} autocomplete="off" onInput=${(e) => setExtra(e.target.value)} />
    <datalist id="add-system-list">${names.map((n) => html`<option value=${n} />`)}</datalist>
    <button type="submit" disabled=${systems.length >= 8}>${t("Add")}</button></form>`;
}

// Who leads, by what, by how much: by cost per token where prices are known, else by speed per chip.
export function verdict(doc) {
  const model = doc.answers.length ? doc.answers[0].model.name : "";
  const able = doc.systems.filter((_, i) => doc.answers[i].best);
  if (!able.length) return t("Not feasible: {model} meets the question on none of {systems}.", { model, systems: doc.systems.join(", ") });
  if (able.length === 1) return t("{model}: only {system} of {n} systems has an answer.", { model, system: able[0], n: doc.systems.length });
  const wanted = [COST, ...doc.rows.map((r) => r.name).filter((n) => n.startsWith("tokens per s per chip at")), SPEED];
  const row = wanted.map((n) => doc.rows.find((r) => r.name === n)).find((r) => r && r.winner !== null && r.values.filter(Boolean).length > 1);
  if (!row) return t("{model}: {n} of {all} systems have an answer.", { model, n: able.length, all: doc.systems.length });
  const ordered = row.values.map((v, i) => ({ v, name: doc.systems[i] })).filter((x) => x.v).sort((a, b) => a.v.value - b.v.value);
  if (row.better === "high") ordered.reverse();
  const [best, second] = ordered;
  const least = Math.min(best.v.value, second.v.value);
  const holes = { model, best: best.name, other: second.name, ratio: num(least > 0 ? Math.max(best.v.value, second.v.value) / least : 0, 2) };
  return row.name === COST
    ? t("{model}: {best} costs least per token, {ratio} times better than {other}.", holes)
    : t("{model}: {best} gives the most tokens/s per chip, {ratio} times better than {other}.", holes);
}

function Answer({ doc, query }) {
  const columns = [
    { head: t("measure"), key: "name", cell: (r) => t(r.name) },
    ...doc.systems.map((name, at) => ({ head: name, key: name, number: true, raw: (r) => (r.values[at] ? r.values[at].value : null), cell: (r) => cell(r, at) })),
  ];
  const csv = { columns: [{ head: "measure", key: "name" }, { head: "unit", key: "unit" }, ...doc.systems.flatMap((name, at) => ["value", "low", "high"].map((k) => ({
    head: k === "value" ? name : `${name} ${k}`, raw: (r) => (r.values[at] ? r.values[at][k] : null) })))], rows: doc.rows };
  const rest = Object.fromEntries(Object.entries(query).filter(([k]) => k !== "on"));
  return html`<${Verdict} text=${verdict(doc)} />
    <${DataTable} caption=${t("Measures by system: value, 80% range, ratio to the first system")} columns=${columns} rows=${doc.rows.filter((r) => r.values.some(Boolean))} name="compare" csv=${csv} />
    <ul class="pn-list">${doc.systems.map((name, at) => html`<li><a href=${link("plan", { ...rest, on: name })}>${t("Plan of {name}", { name })}</a>${why(doc.answers[at])}</li>`)}</ul>
    <${Flips} flips=${doc.flips} />
    <${Charts} charts=${doc.charts} />
    ${doc.notes.length > 0 && html`<details><summary>${t("Notes ({n})", { n: doc.notes.length })}</summary><ul>${doc.notes.map((n) => html`<li>${n}</li>`)}</ul></details>`}
    <${Command} text=${doc.command} />`;
}

function cell(row, at) {
  const value = row.values[at];
  if (!value) return "-";
  const first = row.values.find(Boolean);
  const ratio = at > 0 && first.value ? ` ${num(value.value / first.value, 2)}×` : "";
  const told = new Set(row.values.filter(Boolean).map((v) => num(v.value)));
  const best = row.winner === at && row.better && told.size > 1;
  return html`<strong>${quantity(value.value, row.unit)}</strong>${best && html` <span class="pn-best">◀ ${t("best")}</span>`}<br />
    <small>${value.low === value.high ? "" : range(value.low, value.high, row.unit)}${ratio}</small>`;
}

function why(answer) {
  if (answer.best) return html`: ${t("{chips} chips", { chips: answer.best.chips })}, ${t(answer.best.serving)}, ${t("evidence")}: ${t(answer.best.evidence)}`;
  const first = answer.why_not[0];
  return html`: ${t("no answer")}. ${first ? first.text : t("no layout was legal")}
    ${first && first.fix.slice(0, 1).map((f) => html` ${f.change}: ${f.result} <code>${f.command}</code>`)}`;
}

function Flips({ flips }) {
  const part = (title, said) => said.length > 0 && html`<h3>${title}</h3><ul>${said.map((f) => html`<li>${f.text}</li>`)}</ul>`;
  return html`${part(t("Flips when"), flips.filter((f) => f.at !== null))}${part(t("Holds otherwise"), flips.filter((f) => f.at === null))}`;
}
