// A config.json or a GGUF file of one's own: read here, and only its header goes to the server.
import { html, useState } from "../vendor/preact-htm.js";
import { upload } from "../api.js";
import { header } from "../gguf.js";
import { t } from "../t.js";
import { Trouble } from "../ui.js";

const MOST = 2 ** 20;

async function send(file) {
  if (/\.gguf$/i.test(file.name)) return upload(await header(file), "application/octet-stream");
  if (!/\.json$/i.test(file.name)) throw new Error(t("it is neither .json nor .gguf"));
  if (file.size > MOST) throw new Error(t("a config.json has at most 1 MiB"));
  const text = await file.text();
  try {
    JSON.parse(text);
  } catch {
    throw new Error(t("it is not JSON"));
  }
  return upload(text, "application/json");
}

export function Drop({ state, submit }) {
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState(null);
  const take = async (file) => {
    setOver(false);
    if (!file) return;
    try {
      const { name } = await send(file);
      setProblem(null);
      submit(null, { ...state, q: state.q || "plan", model: name, file: file.name });
    } catch (error) {
      const fix = error.fix || t("drop a model's config.json, or a .gguf file");
      setProblem({ where: file.name, what: error.what || error.message, fix });
    }
  };
  return html`<div class=${`drop ${over ? "over" : ""}`} onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(e) => { e.preventDefault(); take(e.dataTransfer.files[0]); }}>
    <label for="file">${t("Your own model: drop config.json or .gguf here, or choose")}</label>
    <input id="file" type="file" accept=".json,.gguf" onChange=${(e) => take(e.target.files[0])} />
    <p class="hint">${t("It is read in this browser; only its header goes to the server, never the weights.")}</p>
    ${state.file && html`<p class="note">${t("model: {file}", { file: state.file })}</p>`}
    ${problem && html`<${Trouble} problem=${problem} />`}
  </div>`;
}
