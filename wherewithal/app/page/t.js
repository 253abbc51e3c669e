// Words: the English template is the key; the table of a language comes from the server.
let table = {};
export let lang = "en";

export async function speak(wanted) {
  if (wanted === "en") table = {};
  else {
    const response = await fetch(`/v1/words/${encodeURIComponent(wanted)}`);
    table = response.ok ? await response.json() : {};
  }
  lang = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-Hans" : "en";
}

export function t(text, holes = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in holes ? String(holes[name]) : whole));
}
