// What the catalog holds: kinds, a table to search and sort, each record with every figure's source and date.
import { html, t, clean, word, useRows, rowsOf, Result, Verdict, DataTable, Command, CopyButton, link, useState } from "./parts.js";

export default function Catalog({ query, go, lang }) {
  const kinds = useRows("/v1/catalog", lang);
  const kind = query.kind || "";
  const listing = useRows(kind && !query.name ? `/v1/catalog/${encodeURIComponent(kind)}` : "", lang);
  const record = useRows(kind && query.name ? `/v1/catalog/${encodeURIComponent(kind)}/${encodeURIComponent(query.name)}` : "", lang);
  return html`<div class="pn pn-wide"><nav aria-label=${t("Kinds")} class="pn-kinds">${rowsOf(kinds.doc).map((k) => html`<a
      href=${link("catalog", { kind: k.kind })} aria-current=${k.kind === kind ? "page" : undefined} onClick=${(e) => to(e, go, query, { kind: k.kind })}>${t(k.kind)} <small>${k.records}</small></a> `)}</nav>
    <div class="pn-main">
    ${!kind && html`<${Result} state=${kinds} empty=${t("Nothing here.")}>${(doc) => html`<${Kinds} rows=${rowsOf(doc)} query=${query} go=${go} />`}<//>`}
    ${kind && !query.name && html`<${Result} state=${listing} empty=${t("Nothing here.")}>${(doc) => html`<${Listing} rows=${rowsOf(doc)} kind=${kind} query=${query} go=${go} />`}<//>`}
    ${kind && query.name && html`<${Result} state=${record} empty=${t("Nothing here.")}>${(doc) => html`<${Record} doc=${doc} query=${query} go=${go} />`}<//>`}
    </div></div>`;
}

// A link that the page follows itself; with a modifier key the browser does.
function to(event, go, query, want) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(clean({ ...(query.q ? { q: query.q } : {}), ...want }));
}

function Kinds({ rows, query, go }) {
  const all = rows.reduce((sum, r) => sum + r.records, 0);
  return html`<${Verdict} text=${t("{n} records in {kinds} kinds, each figure with its source.", { n: all, kinds: rows.length })} />
    <${DataTable} caption=${t("Kinds of record")} rows=${rows} name="catalog" columns=${[
      { head: t("kind"), key: "kind", cell: (r) => html`<a href=${link("catalog", { kind: r.kind })} onClick=${(e) => to(e, go, query, { kind: r.kind })}>${t(r.kind)}</a>` },
      { head: t("records"), key: "records", number: true }]} /><${Command} text="wherewithal catalog list" />`;
}

const LISTED_ONLY = ["formats", "prices"];

function Listing({ rows, kind, query, go }) {
  const find = query.find || "";
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter((r) => { const text = Object.values(r).join(" ").toLowerCase(); return words.every((w) => text.includes(w)); });
  const keys = rows.length ? Object.keys(rows[0]) : ["name"];
  const name = (r) => (LISTED_ONLY.includes(kind) ? r.name : html`<a href=${link("catalog", { kind, name: r.name })} onClick=${(e) => to(e, go, query, { kind, name: r.name })}>${r.name}</a>`);
  const columns = keys.map((key) => ({ head: t(key), key, cell: key === "name" ? name : (r) => String(r[key] ?? "") }));
  return html`<${Verdict} text=${t("{n} of {all} {kind}.", { n: shown.length, all: rows.length, kind: t(kind) })} />
    <p><label for="catalog-find">${t("Search")}</label> <input id="catalog-find" type="search" value=${find} onInput=${(e) => go(clean({ ...query, find: e.target.value }), false)} /></p>
    <p><small>${t("? after a figure: estimated, unverified or assumed; open the record for the source.")}</small></p>
    <${DataTable} caption=${t(kind)} rows=${shown} columns=${columns} name=${kind} /><${Command} text=${`wherewithal catalog list ${word(kind)}`} />`;
}

function Record({ doc, query, go }) {
  const texts = Object.fromEntries(doc.sources.map((s) => [s.source, s.text]));
  const weak = doc.figures.filter((f) => !["read", "derived"].includes(f.known)).length;
  return html`<${Verdict} text=${t("{name}: {n} figures, {weak} of them estimated, unverified or assumed.", { name: doc.name, n: doc.figures.length, weak })} />
    ${doc.note && html`<p>${doc.note}</p>`}
    <p><a href=${link("catalog", { kind: doc.kind })} onClick=${(e) => to(e, go, query, { kind: doc.kind })}>${t("All {kind}", { kind: t(doc.kind) })}</a></p>
    ${doc.figures.length > 0 && html`<${DataTable} caption=${t("Figures")} rows=${doc.figures} name=${`${doc.name}-figures`} columns=${[
      { head: t("figure"), key: "figure" }, { head: t("value"), key: "value", number: true }, { head: t("range"), key: "range", number: true },
      { head: t("known"), key: "known", cell: (f) => t(f.known) }, { head: t("source"), key: "source", cell: (f) => html`<a href=${`#source-${f.source}`}>${f.source}</a>` },
      { head: t("date"), key: "date" }, { head: t("note"), key: "note" }]} />`}
    ${doc.sources.length > 0 && html`<h3>${t("Sources")}</h3><ul>${doc.sources.map((s) => html`<li id=${`source-${s.source}`}>${s.source}: <${Source} text=${s.text} /></li>`)}</ul>`}
    ${doc.fields.length > 0 && html`<${DataTable} caption=${t("Fields")} rows=${doc.fields} name=${`${doc.name}-fields`} columns=${[{ head: t("field"), key: "field" }, { head: t("value"), key: "value" }]} />`}
    ${doc.prices.length > 0 && html`<${DataTable} caption=${t("Prices")} rows=${doc.prices} name=${`${doc.name}-prices`} columns=${Object.keys(doc.prices[0]).map((key) => ({ head: t(key), key }))} />`}
    ${(doc.conflicts || []).length > 0 && html`<details><summary>${t("Where sources differ ({n})", { n: doc.conflicts.length })}</summary><ul>${doc.conflicts.map((c) => html`<li>${typeof c === "string" ? c : Object.values(c).join("; ")}</li>`)}</ul></details>`}
    <${Mistake} doc=${doc} texts=${texts} /><${Command} text=${`wherewithal catalog show ${word(doc.name)}`} />`;
}

// Only http(s) addresses become links: the text is data, never markup.
function Source({ text }) {
  return html`${String(text || "").split(/(https?:\/\/[^\s;,)]+)/).map((part, i) => (i % 2 ? html`<a href=${part} rel="noreferrer noopener">${part}</a>` : part))}`;
}

export function patch(doc, f) {
  const quote = (text) => `"${String(text ?? "").replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [`# ${doc.kind}/${doc.name}.toml`, `# was: ${f.value} (${f.known}, ${f.source}, ${f.date})`,
    `${f.figure} = {is = ${quote(f.value)}, known = "read", from = "SOURCE-KEY", date = "YYYY-MM-DD", note = "WHAT THE SOURCE SAYS"}`,
    "# sources.toml:", `SOURCE-KEY = {text = "TITLE AND ADDRESS"}`, ""].join("\n");
}

function Mistake({ doc }) {
  const [at, set] = useState(0);
  if (!doc.figures.length) return null;
  const text = patch(doc, doc.figures[at] || doc.figures[0]);
  return html`<details><summary>${t("Report a mistake")}</summary>
    <p><label for="mistake">${t("Figure")}</label> <select id="mistake" onChange=${(e) => set(Number(e.target.value))}>${doc.figures.map((f, i) => html`<option value=${i}>${f.figure}</option>`)}</select></p>
    <pre tabindex="0">${text}</pre><p><${CopyButton} text=${text} label=${t("Copy the patch")} /></p></details>`;
}
