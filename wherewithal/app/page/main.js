// The shell: tabs, the form of a panel, its answer, language and theme. The address holds the state of it all.
import { html, render, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { Problem, ask, get } from "./api.js";
import { read, write } from "./state.js";
import { lang, speak, t } from "./t.js";
import { Command, Field, Trouble } from "./ui.js";
import { theme } from "./charts.js";
import plan from "./panels/plan.js";
import Predict from "./panels/predict.js";
import Compare from "./panels/compare.js";
import Fleet from "./panels/fleet.js";
import Frontier from "./panels/frontier.js";
import Claims from "./panels/claims.js";
import Catalog from "./panels/catalog.js";

// Two kinds of panel. One that answers while a person types is {id, title, defaults, fields(meta), asked(state), Answer}:
// `asked` makes the body of POST /v1/id out of the address. Any other is {id, title, Whole}: drawn from {query, go, lang}
// alone, where go(query) makes the next address.
const PANELS = Object.fromEntries([
  plan, { id: "compare", title: "Compare", Whole: Compare }, { id: "predict", title: "Predict", Whole: Predict },
  { id: "fleet", title: "Fleet", Whole: Fleet }, { id: "frontier", title: "Frontier", Whole: Frontier },
  { id: "claims", title: "Claims", Whole: Claims }, { id: "catalog", title: "Catalog", Whole: Catalog },
].map((p) => [p.id, p]));
// Long enough to skip the places a slider only passes, short enough not to be felt; what it left behind is cancelled.
const WAIT_MS = 10;
// Keys of the address that are the shell's own.
const SHELL = ["q", "lang", "theme", "v"];

function useAnswer(panel, state) {
  const [shown, setShown] = useState({});
  const last = useRef("");
  const body = JSON.stringify(panel.asked({ ...panel.defaults, ...state }));
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(async () => {
      const put = (more) => !control.signal.aborted && setShown((old) => ({ ...old, ...more }));
      put({ busy: true, progress: null });
      const near = panel.id === "plan" ? last.current : "";
      try {
        const on = { progress: (progress) => put({ progress }), quick: (document) => put({ document, verb: panel.id, problem: null, at: body }) };
        const [document, id] = await ask(panel.id, JSON.parse(body), control.signal, on, near);
        last.current = id;
        put({ document, verb: panel.id, problem: null, busy: false, at: body });
      } catch (error) {
        if (error.name === "AbortError") return;
        put({ problem: error instanceof Problem ? error : new Problem({ title: error.message }), busy: false });
      }
    }, WAIT_MS);
    return () => { clearTimeout(timer); control.abort(); };
  }, [panel.id, body, lang]);
  return shown.verb === panel.id || shown.problem || shown.busy ? shown : {};
}

function Panel({ panel, meta, state, change, submit }) {
  const answer = useAnswer(panel, state);
  const old = answer.verb === panel.id ? answer.document : null;
  const progress = answer.progress;
  return html`<main class="panel" id="main">
    <form class="ask" aria-label=${t("question")} onSubmit=${(e) => { e.preventDefault(); submit("q", panel.id); }}>
      ${panel.Ask && html`<${panel.Ask} state=${state} submit=${submit} />`}
      ${panel.fields({ ...meta, state }).map((field) => html`<${Field} key=${field.key} field=${field}
        value=${state[field.key] ?? panel.defaults[field.key]} change=${change} submit=${submit} />`)}
    </form>
    <section class=${`answer ${answer.busy || answer.problem ? "old" : ""}`} aria-busy=${Boolean(answer.busy)} data-asked=${answer.at || ""} aria-label=${t("answer")}>
      <p class="status" role="status" aria-live="polite">${answer.busy
        ? progress ? t("computing: {phase}, {done} of {total}", { ...progress, phase: t(progress.phase) }) : t("computing …")
        : ""}</p>
      ${answer.problem && html`<${Trouble} problem=${answer.problem} />`}
      ${old && html`<div class="body"><${panel.Answer} document=${old} state=${state} submit=${submit} />
        ${old.command && html`<footer class="foot"><${Command} text=${old.command} /><p class="edition">${t("version {version}, catalog {catalog}", old)}</p></footer>`}</div>`}
    </section>
  </main>`;
}

