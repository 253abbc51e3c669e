// The panel Claims: published claims computed again, each with a verdict.
import { html, useState } from "../vendor/preact-htm.js";
import { t } from "../t.js";
import { number } from "../format.js";
import { Table } from "../ui.js";
import { Chart } from "../charts.js";

const MARK = { holds: "✓", contradicted: "✗" };
const figure = (f) => f.text || `${number(f.value)}${f.low == null ? "" : ` (${number(f.low)} – ${number(f.high)})`} ${f.unit}`;

function Claim({ claim }) {
  const rows = claim.bases.map((b) => ({ basis: b.name, holds: b.holds ? t("true") : t("not true"), sure: b.sure ? t("over all its interval") : t("in part of its interval") }));
  const columns = (names) => names.map((key) => ({ key, label: key }));
  return html`<article class="claim"><h3>${claim.id}: ${claim.claim}</h3><p class="say">${claim.who}, ${claim.when}</p>
    <p><strong class="mark">${MARK[claim.verdict] || "◐"} ${t(claim.verdict)}</strong>. ${t("printed: {printed}; ours: {ours}", { printed: claim.claimed.text, ours: `${figure(claim.figure)} — ${claim.figure.label}` })}</p>
    <details><summary>${t("Bases, figures, inputs")}</summary>
      <${Table} rows=${rows} caption=${t("On which basis it is true")} columns=${columns(["basis", "holds", "sure"])} />
      <${Table} rows=${claim.figures.map((f) => ({ figure: f.label, basis: f.basis, value: figure(f), known: t(f.known) }))} caption=${t("Our figures")} columns=${columns(["figure", "basis", "value", "known"])} />
      ${claim.inputs?.length > 0 && html`<${Table} rows=${claim.inputs.map((i) => ({ input: i.name ?? i.label, value: i.text ?? i.value, known: i.known, source: i.source ?? (i.sources || []).join("; ") }))} caption=${t("Inputs")} columns=${columns(["input", "value", "known", "source"])} />`}</details></article>`;
}

function Answer({ document }) {
  const verdicts = [...new Set(document.claims.map((c) => c.verdict))];
  const [only, setOnly] = useState("");
  const tally = verdicts.map((v) => `${t(v)} ${document.claims.filter((c) => c.verdict === v).length}`).join(", ");
  return html`<h2 class="verdict">${t("{count} claims: {tally}", { count: document.claims.length, tally })}</h2><p class="say">${document.title}. ${document.about}</p>
    <div class="field"><label for="only">${t("Verdict")}</label><select id="only" onChange=${(e) => setOnly(e.target.value)}><option value="">${t("all")}</option>${verdicts.map((v) => html`<option value=${v}>${t(v)}</option>`)}</select></div>
    ${Object.entries(document.charts || {}).map(([name, spec]) => html`<${Chart} key=${name} name=${name} spec=${spec} />`)}
    ${document.claims.filter((c) => !only || c.verdict === only).map((c) => html`<${Claim} key=${c.id} claim=${c} />`)}`;
}

export default {
  id: "claims", title: "Claims", Answer, defaults: { name: "wsj-2025-08", only: "" },
  asked: (s) => ({ name: s.name, ...(s.only ? { only: s.only.split(/[\s,]+/).filter(Boolean) } : {}) }),
  fields: () => [{ key: "name", label: "List" }, { key: "only", label: "Only these", hint: "C04, C16" }],
};
