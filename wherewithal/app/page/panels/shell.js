// All that the panels take from the page's shell: one place to change when the shell does.
export { html, useState, useEffect, useRef, Chart } from "../ui.js";
export { t } from "../t.js";

export const problemOf = (error) => error.problem || { detail: String(error.message || error) };

async function answered(response) {
  const type = response.headers.get("Content-Type") || "";
  if (response.ok) return response.json();
  const problem = type.includes("json") ? await response.json() : { detail: `${response.status} ${response.statusText}` };
  throw Object.assign(new Error(problem.detail || problem.title), { problem });
}

export async function getJson(path, { lang, signal }) {
  return answered(await fetch(`${path}?${new URLSearchParams({ lang })}`, { signal, headers: { Accept: "application/json" } }));
}

export async function postVerb(verb, body, { lang, charts, signal }) {
  const query = new URLSearchParams({ lang, ...(charts ? { charts: "1" } : {}) });
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return answered(await fetch(`/v1/${verb}?${query}`, { method: "POST", body: JSON.stringify(body), signal, headers }));
}