function App({ meta }) {
  const [state, setState] = useState(read());
  const [language, setLanguage] = useState(lang);
  const [mode, setMode] = useState(theme());
  const panel = PANELS[state.q] || plan;
  useEffect(() => {
    const back = () => setState(read());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const set = (key, value, push) => setState((old) => {
    const next = key === null ? value : { ...old, [key]: value };
    write(next, { push });
    return next;
  });
  const speakIn = async (to) => {
    await speak(to);
    localStorage.setItem("lang", to);
    set("lang", to, false);
    setLanguage(to);
  };
  const paint = (to) => {
    document.documentElement.dataset.theme = to;
    localStorage.setItem("theme", to);
    set("theme", to, false);
    setMode(to);
  };
  const strange = panel.Whole ? [] : Object.keys(state).filter((key) => !SHELL.includes(key) && !(key in panel.defaults));
  const query = Object.fromEntries(Object.entries(state).filter(([key]) => !SHELL.includes(key)));
  const kept = Object.fromEntries(SHELL.slice(1).filter((key) => state[key]).map((key) => [key, state[key]]));
  const go = (to) => set(null, { q: panel.id, ...kept, ...to }, true);
  useEffect(() => { document.title = `${t(panel.title)} · Wherewithal`; }, [panel.id, language]);
  return html`
    <a class="skip" href="#main">${t("skip to the question")}</a>
    <header class="top"><span class="brand">Wherewithal</span>
      <nav aria-label=${t("panels")}>${Object.values(PANELS).map((p) => html`<a href=${`/?q=${p.id}`} aria-current=${p.id === panel.id ? "page" : undefined}
        onClick=${(e) => { if (e.metaKey || e.ctrlKey) return; e.preventDefault(); set(null, { q: p.id, ...kept, ...carried(state, p) }, true); }}>${t(p.title)}</a>`)}</nav>
      <div class="switches">
        <button type="button" lang=${language === "en" ? "zh-Hans" : "en"} onClick=${() => speakIn(language === "en" ? "zh" : "en")}>${language === "en" ? "中文" : "English"}</button>
        <button type="button" onClick=${() => paint(mode === "dark" ? "light" : "dark")}>${mode === "dark" ? t("light") : t("dark")}</button>
      </div></header>
    ${strange.length > 0 && html`<p class="problem" role="status">${t("this address says {keys}, which this page does not know; it is kept", { keys: strange.join(", ") })}</p>`}
    ${state.v && state.v !== meta.edition && html`<p class="problem" role="status">${t("this link was made with the catalog of {old}; this one is of {now}, so figures may differ", { old: state.v, now: meta.edition })}</p>`}
    ${panel.Whole ? html`<main class="whole" id="main"><${panel.Whole} key=${panel.id} query=${query} go=${go} lang=${language} /></main>` : html`<${Panel} key=${panel.id} panel=${panel} meta=${meta} state=${state} change=${(k, v) => set(k, v, false)} submit=${(k, v, push = true) => set(k, v, push)} />`}`;
}

// What another panel asks too goes along; service levels are one key there, and two fields here.
const SHARED = ["model", "on", "input_tokens", "output_tokens", "concurrency", "engine", "power_limit_w", "serving", "set"];
const SERVES = ["plan", "compare", "predict"];
function carried(state, panel) {
  if (!SERVES.includes(panel.id) || !SERVES.includes(state.q)) return {};
  const slo = ["ttft", "tpot"].filter((k) => state[k]).map((k) => `${k}=${state[k]}`).join(",");
  return { ...Object.fromEntries(SHARED.filter((key) => state[key]).map((key) => [key, state[key]])), ...(panel.id !== "plan" && slo ? { slo } : {}) };
}

async function start() {
  const link = read();
  const said = (["en", "zh"].includes(link.lang) && link.lang) || localStorage.getItem("lang") || (navigator.language.startsWith("zh") ? "zh" : "en");
  const paper = ["light", "dark"].includes(link.theme) ? link.theme : localStorage.getItem("theme");
  if (paper) document.documentElement.dataset.theme = paper;
  const [about, models, systems] = await Promise.all([get("/v1/meta"), get("/v1/catalog/models"), get("/v1/catalog/systems"), speak(said)]);
  const names = (rows) => rows.map((row) => row.name);
  const root = document.getElementById("app");
  root.replaceChildren();
  render(html`<${App} meta=${{ ...about, models: names(models), systems: names(systems) }} />`, root);
}

start().catch((error) => {
  document.getElementById("app").textContent = `${error.message}; start the server again: wherewithal serve`;
});
