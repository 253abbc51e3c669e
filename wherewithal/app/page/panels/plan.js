// The panel Plan: which layouts of a model on a system nothing beats, and the best under the limits.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { t } from "../t.js";
import { number, percent, scaled, seconds } from "../format.js";
import { Band, Table } from "../ui.js";
import { Chart } from "../charts.js";
import { DEFAULTS, asked, fields, stateOf } from "./serving.js";
import { Drop } from "./drop.js";

function layout(pool) {
  const l = pool.layout;
  const parts = [["tp", l.tensor], ["pp", l.pipeline], ["ep", l.expert], ["dp", l.data], ["cp", l.context]];
  return parts.filter(([k, v]) => v > 1 || k === "tp").map(([k, v]) => `${k}${v}`).join(" ");
}

function Figures({ plan, slo }) {
  const spare = (name) => {
    const limit = slo[name]?.limit_s;
    if (!limit) return "";
    const value = plan[`${name}_s`].value, high = plan[`${name}_s`].high;
    const said = t("limit {limit}", { limit: seconds(limit) });
    return value > limit ? `${said}: ${t("missed")}` : `${said}: ${t("met")}${high > limit ? `, ${t("may miss")}` : ""}`;
  };
  const bands = [
    [t("time to first token"), plan.ttft_s, seconds, slo.ttft?.limit_s, spare("ttft")],
    [t("time per output token"), plan.tpot_s, seconds, slo.tpot?.limit_s, spare("tpot")],
    [t("output tokens"), plan.output_tokens_per_s, (v) => `${number(v)} tok/s`, null, t("{rate} tok/s per chip", { rate: number(plan.output_tokens_per_s_per_chip.value) })],
    [t("power"), plan.power_w, (v) => scaled(v, "W"), null, plan.joules_per_output_token && t("{joules} J per token", { joules: number(plan.joules_per_output_token.value, 2) })],
    [t("cost"), plan.usd_per_million_output_tokens, (v) => `${number(v, 2)} USD/Mtok`, null, plan.usd_per_hour == null ? "" : `${number(plan.usd_per_hour)} USD/h`],
  ];
  return html`<dl class="bands">${bands.map(([label, figure, show, limit, note]) => html`<${Band} label=${label} figure=${figure} show=${show} limit=${limit} note=${note} evidence=${plan.evidence} />`)}</dl>
    <p class="evidence ${plan.evidence}">${t("evidence")}: ${t(plan.evidence)}. ${t("In brackets: 80% intervals.")}</p>`;
}

function Pools({ plan }) {
  const rows = plan.pools.map((pool) => ({
    role: t(pool.role), chips: pool.chips, replicas: pool.replicas, layout: layout(pool), batch: pool.batch_per_replica,
    step: seconds(pool.step_s), precision: ["weights", "activations", "kv"].map((k) => pool.precision[k]).join(" / "),
    bound: (plan.bound_by[pool.role] ? [plan.bound_by[pool.role]] : Object.values(plan.bound_by)).map((said) => said.replace(/^[a-z]+/, (word) => t(word))).join("; "),
  }));
  const label = { role: "pool", bound: "bound by", precision: "weights / activations / KV" };
  return html`<${Table} rows=${rows} caption=${t("Layout")} columns=${Object.keys(rows[0]).map((key) => ({ key, label: label[key] || key }))} />`;
}

function WhyNot({ limits, state, submit }) {
  return html`<section><h3>${t("Why not, and the cheapest change of each kind")}</h3>${limits.map((limit) => html`<div class="limit">
    <p><strong>${t(limit.limit)}</strong>: ${limit.text}</p>
    <ul>${limit.fix.map((fix) => html`<li><button type="button" onClick=${() => submit(null, stateOf(fix.command, state))}>${fix.change}</button> ${fix.result}</li>`)}</ul></div>`)}</section>`;
}

function Levers({ levers, state, submit }) {
  return html`<ul class="levers">${levers.map((lever) => html`<li>${lever.command
    ? html`<button type="button" onClick=${() => submit(null, stateOf(lever.command, state))}>${lever.change}</button>` : html`<span>${lever.change}</span>`}
    ${lever.effect != null && html` <strong>${lever.effect > 0 ? "+" : ""}${percent(lever.effect)} tok/s</strong>`} ${lever.text}</li>`)}</ul>`;
}

