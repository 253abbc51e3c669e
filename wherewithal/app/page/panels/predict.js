// One exact deployment under one exact load: nothing is searched.
import {
  html, t, num, quantity, range, link, said, useAnswer, useRows, rowsOf, servingBody, servingFields, servingMore,
  Form, Result, Verdict, DataTable, Command, Charts,
} from "./parts.js";

export default function Predict({ query, go, lang }) {
  const ready = query.model && query.on && query.layout;
  const body = ready ? { ...servingBody(query), on: query.on, layout: query.layout, ...said(query, ["requests", "load"]) } : null;
  const state = useAnswer("predict", body, lang);
  const systems = rowsOf(useRows("/v1/catalog/systems", lang).doc).map((r) => r.name);
  const models = rowsOf(useRows("/v1/catalog/models", lang).doc).map((r) => r.name);
  const loads = [["", t("steady state")], ["closed", t("closed: so many at once")], ["open", t("open: by rate")], ["offline", t("offline: all at once")], ["static", t("static: one batch")]];
  const fields = [
    { name: "model", label: t("Model"), required: true, list: models, placeholder: "qwen3-8b" },
    { name: "on", label: t("System"), required: true, list: systems, placeholder: "h100-8" },
    { name: "layout", label: t("Layout"), required: true, placeholder: "tp8 ep8", hint: t("degrees of each replica, or one part for each pool: prefill: 4x tp8; decode: 1x dp32 ep32") },
    ...servingFields(query),
    { name: "load", label: t("Load"), options: loads.map(([value, text]) => ({ value, text })) },
    { name: "requests", label: t("Requests in all"), number: true, hint: t("of a run from a standing start; empty: steady state") },
  ];
  return html`<div class="pn"><${Form} fields=${fields} more=${servingMore()} query=${query} go=${go} label=${t("Predict")} />
    <div class="pn-main"><${Result} state=${state} empty=${t("Give a model, a system and a layout.")}>
      ${(doc) => html`<${Answer} doc=${doc} query=${query} />`}<//></div></div>`;
}

export function verdict(doc) {
  const b = doc.best;
  if (!b) return t("Not feasible: {why}", { why: doc.why_not.length ? doc.why_not[0].text : t("no layout was legal") });
  return t("{model} on {system}: {speed} at {tpot} per token, first token after {ttft}.", {
    model: doc.model.name, system: doc.system.name, speed: quantity(b.output_tokens_per_s.value, "tokens_per_s"),
    tpot: quantity(b.tpot_s.value, "s"), ttft: quantity(b.ttft_s.value, "s"),
  });
}

const MEASURES = [["ttft_s", "time to first token", "s"], ["tpot_s", "time per output token", "s"],
  ["output_tokens_per_s", "output tokens per s", "tokens_per_s"], ["output_tokens_per_s_per_chip", "output tokens per s per chip", "tokens_per_s"],
  ["requests_per_s", "requests per s", "per_s"], ["power_w", "power", "w"], ["joules_per_output_token", "energy per output token", "j"],
  ["usd_per_million_output_tokens", "cost per million output tokens", "usd"]];

function Answer({ doc, query }) {
  const b = doc.best;
  const rows = b ? MEASURES.filter(([k]) => b[k]).map(([k, name, u]) => ({ name, unit: u, ...b[k] })) : [];
  const columns = [
    { head: t("measure"), key: "name", cell: (r) => t(r.name) + (r.statistic ? ` (${t(r.statistic)})` : "") },
    { head: t("value"), key: "value", number: true, cell: (r) => quantity(r.value, r.unit === "per_s" ? "1/s" : r.unit) },
    { head: t("80% range"), key: "low", number: true, cell: (r) => range(r.low, r.high, r.unit === "per_s" ? "1/s" : r.unit), raw: (r) => r.low },
  ];
  const csv = { columns: ["name", "value", "low", "high", "unit"].map((k) => ({ head: k, key: k })), rows };
  const { layout, load, requests, ...rest } = query;
  return html`<${Verdict} text=${verdict(doc)} />
    ${b && html`<p>${t("evidence")}: <strong>${t(b.evidence)}</strong>. ${Object.entries(b.bound_by || {}).map(([k, v]) => html`${t(k)}: ${v}. `)}</p>
      <${DataTable} caption=${t("What it does, with 80% ranges")} columns=${columns} rows=${rows} name="predict" csv=${csv} />
      ${b.pools.map((pool) => html`<${Pool} pool=${pool} />`)}`}
    ${!b && html`<ul>${doc.why_not.map((w) => html`<li>${w.text}<ul>${w.fix.map((f) => html`<li>${f.change}: ${f.result}<br /><code>${f.command}</code></li>`)}</ul></li>`)}</ul>`}
    <p><a href=${link("plan", rest)}>${t("Plan: search all layouts on this system")}</a></p>
    <${Charts} charts=${doc.charts} />
    <${Command} text=${doc.command} />`;
}

function Pool({ pool }) {
  const memory = Object.entries(pool.memory_bytes_per_chip).map(([part, bytes]) => ({ part, gb: bytes / 1e9 }));
  const steps = [...pool.operators].sort((a, b) => b.seconds - a.seconds);
  const degrees = Object.entries(pool.layout).filter(([, v]) => v > 1).map(([k, v]) => `${t(k)} ${v}`).join(", ") || t("undivided");
  return html`<h3>${t("Pool {role}: {n} replicas on {chips} chips", { role: t(pool.role), n: pool.replicas, chips: pool.chips })}</h3>
    <p>${t("layout")}: ${degrees}; ${t("batch per replica")}: ${pool.batch_per_replica}; ${t("precision")}: ${Object.values(pool.precision).join("/")}</p>
    <${DataTable} caption=${t("Memory per chip ({role})", { role: t(pool.role) })} name=${`memory-${pool.role}`} rows=${memory}
      columns=${[{ head: t("part"), key: "part", cell: (r) => t(r.part) }, { head: "GB", key: "gb", number: true, cell: (r) => num(r.gb) }]} />
    ${steps.length > 0 && html`<details><summary>${t("Where a step goes ({n} operators)", { n: steps.length })}</summary>
      <${DataTable} caption=${t("Operators of a step ({role})", { role: t(pool.role) })} name=${`step-${pool.role}`} rows=${steps}
        columns=${[{ head: t("operator"), key: "name" }, { head: t("time"), key: "seconds", number: true, cell: (r) => quantity(r.seconds, "s") },
          { head: t("share"), key: "share", number: true, cell: (r) => `${num(100 * r.share)}%` }, { head: t("bound by"), key: "bound", cell: (r) => t(r.bound) },
          { head: t("evidence"), key: "evidence", cell: (r) => t(r.evidence) }]} /></details>`}`;
}
