// What every panel is made of: fields, tables, bands, command lines, problems.
import { html, useState } from "./vendor/preact-htm.js";
import { t } from "./t.js";
import { csv, number, save } from "./format.js";

// A field is {key, label, kind: text | number | slider | select | check, options, low, high, log, hint, placeholder}.
export function Field({ field, value, change, submit }) {
  const { key, label, kind = "text", options = [], hint } = field;
  const id = `f-${key}`;
  if (kind === "check") {
    return html`<div class="field check"><input id=${id} type="checkbox" checked=${value === "1"} onChange=${(e) => submit(key, e.target.checked ? "1" : "")} />
      <label for=${id}>${t(label)}</label></div>`;
  }
  const described = hint ? { "aria-describedby": `${id}-hint` } : {};
  const typed = { id, value: value ?? "", onInput: (e) => change(key, e.target.value), onChange: (e) => submit(key, e.target.value), ...described };
  const control = kind === "select"
    ? html`<select id=${id} onChange=${(e) => submit(key, e.target.value)} ...${described}>
        ${options.map((o) => html`<option value=${o.value ?? o} selected=${(o.value ?? o) === (value ?? "")}>${t(o.label ?? o)}</option>`)}</select>`
    : html`<input type="text" autocomplete="off" spellcheck=${false} list=${options.length ? `${id}-list` : undefined}
        inputmode=${kind === "text" ? undefined : "decimal"} placeholder=${field.placeholder ? t(field.placeholder) : ""} ...${typed} />`;
  return html`<div class=${`field ${kind}`}>
    <label for=${id}>${t(label)}</label>${control}
    ${options.length && kind !== "select" ? html`<datalist id=${`${id}-list`}>${options.map((o) => html`<option value=${o} />`)}</datalist>` : ""}
    ${kind === "slider" && html`<${Slider} field=${field} value=${value} change=${change} submit=${submit} />`}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${t(hint)}</p>`}
  </div>`;
}

// A slider beside its text: positions run over the logarithm, values stay round.
function Slider({ field, value, change, submit }) {
  const { key, label, low, high, unit = "" } = field;
  const parsed = Number.parseFloat(value || field.placeholder) * (unit === "ms" && /[0-9]s$/.test(value || "") ? 1000 : 1);
  const at = Math.log(Math.min(Math.max(parsed || low, low), high) / low) / Math.log(high / low);
  const said = (position) => {
    const raw = low * (high / low) ** position;
    return `${Number(raw.toPrecision(field.digits || 2))}${unit}`;
  };
  return html`<input type="range" min="0" max="1" step="0.005" value=${at} aria-label=${t(label)} aria-valuetext=${value || field.placeholder}
    onInput=${(e) => change(key, said(Number(e.target.value)))} onChange=${(e) => submit(key, said(Number(e.target.value)))} />`;
}

export function Table({ rows, caption, columns }) {
  if (!rows?.length) return "";
  const names = columns || Object.keys(rows[0]).map((key) => ({ key, label: key }));
  const shown = (value) => (typeof value === "number" ? number(value) : Array.isArray(value) ? value.join(", ") : value === null || value === undefined ? "–" : String(value));
  return html`<div class="table" tabindex="0" role="region" aria-label=${caption}><table>
    <caption>${caption}</caption>
    <thead><tr>${names.map((c) => html`<th scope="col">${t(c.label)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr class=${row.chosen ? "chosen" : ""}>${names.map((c, i) => {
      const cell = c.show ? c.show(row) : shown(row[c.key]);
      const kind = typeof row[c.key] === "number" || c.right ? "right" : "";
      return i ? html`<td class=${kind}>${cell}</td>` : html`<th scope="row" class=${kind}>${cell}</th>`;
    })}</tr>`)}</tbody>
  </table></div>`;
}

export function Download({ name, rows }) {
  return html`<button type="button" onClick=${() => save(`${name}.csv`, csv(rows))}>CSV</button>`;
}

// A figure with its 80% interval: the bar runs from low to high, the mark is the value; its fill says how it is known.
export function Band({ label, figure, show, limit, evidence, note }) {
  if (!figure) return "";
  const { value, low, high } = figure;
  const top = Math.max(high, limit || 0) * 1.05 || 1;
  const x = (v) => (100 * Math.max(v, 0)) / top;
  return html`<div class="band">
    <dt>${label}</dt>
    <dd><strong>${show(value)}</strong> <span class="range">(${show(low)} – ${show(high)})</span>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" class=${`bar ${evidence}`}>
        <rect class="track" x="0" y="4" width="100" height="2" /><rect class="span" x=${x(low)} y="2" width=${Math.max(x(high) - x(low), 0.5)} height="6" />
        <rect class="mark" x=${x(value) - 0.4} y="0" width="0.8" height="10" />${limit ? html`<rect class="limit" x=${x(limit)} y="0" width="0.5" height="10" />` : ""}
      </svg>${note && html`<span class="note">${note}</span>`}</dd></div>`;
}

export function Command({ text }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return html`<div class="command"><code>$ ${text}</code><button type="button" onClick=${copy}>${copied ? t("copied") : t("copy")}</button></div>`;
}

export function Trouble({ problem }) {
  return html`<div class="problem" role="alert"><strong>${problem.where ? `${problem.where}: ` : ""}${problem.what}</strong>${problem.fix && html`<br />${problem.fix}`}</div>`;
}
