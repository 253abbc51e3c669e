// Asks the server; what goes wrong comes back as {where, what, fix}, never as a blank page.
import { lang } from "./t.js";

export class Problem extends Error {
  constructor(body) {
    super(body.what || body.detail || body.title);
    Object.assign(this, { where: body.where || "", what: body.what || body.detail || body.title, fix: body.fix || "", status: body.status });
  }
}

async function checked(reply) {
  if (reply.ok) return reply;
  let body = { title: `${reply.status} ${reply.statusText}`, status: reply.status };
  if ((reply.headers.get("content-type") || "").includes("json")) body = { ...body, ...(await reply.json()) };
  if (reply.status === 503) body.retry = Number(reply.headers.get("retry-after") || 1);
  const problem = new Problem(body);
  problem.retry = body.retry;
  throw problem;
}

export async function get(path, signal) {
  return (await checked(await fetch(path, { signal }))).json();
}

export async function upload(bytes, type) {
  return (await checked(await fetch("/v1/models", { method: "POST", body: bytes, headers: { "content-type": type } }))).json();
}

// Asks a verb and tells how far it is; `on` has progress(phase, done, total) and quick(document). Aborting the signal
// closes the connection, and the server stops computing. Returns the document and its id; `near` is the id of an answer
// to a question that differs little.
export async function ask(verb, asked, signal, on = {}, near = "") {
  for (let tries = 0; ; tries += 1) {
    try {
      return await once(verb, asked, signal, on, near);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 503 || tries > 4) throw error;
      await new Promise((done) => setTimeout(done, 1000 * error.retry));
      if (signal.aborted) throw new DOMException("", "AbortError");
    }
  }
}

async function once(verb, asked, signal, on, near) {
  const reply = await checked(await fetch(`/v1/${verb}/events?charts=1&lang=${lang}${near && `&near=${near}`}`, {
    method: "POST", body: JSON.stringify(asked), signal,
    headers: { "content-type": "application/json", accept: "text/event-stream" },
  }));
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Problem({ title: "the server went away", fix: "start it again: wherewithal serve" });
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [kind, body, id] = event(text.slice(0, end));
      text = text.slice(end + 2);
      if (kind === "answer") return [body, id];
      if (kind === "problem") throw new Problem(body);
      if (kind in on) on[kind](body);
    }
  }
}

function event(block) {
  let kind = "", data = "", id = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("id:")) id = line.slice(3).trim();
    if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  return [kind, data ? JSON.parse(data) : null, id];
}
