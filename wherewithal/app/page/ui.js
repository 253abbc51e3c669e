// Elements that every panel uses. Charts are drawn by Vega, which is loaded only when the first one is to be shown.
import { h, render } from "./vendor/preact.js";
import { useState, useEffect, useRef } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";
import { t } from "./t.js";

export const html = htm.bind(h);
export { render, useState, useEffect, useRef };

let vega = null;

function script(src) {
  return new Promise((done, failed) => {
    const tag = Object.assign(document.createElement("script"), { src, onload: done, onerror: () => failed(new Error(src)) });
    document.head.append(tag);
  });
}

function loadVega() {
  vega ??= (async () => {
    await script("/page/vendor/vega.js");
    await script("/page/vendor/vega-lite.js");
    const { expressionInterpreter } = await import("./vendor/vega-interpreter.js");
    return { expressionInterpreter };
  })();
  return vega;
}

// Colours of the page as it is now, so that a chart follows the theme.
function look() {
  const css = getComputedStyle(document.documentElement);
  const of = (name) => css.getPropertyValue(name).trim();
  const axis = { labelColor: of("--muted"), titleColor: of("--text"), gridColor: of("--line"), domainColor: of("--line"), tickColor: of("--line") };
  return {
    background: "transparent", font: "system-ui, sans-serif", axis, title: { color: of("--text"), anchor: "start", fontSize: 14 },
    legend: { labelColor: of("--text"), titleColor: of("--text") }, view: { stroke: null }, text: { color: of("--text") },
    mark: { color: of("--accent") }, rule: { color: of("--muted") },
    range: { category: ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"].map(of) },
  };
}

export function save(name, data, type) {
  const url = data instanceof Blob || !data.startsWith("data:") ? URL.createObjectURL(new Blob([data], { type })) : data;
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => url.startsWith("blob:") && URL.revokeObjectURL(url), 1000);
}

// A chart with its sentence, and SVG and PNG of it. The tables beside it hold the same figures.
export function Chart({ name, spec, onPick }) {
  const place = useRef(null);
  const view = useRef(null);
  const [failed, setFailed] = useState("");
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const again = () => setTheme((n) => n + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    addEventListener("themechange", again);
    return () => { dark.removeEventListener("change", again); removeEventListener("themechange", again); };
  }, []);
  useEffect(() => {
    let gone = false;
    loadVega().then(async ({ expressionInterpreter }) => {
      if (gone || !place.current) return;
      const { vega: v, vegaLite } = globalThis;
      const single = !spec.hconcat && !spec.vconcat && !spec.concat && !spec.facet && !spec.repeat && !(spec.encoding && (spec.encoding.row || spec.encoding.column || spec.encoding.facet));
      const wide = single ? { width: Math.max(220, Math.min(760, place.current.clientWidth - 150)) } : {};
      const compiled = vegaLite.compile({ ...spec, ...wide }, { config: look(), logger: v.logger(v.None) }).spec;
      const drawn = new v.View(v.parse(compiled, null, { ast: true }), {
        expr: expressionInterpreter, renderer: "svg", container: place.current, hover: true, logLevel: v.None,
      });
      view.current = drawn;
      if (onPick) drawn.addEventListener("click", (_, item) => item && item.datum && onPick(item.datum));
      await drawn.runAsync();
    }).catch((error) => !gone && setFailed(String(error.message || error)));
    return () => { gone = true; if (view.current) { view.current.finalize(); view.current = null; } };
  }, [spec, theme]);
  const out = (kind) => async () => {
    if (!view.current) return;
    if (kind === "svg") save(`${name}.svg`, await view.current.toSVG(), "image/svg+xml");
    else save(`${name}.png`, await view.current.toImageURL("png", 2), "image/png");
  };
  const title = typeof spec.title === "string" ? spec.title : (spec.title && spec.title.text) || name;
  return html`<figure class="chart" data-chart=${name}>
    <div class="chart-box" ref=${place} tabindex="0" role="region" aria-label=${title}></div>
    <figcaption>${spec.description || title}
      <span class="tools"><button type="button" onClick=${out("svg")}>SVG</button><button type="button" onClick=${out("png")}>PNG</button></span></figcaption>
    ${failed && html`<p role="alert">${t("The chart could not be drawn: {why}", { why: failed })}</p>`}</figure>`;
}
