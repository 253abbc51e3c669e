// Words: English is the key, `{holes}` are filled here; a language's table comes from the server.
let table = {};
export let lang = "en";

export async function speak(language) {
  lang = language;
  table = language === "en" ? {} : await (await fetch(`/v1/words/${language}`)).json();
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
}

export function t(text, holes = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in holes ? holes[name] : whole));
}
