// The panel Catalog: what is known, each figure with its source.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { get, Problem } from "../api.js";
import { t } from "../t.js";
import { Download, Table, Trouble } from "../ui.js";

const KINDS = ["chips", "systems", "models", "engines", "workloads", "formats", "prices", "sources", "defaults", "hosts", "checkpoints"];
const MOST = 200;

function useGot(path) {
  const [got, setGot] = useState({});
  useEffect(() => {
    const control = new AbortController();
    if (path) get(path, control.signal).then((data) => setGot({ data, path }), (problem) => problem.name !== "AbortError" && setGot({ problem: problem instanceof Problem ? problem : { what: problem.message }, path }));
    return () => control.abort();
  }, [path]);
  return got.path === path ? got : {};
}

function Record({ kind, name, close }) {
  const { data, problem } = useGot(`/v1/catalog/${kind}/${encodeURIComponent(name)}`);
  if (problem) return html`<${Trouble} problem=${problem} />`;
  if (!data) return html`<p role="status">${t("computing …")}</p>`;
  const figures = data.figures || [];
  const report = () => navigator.clipboard?.writeText(`# ${kind}/${name}.toml\n# FIELD = {is = "VALUE UNIT", known = "read", from = "SOURCE"}\n${figures.map((f) => `# ${f.figure ?? f.field}: ${f.value}`).join("\n")}\n`);
  return html`<section><h2>${name}</h2><div class="tools"><button type="button" onClick=${close}>${t("back to the list")}</button><button type="button" onClick=${report}>${t("report a mistake: copy a patch")}</button></div>
    <${Table} rows=${figures} caption=${t("Figures, how each is known, and from where")} />
    <${Table} rows=${data.fields || []} caption=${t("Facts")} />
    ${data.sources && html`<${Table} rows=${data.sources} caption=${t("Sources")} />`}</section>`;
}

function Answer({ state, submit }) {
  const kind = KINDS.includes(state.kind) ? state.kind : "chips";
  const { data, problem } = useGot(`/v1/catalog/${kind}`);
  const words = (state.find || "").toLowerCase();
  const rows = (data || []).filter((row) => !words || JSON.stringify(row).toLowerCase().includes(words));
  if (state.name) return html`<${Record} kind=${kind} name=${state.name} close=${() => submit("name", "")} />`;
  const columns = rows.length && Object.keys(rows[0]).map((key) => ({ key, label: key, show: key === "name" ? (row) => html`<button type="button" class="link" onClick=${() => submit("name", row.name)}>${row.name}</button>` : undefined }));
  return html`<h2 class="verdict">${t("{count} {kind}", { count: rows.length, kind: t(kind) })}</h2>
    ${problem && html`<${Trouble} problem=${problem} />`}
    ${rows.length > MOST && html`<p class="hint">${t("the first {most} are shown; search for less", { most: MOST })}</p>`}
    <div class="tools"><${Download} name=${kind} rows=${rows} /></div>
    <${Table} rows=${rows.slice(0, MOST)} columns=${columns || undefined} caption=${t(kind)} />`;
}

export default {
  id: "catalog", title: "Catalog", Answer, defaults: { kind: "chips", find: "", name: "" },
  fields: () => [{ key: "kind", label: "Kind", kind: "select", options: KINDS }, { key: "find", label: "Search" }],
};
