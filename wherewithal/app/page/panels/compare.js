// The panel Compare: one model on several systems, and what would flip their order.
import { html } from "../vendor/preact-htm.js";
import { t } from "../t.js";
import { number } from "../format.js";
import { Download, Table } from "../ui.js";
import { Chart } from "../charts.js";
import { address } from "../state.js";
import { DEFAULTS, asked, fields } from "./serving.js";

const systems = (state) => state.on.split(/[\s]+/).filter(Boolean);

function Answer({ document, state }) {
  const names = systems(state);
  const rows = document.rows.map((row) => ({ measure: `${t(row.name)}${row.unit ? ` [${row.unit}]` : ""}`, ...cells(row, names) }));
  const columns = [{ key: "measure", label: "what" }, ...names.map((name) => ({ key: name, label: name, right: true }))];
  return html`<h2 class="verdict">${document.verdict}</h2>
    <${Table} rows=${rows} columns=${columns} caption=${t("Side by side; a ratio is to the first system, < is the best of a row")} />
    <div class="tools"><${Download} name="compare" rows=${rows} /></div>
    ${document.flips?.length > 0 && html`<section><h3>${t("What would flip the order")}</h3><ul>${document.flips.map((flip) => html`<li>${flip.text}</li>`)}</ul></section>`}
    ${Object.entries(document.charts || {}).map(([name, spec]) => html`<${Chart} key=${name} name=${name} spec=${spec} />`)}
    <ul>${names.map((name) => html`<li><a href=${address({ ...state, q: "plan", on: name })}>${t("the plan on {system}", { system: name })}</a></li>`)}</ul>
    ${document.notes?.length > 0 && html`<ul class="hint">${document.notes.map((n) => html`<li>${n}</li>`)}</ul>`}`;
}

function cells(row, names) {
  const first = row.values[0]?.value ?? row.values[0];
  return Object.fromEntries(names.map((name, i) => {
    const value = row.values[i]?.value ?? row.values[i];
    const ratio = i && typeof value === "number" && first ? ` (${number(value / first, 2)}×)` : "";
    return [name, `${typeof value === "number" ? number(value) : value ?? "–"}${ratio}${row.winner === i ? " <" : ""}`];
  }));
}

export default {
  id: "compare", title: "Compare", defaults: { ...DEFAULTS, on: "h100-8 h20-8 mi300x-8" }, Answer,
  asked: (state) => ({ ...asked(state), on: systems(state) }),
  fields: (meta) => [
    { key: "model", label: "Model", options: meta.models }, { key: "on", label: "Systems", hint: "names with spaces between: h100-8 h20-8:16" }, ...fields(meta),
  ],
};
