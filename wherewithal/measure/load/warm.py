"""Before the clock starts: what the server can do, how it counts, and its first requests, which no figure holds."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from wherewithal.errors import InputError
from wherewithal.measure.load.client import Client, clock, unreachable
from wherewithal.measure.load.lengths import Ask
from wherewithal.measure.load.prompts import Prompts
from wherewithal.measure.load.sample import Sample

# What not every server takes; each is left out where the server refuses it, and the answer says so.
USAGE, FULL, LONG, IDS = "stream_options", "ignore_eos", "min_tokens", "prompt as token ids"
# [token] of answers that only warm up.
_SHORT = 8


@dataclass
class Server:
    """A server as the warm-up found it.

    Attributes:
        name: of the model, as the server knows it.
        prompts: how prompts are made for it.
        takes: which of USAGE, FULL, LONG and IDS it takes.
        context: [token] that it holds, or None where it does not say.
        counts: whether it counts tokens (usage at the end of a stream).
        notes: what is to be said of it.
    """

    name: str
    prompts: Prompts
    endpoint: str
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = (USAGE, FULL, LONG, IDS)
    context: int | None = None
    counts: bool = True
    notes: list[str] = field(default_factory=list)

    def body(self, name: str, ask: Ask) -> bytes:
        """Return the JSON of one request; `name` gives it a prompt of its own."""
        prompt = self.prompts.make(name, ask.input_tokens)
        out: dict[str, Any] = {"model": self.name}
        if self.endpoint == "chat":
            out["messages"] = [{"role": "user", "content": prompt}]
        else:
            out["prompt"] = prompt
        out |= {"max_tokens": ask.output_tokens, "temperature": 0, "stream": True}
        if USAGE in self.takes:
            out["stream_options"] = {"include_usage": True}
        if FULL in self.takes:
            out["ignore_eos"] = True
        if LONG in self.takes:
            out["min_tokens"] = ask.output_tokens
        return json.dumps(out | dict(self.extra_body), separators=(",", ":")).encode()


async def models(client: Client, wanted: str | None) -> tuple[str, dict[str, Any]]:
    """Return the name of the model under test and what the server says of it.

    Raises:
        InputError: no answer, or no name where none was given.
    """
    try:
        status, said = await client.get("/v1/models")
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise unreachable(client, error) from None
    listed = said.get("data") if status == 200 and isinstance(said, dict) else None
    known = (
        [m for m in listed if isinstance(m, dict) and isinstance(m.get("id"), str)] if isinstance(listed, list) else []
    )
    if wanted is not None:
        return wanted, next((m for m in known if m["id"] == wanted), {})
    if len(known) == 1:
        return known[0]["id"], known[0]
    if status in (401, 403):
        raise InputError(
            client.address.base, f"answers {status}", "name the variable that holds its key: --api-key-env NAME"
        )
    if known:
        names = ", ".join(client.safe(m["id"])[:60] for m in known[:5])
        raise InputError(client.address.base, f"{len(known)} models", f"choose one: --served-model NAME ({names})")
    raise InputError(client.address.base, f"/v1/models names no model (status {status})", "give --served-model NAME")


def context_of(said: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return ([token] of context, [1] tokens in the vocabulary) that a server states of its model; None where not."""
    meta = said.get("meta") if isinstance(said.get("meta"), dict) else {}
    found = []
    for names in (("max_model_len", "n_ctx", "context_length"), ("n_vocab", "vocab_size")):
        values = [v for n in names for v in (said.get(n), (meta or {}).get(n)) if isinstance(v, int) and v > 0]
        found.append(values[0] if values else None)
    return found[0], found[1]


async def agree(client: Client, server: Server, ask: Ask) -> Server:
    """Return the server with what it takes and how its tokens count, from a few requests of the length to be tested.

    Raises:
        InputError: it refuses them however they are put.
    """
    tried = await _accepted(client, server, ask)
    server, sample = tried
    server.counts = sample.tokens_in is not None and sample.tokens_out is not None
    if not server.counts:
        return _uncounted(server)
    return await _calibrated(client, server, ask, sample)


