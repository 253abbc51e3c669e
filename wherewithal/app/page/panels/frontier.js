// The panel Frontier: who leads in model quality, by how much and since when.
import { html } from "../vendor/preact-htm.js";
import { t } from "../t.js";
import { number } from "../format.js";
import { Download, Table } from "../ui.js";
import { Chart } from "../charts.js";

const band = (b) => (b ? `${number(b.value, 2)}${b.low == null ? "" : ` (${number(b.low, 2)} – ${number(b.high, 2)})`}` : "–");

function Index({ view }) {
  const leaders = view.leaders.map((l) => ({ group: l.group, model: l.best.model, maker: l.best.maker, date: l.best.date, score: band(l.best), points: band(l.points), months: band(l.months) }));
  return html`<section><h3>${view.title}</h3><p class="say">${t("data of {date}; {credit}", { date: view.data_date, credit: view.credit })}</p>
    <${Table} rows=${leaders} caption=${t("Leaders; the gap is to the best of all others")} columns=${[["group", "group"], ["model", "model"], ["maker", "maker"], ["date", "date"], ["score", "score"], ["points", "points ahead"], ["months", "months ahead"]].map(([key, label]) => ({ key, label }))} />
    <div class="tools"><${Download} name=${`leaders-${view.index}`} rows=${leaders} /></div>
    ${view.records.length > 0 && html`<details><summary>${t("Records ({count})", { count: view.records.length })}</summary><${Table} rows=${view.records} caption=${t("Records over time")} columns=${["group", "date", "model", "maker", "value"].map((key) => ({ key, label: key }))} /></details>`}
    <ul class="hint">${view.notes.map((n) => html`<li>${n}</li>`)}</ul></section>`;
}

function Answer({ document }) {
  const runs = document.runs;
  return html`<h2 class="verdict">${document.verdict}</h2><p class="banner">${document.banner}</p>
    ${runs && html`<section><h3>${t("The best model that runs there")}</h3><p>${runs.best ? `${runs.best.model ?? runs.best.name ?? ""}` : t("none of the catalog")}</p></section>`}
    ${Object.entries(document.charts || {}).map(([name, spec]) => html`<${Chart} key=${name} name=${name} spec=${spec} />`)}
    ${document.indices.map((view) => html`<${Index} key=${view.index} view=${view} />`)}`;
}

export default {
  id: "frontier", title: "Frontier", Answer, defaults: { index: "", by: "country", open: "", since: "", outlook: "" },
  asked: (s) => ({ by: s.by, ...(s.index ? { index: s.index } : {}), ...(s.open ? { only_open: true } : {}), ...(s.since ? { since: s.since } : {}), ...(s.outlook ? { outlook: true } : {}) }),
  fields: () => [
    { key: "by", label: "Side by side", kind: "select", options: ["country", "base", "openness", "maker"] }, { key: "index", label: "Index", placeholder: "all" },
    { key: "open", label: "only models whose weights can be had", kind: "check" }, { key: "since", label: "Since", placeholder: "2025-01" }, { key: "outlook", label: "twelve months ahead, in bands", kind: "check" },
  ],
};
