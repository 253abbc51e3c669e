// A scenario's chips, power, money and people by year: conditional on the scenario, not a forecast.
import {
  html, t, num, said, setsOf, word, useAnswer, useRows, rowsOf, Form, Result, Verdict, DataTable, Command, Charts, useState,
} from "./parts.js";

const STOCK = "Stock|H100e|8-bit|Total";

export default function Fleet({ query, go, lang }) {
  const body = query.scenario ? question(query) : null;
  const state = useAnswer("fleet", body, lang);
  const scenarios = rowsOf(useRows("/v1/catalog/scenarios", lang).doc).map((r) => r.name);
  const found = state.doc && !query.drivers ? [...new Set(state.doc.rows.map((r) => r.variable))] : [];
  const pick = (name, label, blank) => scenarios.length
    ? { name, label, options: [{ value: "", text: blank }, ...scenarios.map((s) => ({ value: s, text: s }))] }
    : { name, label };
  const fields = [
    { ...pick("scenario", t("Scenario"), t("choose")), required: true },
    pick("against", t("Less (against)"), t("none")),
    { name: "variable", label: t("Variable"), list: found, placeholder: STOCK },
    { name: "drivers", label: t("What makes the spread (drivers)"), check: true },
  ];
  const more = [
    { name: "year", label: t("Year (of the drivers)"), number: true },
    { name: "set", label: t("Scenario knobs"), hint: t("PATH=VALUE, several with a semicolon"), placeholder: "power.pue=1.2; last_year=2028" },
    { name: "draws", label: t("Draws"), number: true, placeholder: "4096" },
    { name: "seed", label: t("Seed"), number: true, placeholder: "0" },
  ];
  return html`<div class="pn"><${Form} fields=${fields} more=${more} query=${query} go=${go} label=${t("Run the scenario")} />
    <div class="pn-main"><${Result} state=${state} empty=${t("Choose a scenario.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} go=${go} />`}<//></div></div>`;
}

function question(query) {
  const body = said(query, ["scenario", "against", "variable", "year", "draws", "seed"]);
  if (query.drivers) body.drivers = true;
  if (query.set) body.overrides = setsOf(query.set);
  return body;
}

function command(query) {
  const parts = ["wherewithal fleet", word(query.scenario)];
  if (query.against) parts.push("--against", word(query.against));
  if (query.drivers) parts.push("--drivers");
  for (const name of ["variable", "year", "draws", "seed"]) if (query[name]) parts.push(`--${name}`, word(query[name]));
  for (const pair of setsOf(query.set)) parts.push("--set", word(pair));
  return parts.join(" ");
}

export function verdict(doc, query) {
  const variable = query.variable || STOCK;
  if (query.drivers) {
    const top = doc.rows[0];
    return top ? t("{name} makes {share}% of the spread of {variable} in {year}.", { name: top.name, share: num(100 * top.share, 2), variable: top.variable, year: top.year })
      : t("No input moves {variable}.", { variable });
  }
  const rows = doc.rows.filter((r) => r.variable === variable);
  const last = rows[rows.length - 1];
  if (!last) return t("{scenario} has no variable {variable}.", { scenario: doc.scenario, variable });
  const holes = { scenario: doc.scenario, against: doc.against, variable, year: last.year, median: num(last.median), low: num(last.p5), high: num(last.p95), unit: last.unit };
  return doc.against
    ? t("{scenario} less {against}: {variable} in {year} is {median} {unit} ({low} to {high}).", holes)
    : t("{scenario}: {variable} in {year} is {median} {unit} ({low} to {high}).", holes);
}

function Answer({ doc, query, go }) {
  return html`<${Verdict} text=${verdict(doc, query)} />
    <p class="pn-banner"><strong>${t("Conditional on the scenario, not a forecast.")}</strong> ${doc.title}</p>
    ${query.drivers ? html`<${Drivers} doc=${doc} />` : html`<${Years} doc=${doc} query=${query} go=${go} />`}
    <${Command} text=${command(query)} />`;
}

const figures = (keys) => keys.map(([key, head]) => ({ head, key, number: true, cell: (r) => num(r[key]) }));