async def _try(client: Client, server: Server, ask: Ask, name: str) -> Sample:
    sample = Sample(-1, math.nan, ask.input_tokens, ask.output_tokens)
    await client.send(sample, server.body(name, ask), clock())
    return sample


async def _accepted(client: Client, server: Server, ask: Ask) -> tuple[Server, Sample]:
    """Return the server with the options that it takes, and the request that it answered."""
    short = ask._replace(output_tokens=min(ask.output_tokens, _SHORT))
    refused = ""
    for at in range(8):
        sample = await _try(client, server, short, f"try {at}")
        if not sample.error or sample.error == "empty answer":
            return server, sample
        refused = f"{sample.error}: {sample.detail}" if sample.detail else sample.error
        drop = _to_drop(server, sample)
        if not drop:
            break
        server = replace(server, takes=tuple(t for t in server.takes if t not in drop))
        if IDS in drop:
            server = replace(server, prompts=replace(server.prompts, form="text"))
    if "no connection" in refused:
        raise InputError(client.address.base, refused, "start the server, or check host and port")
    fix = "give its key by --api-key-env NAME" if "http 401" in refused or "http 403" in refused else ""
    fix = fix or ("try --endpoint chat or completions" if "http 404" in refused or "http 405" in refused else "")
    fix = fix or "check lengths (--input-tokens, --output-tokens), --served-model and --extra-body"
    raise InputError(client.address.base, f"refuses a first request ({refused})", fix)


def _to_drop(server: Server, sample: Sample) -> tuple[str, ...]:
    """Return what to leave out after a refusal: what it names, else the next that not every server takes."""
    said = sample.detail.lower()
    if not sample.error.startswith(("http 4", "http 5")) or sample.error in (
        "http 401",
        "http 403",
        "http 404",
        "http 429",
    ):
        return ()
    if "context" in said or ("exceed" in said and "token" in said):
        return ()
    named = [t for t in (USAGE, FULL, LONG) if t in server.takes and t in said]
    if named:
        return tuple(named)
    if IDS in server.takes and ("prompt" in said or "string" in said):
        return (IDS,)
    return next(((t,) for t in (LONG, FULL, IDS, USAGE) if t in server.takes), ())


def _uncounted(server: Server) -> Server:
    server.notes.append("the server sends no usage: how long prompts came out is not known")
    return server


async def _calibrated(client: Client, server: Server, ask: Ask, first: Sample) -> Server:
    """Return the server with prompts that come out as long as asked, as the server counts them."""
    target = ask.input_tokens
    prompts = server.prompts
    if prompts.form == "text":
        # Two lengths tell what a word comes to, and what stands around the words.
        half = ask._replace(input_tokens=max(target // 2, 1), output_tokens=1)
        second = await _try(client, server, half, "half")
        counts = [max(round(n), 1) for n in (target, half.input_tokens)]
        got = [first.tokens_in or 0, second.tokens_in or 0]
        if counts[0] > counts[1] and got[0] > got[1] > 0:
            per = (got[0] - got[1]) / (counts[0] - counts[1])
            prompts = replace(prompts, per_word=per, extra=got[0] - per * counts[0])
    else:
        prompts = replace(prompts, extra=float((first.tokens_in or target) - target))
    server = replace(server, prompts=prompts)
    check = await _try(client, server, ask._replace(output_tokens=1), "check")
    off = (check.tokens_in or target) - target
    if off and prompts.form == "text":
        server = replace(server, prompts=replace(prompts, extra=prompts.extra + off))
    if prompts.extra and target <= prompts.extra:
        server.notes.append(f"the server adds {prompts.extra:.0f} tokens to every prompt: {target} cannot be had")
    return server


async def rounds(client: Client, server: Server, ask: Ask, count: int, together: int) -> int:
    """Send requests that no figure holds, so that connections stand and the server is warm; return how many failed.

    Args:
        client: opened.
        server: as agreed.
        ask: lengths; answers are short.
        count: how many.
        together: at most so many at once.
    """
    short = ask._replace(output_tokens=min(ask.output_tokens, _SHORT))
    failed = 0
    for start in range(0, count, together):
        batch = [_try(client, server, short, f"warm {i}") for i in range(start, min(start + together, count))]
        failed += sum(bool(s.error) for s in await asyncio.gather(*batch))
    return failed
