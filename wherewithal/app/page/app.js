// The shell: tabs, language, theme. A panel is `panels/NAME.js` with a default export, a component of
// {query, go, lang}: query = the URL's keys that are not the shell's; go(query, push = true) writes them to the URL.
// Panels take html, hooks, Chart from ../ui.js and t from ../t.js, and ask the server themselves.
import { html, render, useState, useEffect } from "./ui.js";
import { t, speak } from "./t.js";
import { read, write, address } from "./state.js";

const PANELS = { plan: "Plan", predict: "Predict", compare: "Compare", fleet: "Fleet", frontier: "Frontier", claims: "Claims", catalog: "Catalog" };
const KNOWN = new Set("model on slo workload input_tokens output_tokens concurrency rate_per_s precision serving engine power_limit_w set seed layout load requests scenario against drivers variable year draws index by only_open since outlook backtest name only overrides kind record find need".split(" "));

function Shell({ meta }) {
  const [state, setState] = useState(read());
  const [Panel, setPanel] = useState(null);
  const [words, setWords] = useState("");
  const { shell, query } = state;
  const q = shell.q in PANELS ? shell.q : "plan";
  const lang = shell.lang || (navigator.language.startsWith("zh") ? "zh" : "en");
  useEffect(() => {
    const back = () => setState(read());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useEffect(() => { speak(lang).then(() => setWords(lang), () => setWords(lang)); }, [lang]);
  useEffect(() => {
    let gone = false;
    import(`./panels/${q}.js`).then((m) => !gone && setPanel({ q, view: m.default }));
    return () => { gone = true; };
  }, [q]);
  useEffect(() => {
    if (shell.theme) document.documentElement.dataset.theme = shell.theme;
    else delete document.documentElement.dataset.theme;
    dispatchEvent(new Event("themechange"));
  }, [shell.theme]);
  const move = (next, asked, push) => { write(next, asked, push); setState({ shell: next, query: asked }); };
  const go = (asked, push = true) => move({ ...shell, q, v: meta.catalog || shell.v }, asked, push);
  const dark = shell.theme ? shell.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const strange = Object.keys(query).filter((k) => !KNOWN.has(k));
  const old = shell.v && meta.catalog && shell.v !== meta.catalog;
  const tab = ([name, title]) => html`<a href=${address({ ...shell, q: name }, {})} aria-current=${name === q ? "page" : undefined}
    onClick=${(e) => { if (!e.ctrlKey && !e.metaKey) { e.preventDefault(); move({ ...shell, q: name }, {}, true); } }}>${t(title)}</a>`;
  if (!words) return null;
  return html`<a class="skip" href="#main">${t("Skip to the answer")}</a>
    <header><h1>Wherewithal</h1><nav aria-label=${t("Questions")}>${Object.entries(PANELS).map(tab)}</nav>
    <div class="toggles"><button type="button" onClick=${() => move({ ...shell, lang: lang === "zh" ? "en" : "zh" }, query, false)}
      lang=${lang === "zh" ? "en" : "zh-Hans"}>${lang === "zh" ? "English" : "中文"}</button>
    <button type="button" onClick=${() => move({ ...shell, theme: dark ? "light" : "dark" }, query, false)}>${dark ? t("Light") : t("Dark")}</button></div></header>
    <main id="main" tabindex="-1">
    ${strange.length > 0 && html`<p class="notice" role="status">${t("The link has keys that this version does not know, and leaves alone: {keys}.", { keys: strange.join(", ") })}</p>`}
    ${old && html`<p class="notice" role="status">${t("The link was made with catalog {then}; this is {now}, so numbers may differ.", { then: shell.v, now: meta.catalog })}</p>`}
    ${Panel && Panel.q === q && html`<${Panel.view} key=${q} query=${query} go=${go} lang=${words} />`}</main>
    <footer>Wherewithal ${meta.version} · ${t("catalog {date}", { date: meta.catalog })} · <a href="/v1/openapi.json">API</a></footer>`;
}

const meta = await fetch("/v1/meta").then((r) => (r.ok ? r.json() : {}), () => ({}));
render(html`<${Shell} meta=${meta} />`, document.getElementById("app"));
