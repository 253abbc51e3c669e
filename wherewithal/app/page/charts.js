// Vega-Lite charts, loaded after the first answer: an SVG that takes its colours from the page, and its files.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { t } from "./t.js";
import { csv, save } from "./format.js";
import { Table } from "./ui.js";

let loading;

function script(src) {
  return new Promise((done, failed) => {
    const element = Object.assign(document.createElement("script"), { src, onload: done, onerror: failed });
    document.head.append(element);
  });
}

export function library() {
  loading ??= script("/page/vendor/vega.js")
    .then(() => Promise.all([script("/page/vendor/vega-lite.js"), import("./vendor/vega-interpreter.js")]))
    .then(([, interpreter]) => ({ vega: window.vega, lite: window.vegaLite, interpreter: interpreter.expressionInterpreter }));
  return loading;
}

// Okabe and Ito's colours, darker on white and lighter on black where contrast asks for it.
const COLOURS = { light: ["#0072b2", "#b34700", "#00795a", "#a3437f", "#7a6a00"], dark: ["#56b4e9", "#e69f00", "#2fc79a", "#e3a3c8", "#f0e442"] };

export function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function config() {
  const mode = theme();
  const ink = mode === "dark" ? "#e8eaed" : "#1d2430", faint = mode === "dark" ? "#3a414c" : "#dde1e7";
  const mark = COLOURS[mode][0];
  return {
    background: "transparent", font: "inherit", view: { stroke: faint },
    axis: { labelColor: ink, titleColor: ink, gridColor: faint, domainColor: faint, tickColor: faint, labelFontSize: 11, labelLimit: 220, titleFontWeight: "normal" },
    legend: { labelColor: ink, titleColor: ink, orient: "bottom" }, title: { color: ink, anchor: "start", fontWeight: 600, fontSize: 13 },
    text: { color: ink, fill: ink }, rule: { color: ink }, line: { color: mark }, area: { color: mark }, rect: { color: mark }, bar: { color: mark },
    point: { color: mark }, range: { category: COLOURS[mode] },
  };
}

// The data of a chart as a table: its own rows, the longest list of those inside.
export function rows(spec) {
  const found = [];
  const walk = (node) => {
    if (Array.isArray(node?.data?.values)) found.push(node.data.values);
    for (const part of ["layer", "concat", "vconcat", "hconcat"]) (node?.[part] || []).forEach(walk);
    if (node?.spec) walk(node.spec);
  };
  walk(spec);
  return found.sort((a, b) => b.length - a.length)[0] || [];
}

export function Chart({ name, spec, at, onWalk, count = 0 }) {
  const place = useRef(), view = useRef();
  const [problem, setProblem] = useState("");
  const [asTable, setTable] = useState(false);
  useEffect(() => {
    let gone = false;
    library().then(({ vega, lite, interpreter }) => {
      if (gone || !place.current) return;
      // The page shows title and sentence in its own type, where a reader finds them.
      const { title, ...shown } = spec;
      const compiled = lite.compile({ ...shown, config: config() }).spec;
      view.current?.finalize();
      view.current = new vega.View(vega.parse(compiled, null, { ast: true }), { expr: interpreter, renderer: "svg", container: place.current, hover: true });
      if (onWalk) view.current.addEventListener("click", (_, item) => item?.datum?.index != null && onWalk(item.datum.index));
      return view.current.runAsync();
    }).catch((error) => setProblem(error.message));
    return () => { gone = true; };
  }, [spec, document.documentElement.dataset.theme]);
  useEffect(() => {
    if (at != null && view.current) try { view.current.signal("at", at).runAsync(); } catch { /* a chart without a walk */ }
  }, [at]);
  const walk = (event) => {
    const step = { ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? count - 1 : step && Math.min(Math.max((at ?? 0) + step, 0), count - 1);
    if (to == null) return;
    event.preventDefault();
    onWalk(to);
  };
  const file = async (kind) => {
    if (kind === "csv") return save(`${name}.csv`, csv(rows(spec)));
    if (kind === "svg") return save(`${name}.svg`, await view.current.toSVG(), "image/svg+xml");
    const link = document.createElement("a");
    Object.assign(link, { href: await view.current.toImageURL("png", 2), download: `${name}.png` }).click();
  };
  const keys = onWalk ? { tabindex: 0, role: "application", "aria-roledescription": t("chart, arrow keys walk the points"), onKeyDown: walk } : {};
  return html`<figure class="chart" id=${`chart-${name}`}>
    <figcaption><h3>${spec.title}</h3><p class="say">${spec.description}</p></figcaption>
    ${problem && html`<p class="problem" role="alert">${t("the chart could not be drawn: {why}", { why: problem })}</p>`}
    <div class="canvas" ref=${place} aria-label=${spec.description} ...${keys}></div>
    ${asTable && html`<${Table} rows=${rows(spec)} caption=${spec.title} />`}
    <div class="tools">
      <button type="button" aria-expanded=${asTable} onClick=${() => setTable(!asTable)}>${t("as table")}</button>
      ${["csv", "svg", "png"].map((kind) => html`<button type="button" onClick=${() => file(kind)}>${kind.toUpperCase()}</button>`)}
    </div>
  </figure>`;
}