function Card({ plan }) {
  return html`<dl class="card" aria-live="polite"><div><dt>${t("serving")}</dt><dd>${t(plan.serving)}</dd></div>
    <div><dt>${t("layout")}</dt><dd>${plan.pools.map((p) => `${t(p.role)}: ${p.replicas}× ${layout(p)}`).join("; ")}</dd></div>
    <div><dt>TTFT</dt><dd>${seconds(plan.ttft_s.value)}</dd></div><div><dt>TPOT</dt><dd>${seconds(plan.tpot_s.value)}</dd></div>
    <div><dt>${t("tok/s per user")}</dt><dd>${number(plan.tokens_per_s_per_user)}</dd></div>
    <div><dt>${t("tok/s per chip")}</dt><dd>${number(plan.output_tokens_per_s_per_chip.value)}</dd></div>
    <div><dt>${t("limits")}</dt><dd>${plan.feasible ? t("met") : t("missed")}</dd></div></dl>`;
}

export function Frontier({ rows }) {
  const columns = [
    { key: "user", label: "tok/s per user" }, { key: "chip", label: "tok/s per chip" }, { key: "ttft", label: "TTFT", right: true }, { key: "tpot", label: "TPOT", right: true },
    { key: "joules", label: "J per token" }, { key: "usd", label: "USD/Mtok" }, { key: "serving", label: "serving" }, { key: "layout", label: "layout" }, { key: "meets", label: "limits" },
  ];
  const made = rows.map((p) => ({
    user: p.tokens_per_s_per_user, chip: p.output_tokens_per_s_per_chip.value, ttft: seconds(p.ttft_s.value), tpot: seconds(p.tpot_s.value), joules: p.joules_per_output_token?.value ?? null,
    usd: p.usd_per_million_output_tokens?.value ?? null, serving: t(p.serving), layout: p.pools.map(layout).join(" / "), meets: p.feasible ? t("met") : t("missed"),
  }));
  return html`<details><summary>${t("All plans that nothing beats ({count})", { count: rows.length })}</summary><${Table} rows=${made} columns=${columns} caption=${t("Trade-off, fastest per user first")} /></details>`;
}

export function Rest({ document }) {
  return html`<details><summary>${t("Assumptions, notes and sources")}</summary>
    <${Table} rows=${document.assumptions.map((a) => ({ name: a.name, value: a.value, said: a.default ? t("default") : t("given") }))} caption=${t("Assumptions")} columns=${[{ key: "name", label: "what" }, { key: "value", label: "value" }, { key: "said", label: "by" }]} />
    ${document.notes.length > 0 && html`<h4>${t("Notes")}</h4><ul>${document.notes.map((n) => html`<li>${n}</li>`)}</ul>`}
    ${document.weak_figures?.length > 0 && html`<h4>${t("Figures that are only estimated, assumed or unverified")}</h4><ul>${document.weak_figures.map((n) => html`<li>${n}</li>`)}</ul>`}
    <h4>${t("Sources")}</h4><ul class="sources">${document.sources.map((n) => html`<li>${n}</li>`)}</ul></details>`;
}

export function Answer({ document, state, submit }) {
  const start = document.frontier.findIndex((p) => JSON.stringify(p.pools.map((x) => [x.layout, x.batch_per_replica])) === JSON.stringify((document.best || {}).pools?.map((x) => [x.layout, x.batch_per_replica])));
  const [at, setAt] = useState(start);
  useEffect(() => setAt(start), [document]);
  const { charts = {}, best } = document;
  const chart = (name, more = {}) => charts[name] && html`<${Chart} name=${name} spec=${charts[name]} ...${more} />`;
  return html`<h2 class="verdict">${document.verdict}</h2>
    ${document.extra?.quick && html`<p class="note">${t("among the layouts of the last answer; the whole search goes on …")}</p>`}
    ${best ? html`<${Figures} plan=${best} slo=${document.slo} />` : html`<${WhyNot} limits=${document.why_not} state=${state} submit=${submit} />`}
    ${best && html`<${Pools} plan=${best} />`}
    ${chart("tradeoff", { at, onWalk: setAt, count: document.frontier.length })}
    ${document.frontier[at] && html`<${Card} plan=${document.frontier[at]} />`}
    <div class="pair">${chart("memory")}${chart("step")}</div>
    <div class="pair"><div>${chart("levers")}<${Levers} levers=${document.levers} state=${state} submit=${submit} /></div>${chart("funnel")}</div>
    ${document.frontier.length > 0 && html`<${Frontier} rows=${document.frontier} />`}<${Rest} document=${document} />`;
}

export default {
  id: "plan", title: "Plan", defaults: { ...DEFAULTS, file: "" }, asked, Answer, Ask: Drop,
  fields: (meta) => [
    { key: "model", label: "Model", options: meta.models }, { key: "on", label: "System", options: meta.systems, hint: "NAME or NAME:CHIPS" }, ...fields(meta),
  ],
};
