// Published claims computed again: verdict, what was printed, our figure and interval, on which basis, from what.
import { html, t, num, word, listOf, clean, useAnswer, useRows, rowsOf, Form, Result, Verdict, DataTable, Command, Charts } from "./parts.js";

const MARKS = { holds: "✓", "holds on one basis": "◐", contradicted: "✗", "not supported": "○", "cannot be checked": "?" };
const mark = (verdict) => `${MARKS[verdict] || "·"} ${t(verdict)}`;

export default function Claims({ query, go, lang }) {
  const only = listOf(query.only);
  const body = query.name ? { name: query.name, ...(only.length ? { only } : {}), ...inputs(query.set) } : null;
  const state = useAnswer("claims", body, lang);
  const lists = rowsOf(useRows("/v1/catalog/claims", lang).doc).map((r) => r.name || r.list);
  const fields = [
    { name: "name", label: t("List"), required: true, list: lists, placeholder: "wsj-2025-08" },
    { name: "only", label: t("Only these claims"), placeholder: "C01,C10" },
    { name: "find", label: t("Verdict"), options: [{ value: "", text: t("all") }, ...Object.keys(MARKS).map((v) => ({ value: v, text: mark(v) }))] },
  ];
  const more = [{ name: "set", label: t("Inputs set to"), placeholder: "C10.never=95", hint: t("ID.INPUT=VALUE, several with a semicolon") }];
  return html`<div class="pn"><${Form} fields=${fields} more=${more} query=${query} go=${go} label=${t("Compute")} />
    <div class="pn-main"><${Result} state=${state} empty=${t("Give the name of a list of claims.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} go=${go} />`}<//></div></div>`;
}

// Numbers as JSON; what is no number is sent as it stands, so that the server says what is wrong with it.
function inputs(text) {
  const pairs = listOf(text, /[;\n]+/).map((p) => p.split("=").map((s) => s.trim()));
  if (!pairs.length) return {};
  return { overrides: Object.fromEntries(pairs.map(([k, v]) => [k, Number.isFinite(Number(v)) && v ? Number(v) : v ?? ""])) };
}

export function verdict(doc) {
  const counts = {};
  for (const c of doc.claims) counts[c.verdict] = (counts[c.verdict] || 0) + 1;
  const each = Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([v, n]) => `${n} ${t(v)}`).join(", ");
  return t("{title}: {n} claims: {each}.", { title: doc.title, n: doc.claims.length, each });
}

function figure(f, at = f.value) {
  if (f.text) return f.text;
  if (at === null || at === undefined) return "-";
  return `${num(at)} ${f.unit}`.trim();
}
const interval = (f) => (f.low === null || f.low === undefined || f.text ? t("none stated") : t("{low} to {high}", { low: figure(f, f.low), high: figure(f, f.high) }));
const printed = (c) => c.claimed.text || figure(c.claimed);

function command(query) {
  const parts = ["wherewithal claims", word(query.name)];
  if (query.only) parts.push("--only", word(listOf(query.only).join(",")));
  for (const pair of listOf(query.set, /[;\n]+/)) parts.push("--set", word(pair));
  return parts.join(" ");
}

function Answer({ doc, query, go }) {
  const shown = doc.claims.filter((c) => !query.find || c.verdict === query.find);
  const columns = [
    { head: "id", key: "id", cell: (c) => html`<a href=${`#claim-${c.id}`} onClick=${(e) => open(e, c.id)}>${c.id}</a>` },
    { head: t("verdict"), key: "verdict", cell: (c) => html`<span class="pn-mark">${mark(c.verdict)}</span>` },
    { head: t("printed"), key: "claimed", raw: printed, cell: printed },
    { head: t("our figure for"), key: "label", raw: (c) => c.figure.label, cell: (c) => c.figure.label },
    { head: t("is"), key: "value", number: true, raw: (c) => c.figure.value, cell: (c) => figure(c.figure) },
    { head: t("90% interval"), key: "low", number: true, raw: (c) => c.figure.low, cell: (c) => interval(c.figure) },
  ];
  return html`<${Verdict} text=${verdict(doc)} />
    <p class="pn-banner">${t("Computed from rows with sources; conditional on them, not a forecast.")}</p>
    ${query.find && html`<p>${t("{n} of {all} shown: {verdict}.", { n: shown.length, all: doc.claims.length, verdict: mark(query.find) })}
      <button type="button" onClick=${() => go(clean({ ...query, find: "" }))}>${t("Show all")}</button></p>`}
    <${DataTable} caption=${t("Claims of {title} ({published})", { title: doc.title, published: doc.published })} columns=${columns} rows=${shown} name="claims" />
    <${Charts} charts=${doc.charts} />
    ${shown.map((c) => html`<${Claim} key=${c.id} claim=${c} open=${shown.length === 1} />`)}
    <${Command} text=${command(query)} />`;
}

function open(event, id) {
  const block = document.getElementById(`claim-${id}`);
  if (!block) return;
  event.preventDefault();
  block.open = true;
  block.querySelector("summary").focus();
}

function Claim({ claim, open: first }) {
  const part = (title, holds) => {
    const found = claim.bases.filter((b) => b.holds === holds);
    const notes = (b) => [b.note, b.counts ? "" : t("no part of the verdict")].filter(Boolean);
    return found.length > 0 && html`<dt>${title}</dt><dd>${found.map((b) => b.name + (notes(b).length ? ` (${notes(b).join("; ")})` : "")).join("; ")}</dd>`;
  };
  const band = (f) => (f.low === null || f.low === undefined ? "" : interval(f));
  return html`<details id=${`claim-${claim.id}`} open=${first}><summary><strong>${claim.id}</strong> ${mark(claim.verdict)}: ${claim.claim}</summary>
    <dl class="pn-dl"><dt>${t("said by")}</dt><dd>${claim.who}, ${claim.when}</dd><dt>${t("printed")}</dt><dd>${printed(claim)}</dd>
      <dt>${t("ours")}</dt><dd>${claim.figure.label}${claim.figure.basis && ` (${claim.figure.basis})`}: <strong>${figure(claim.figure)}</strong> (${interval(claim.figure)})</dd>
      ${part(t("true on"), true)}${part(t("not true on"), false)}${part(t("cannot be judged on"), null)}
      ${claim.unchecked && html`<dt>${t("cannot be checked")}</dt><dd>${claim.unchecked}</dd>`}${claim.note && html`<dt>${t("note")}</dt><dd>${claim.note}</dd>`}
      <dt>${t("sources")}</dt><dd>${claim.sources.join("; ")}</dd></dl>
    <${DataTable} caption=${t("Figures of {id}", { id: claim.id })} rows=${claim.figures} name=${`${claim.id}-figures`} columns=${[{ head: t("figure"), key: "label" }, { head: t("basis"), key: "basis" },
      { head: t("is"), key: "value", number: true, cell: (f) => figure(f) }, { head: t("90% interval"), key: "low", number: true, cell: band }, { head: t("known"), key: "known", cell: (f) => t(f.known) }]} />
    <${DataTable} caption=${t("Inputs of {id}", { id: claim.id })} rows=${claim.inputs} name=${`${claim.id}-inputs`} columns=${[{ head: t("input"), key: "label" }, { head: t("name"), key: "name" },
      { head: t("value"), key: "value", number: true, cell: (f) => figure(f) }, { head: t("range"), key: "low", number: true, cell: band }, { head: t("known"), key: "known", cell: (f) => t(f.known) }]} /></details>`;
}
