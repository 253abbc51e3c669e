// The panel Fleet: a country's or a company's chips, power and money by year, in bands.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { get } from "../api.js";
import { t } from "../t.js";
import { number, percent } from "../format.js";
import { Download, Table } from "../ui.js";
import { Chart } from "../charts.js";

const STOCK = "Stock|H100e|8-bit|Total";

function Answer({ document, state, submit }) {
  const [variable, setVariable] = useState(state.variable || STOCK);
  useEffect(() => { if (state.variable) setVariable(state.variable); }, [state.variable]);
  if ("interaction" in document) return html`<${Drivers} document=${document} />`;
  const names = [...new Set(document.rows.map((row) => row.variable))];
  const chosen = names.includes(variable) ? variable : names[0];
  const rows = document.rows.filter((row) => row.variable === chosen);
  const last = rows.at(-1);
  const columns = [{ key: "year", label: "year", show: (r) => String(r.year) }, { key: "p5", label: "5%" }, { key: "p25", label: "25%" }, { key: "median", label: "median" }, { key: "p75", label: "75%" }, { key: "p95", label: "95%" }];
  return html`<h2 class="verdict">${t("{what} in {year}: {median} {unit} (90%: {low} – {high})", { what: chosen, year: last.year, median: number(last.median), unit: last.unit, low: number(last.p5), high: number(last.p95) })}</h2>
    <p class="banner">${document.banner}</p><p class="say">${document.title}</p>
    <div class="field"><label for="variable">${t("Variable")}</label><select id="variable" onChange=${(e) => { setVariable(e.target.value); submit("variable", e.target.value, false); }}>
      ${names.map((name) => html`<option selected=${name === chosen}>${name}</option>`)}</select></div>
    ${document.charts?.fan && chosen === STOCK && html`<${Chart} name="fan" spec=${document.charts.fan} />`}
    <${Table} rows=${rows} columns=${columns} caption=${`${chosen} [${last.unit}]`} />
    <div class="tools"><${Download} name="fleet" rows=${document.rows} /></div>
    ${document.events?.length > 0 && html`<details><summary>${t("Events it knows")}</summary><ul>${document.events.map((e) => html`<li>${e.date}: ${e.event} <span class="hint">(${e.source})</span></li>`)}</ul></details>`}
    <details><summary>${t("Inputs and sources ({count})", { count: document.inputs.length })}</summary><${Table} rows=${document.inputs} caption=${t("Inputs")} columns=${["input", "unit", "status", "source"].map((key) => ({ key, label: key }))} /></details>
    ${document.left_out?.length > 0 && html`<details><summary>${t("Left out")}</summary><ul>${document.left_out.map((x) => html`<li>${x}</li>`)}</ul></details>`}`;
}

function Drivers({ document }) {
  const rows = document.rows.map((row) => ({ name: row.name, share: percent(row.share), sign: row.sign > 0 ? "+" : "−", status: row.status, source: row.source }));
  const { variable, year } = document.rows[0];
  return html`<h2 class="verdict">${t("What the spread of {what} in {year} comes from", { what: variable, year })}</h2><p class="banner">${document.banner}</p>
    ${document.charts?.drivers && html`<${Chart} name="drivers" spec=${document.charts.drivers} />`}
    <${Table} rows=${rows} caption=${t("Drivers")} columns=${["name", "share", "sign", "status", "source"].map((key) => ({ key, label: key }))} /><${Download} name="drivers" rows=${document.rows} />`;
}

function Ask({ state, submit }) {
  const [names, setNames] = useState([]);
  useEffect(() => { get("/v1/meta").then((meta) => setNames(meta.scenarios || [])); }, []);
  const options = (key, first) => html`<select id=${`s-${key}`} onChange=${(e) => submit(key, e.target.value)}>${first}${names.map((n) => html`<option value=${n} selected=${n === (state[key] || (key === "scenario" ? "china-2030" : ""))}>${n}</option>`)}</select>`;
  return html`<div class="field"><label for="s-scenario">${t("Scenario")}</label>${options("scenario", "")}</div>
    <div class="field"><label for="s-against">${t("Against")}</label>${options("against", html`<option value="">${t("none")}</option>`)}</div>`;
}

export default {
  id: "fleet", title: "Fleet", Answer, Ask, defaults: { scenario: "china-2030", against: "", set: "", drivers: "", variable: "", year: "" },
  asked: (s) => ({
    scenario: s.scenario, ...(s.against ? { against: s.against } : {}), ...(s.set ? { overrides: s.set.split(",").map((x) => x.trim()).filter(Boolean) } : {}),
    ...(s.drivers ? { drivers: true, ...(s.variable ? { variable: s.variable } : {}), ...(s.year ? { year: Number(s.year) } : {}) } : {}),
  }),
  fields: () => [
    { key: "set", label: "Overrides", hint: "power.pue=1.2, …" }, { key: "drivers", label: "what the spread comes from", kind: "check" }, { key: "year", label: "Year of the drivers", kind: "number" },
  ],
};
