// The URL is the state: `?q=plan&model=..&on=..`. Keys that nobody knows stay in it, so that old links do not die.
export const SHELL = ["q", "lang", "theme", "v"];

export function read() {
  const all = Object.fromEntries(new URLSearchParams(location.search));
  const shell = Object.fromEntries(SHELL.map((k) => [k, all[k] ?? ""]));
  const query = Object.fromEntries(Object.entries(all).filter(([k]) => !SHELL.includes(k)));
  return { shell, query };
}

export function address(shell, query) {
  const said = Object.entries({ q: shell.q, ...query, lang: shell.lang, theme: shell.theme, v: shell.v }).filter(([, v]) => v);
  // Commas, colons and equals signs read better as they are, and no query parser minds.
  const part = (v) => encodeURIComponent(v).replace(/%(2C|3A|3D|40|2F)/g, (c) => decodeURIComponent(c));
  return `?${said.map(([k, v]) => `${part(k)}=${part(v)}`).join("&")}`;
}

export function write(shell, query, push) {
  const to = address(shell, query);
  if (to !== location.search) history[push ? "pushState" : "replaceState"](null, "", to);
}