function Years({ doc, query, go }) {
  const variable = query.variable || STOCK;
  const names = [...new Set(doc.rows.map((r) => r.variable))];
  const rows = doc.rows.filter((r) => r.variable === variable);
  const shown = rows[0] ? `${variable} [${rows[0].unit}]` : variable;
  const columns = [{ head: t("year"), key: "year" }, ...figures([["p5", t("low (5%)")], ["p25", "25%"], ["median", t("median")], ["p75", "75%"], ["p95", t("high (95%)")]])];
  const last = Math.max(...doc.rows.map((r) => r.year));
  const all = ["scenario", "region", "variable", "unit", "year", "median", "p5", "p25", "p75", "p95"].map((k) => ({ head: k, key: k }));
  return html`<p><label for="fleet-variable">${t("Show")}</label> <select id="fleet-variable" value=${variable}
      onChange=${(e) => go({ ...query, variable: e.target.value })}>
      ${!names.includes(variable) && html`<option value=${variable} selected>${variable}</option>`}
      ${names.map((n) => html`<option value=${n} selected=${n === variable}>${n}</option>`)}</select></p>
    <${Charts} charts=${doc.charts} names=${["fan"]} />
    <${DataTable} caption=${t("{variable} by year", { variable: shown })} columns=${columns} rows=${rows} name="fleet-variable" />
    <details><summary>${t("All variables in {year} ({n})", { year: last, n: names.length })}</summary>
      <${DataTable} caption=${t("All variables in {year}", { year: last })} name="fleet" rows=${doc.rows.filter((r) => r.year === last)} csv=${{ columns: all, rows: doc.rows }}
        columns=${[{ head: t("variable"), key: "variable" }, { head: t("unit"), key: "unit" }, ...figures([["p5", t("low (5%)")], ["median", t("median")], ["p95", t("high (95%)")]])]} /></details>
    <${Inputs} doc=${doc} />`;
}

function Inputs({ doc }) {
  const [filter, set] = useState("");
  const rows = (doc.inputs || []).filter((r) => JSON.stringify(r).toLowerCase().includes(filter.toLowerCase()));
  return html`<details><summary>${t("Inputs and where they come from ({n})", { n: (doc.inputs || []).length })}</summary>
      <p><label for="fleet-inputs">${t("Filter")}</label> <input id="fleet-inputs" value=${filter} onInput=${(e) => set(e.target.value)} /></p>
      <${DataTable} caption=${t("Inputs")} rows=${rows} name="fleet-inputs" columns=${[{ head: t("input"), key: "input" }, { head: t("unit"), key: "unit" },
        { head: t("known"), key: "status", cell: (r) => t(r.status) }, { head: t("source"), key: "source" }]} /></details>
    ${(doc.events || []).length > 0 && html`<h3>${t("Events that it uses")}</h3>
      <${DataTable} caption=${t("Events")} rows=${doc.events} name="fleet-events" columns=${[{ head: t("date"), key: "date" }, { head: t("event"), key: "event" },
        { head: t("used by"), key: "used_by" }, { head: t("source"), key: "source" }]} />`}
    ${(doc.left_out || []).length > 0 && html`<p>${t("Left out")}: ${doc.left_out.join("; ")}</p>`}`;
}

function Drivers({ doc }) {
  const columns = [{ head: t("input"), key: "name" }, { head: t("share of the spread"), key: "share", number: true, cell: (r) => `${num(100 * r.share, 2)}%` },
    { head: t("more of it means"), key: "sign", cell: (r) => (r.sign > 0 ? `↑ ${t("more")}` : r.sign < 0 ? `↓ ${t("less")}` : "-") },
    { head: t("known"), key: "status", cell: (r) => t(r.status) }, { head: t("source"), key: "source" }];
  return html`<${Charts} charts=${doc.charts} names=${["drivers"]} />
    <${DataTable} caption=${t("Inputs by their share of the spread")} columns=${columns} rows=${doc.rows} name="fleet-drivers" limit=${100} />
    <p>${t("Interaction: {share}%", { share: num(100 * doc.interaction, 2) })}</p>`;
}
