"""Server-sent events of a completion, counted from bytes: JSON is read only where an event must be understood."""

from __future__ import annotations

import json
from typing import Any

# An event or an answer longer than this is none of a completion.
LARGEST_BYTES = 4_000_000
# What may hold an answer's text in a chunk of a completion or a chat.
_TEXTS = ("content", "text", "reasoning_content", "reasoning")
# Bytes that mark an event which is more (or less) than one more piece of text. Inside a JSON string the quotation marks
# would be escaped, so none of these can come from the text itself.
_MARKS = (
    b'"usage":{', b'"usage": {', b'"error":', b'"content":""', b'"content": ""', b'"text":""', b'"text": ""',
    b'"choices":[]', b'"choices": []', b'"finish_reason":"', b'"finish_reason": "', b'"content":null', b'"content": null',
    b'"delta":{}', b'"delta": {}', b'"role"',
)  # fmt: skip


class Stream:
    """One answer as it comes in.

    Attributes:
        done: the server said that the answer is complete.
        finish: why the answer ended, in the server's word.
        usage: the server's own count, or None.
        error: what an error event said, or empty.
        pieces: text by text where it is kept, else None.
    """

    __slots__ = ("_tail", "done", "error", "finish", "pieces", "usage")

    def __init__(self, keep: bool = False) -> None:
        self._tail = b""
        self.done = False
        self.finish = ""
        self.usage: dict[str, Any] | None = None
        self.error = ""
        self.pieces: list[str] | None = [] if keep else None

    def feed(self, data: bytes) -> int:
        """Take bytes as they came and return how many pieces of text were complete in them.

        Raises:
            ValueError: an event that is longer than any completion's.
        """
        if self._tail:
            data = self._tail + data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        end = data.rfind(b"\n\n")
        if end < 0:
            self._tail = data
            if len(data) > LARGEST_BYTES:
                raise ValueError("an event without an end")
            return 0
        self._tail = data[end + 2 :]
        found = 0
        for event in data[:end].split(b"\n\n"):
            found += self._event(event)
        return found

    def close(self) -> int:
        """Take what stands after the last blank line, which some servers leave out."""
        left, self._tail = self._tail.strip(), b""
        return self._event(left) if left else 0

    def _event(self, event: bytes) -> int:
        """Return 1 for an event with text, 0 for any other."""
        if self.pieces is None and event.startswith(b"data:") and self.finish == "":
            for mark in _MARKS:
                if mark in event:
                    break
            else:
                if b'"choices"' in event:
                    return 1
        return self._read(event)

    def _read(self, event: bytes) -> int:
        """Read an event in full."""
        lines = event.split(b"\n")
        data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
        if not data:
            return 0
        if data == b"[DONE]":
            self.done = True
            return 0
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            self.error = self.error or "an event that is no JSON"
            return 0
        if not isinstance(found, dict):
            return 0
        if found.get("error"):
            self.error = _said(found["error"])
        if isinstance(found.get("usage"), dict):
            self.usage = found["usage"]
        choices = found.get("choices")
        return self._choice(choices[0]) if isinstance(choices, list) and choices else 0

    def _choice(self, choice: Any) -> int:
        """Return whether a choice holds text, and note how it ended."""
        if not isinstance(choice, dict):
            return 0
        if isinstance(choice.get("finish_reason"), str):
            self.finish = choice["finish_reason"]
        delta = choice.get("delta")
        inner = delta if isinstance(delta, dict) else choice
        texts = [t for n in _TEXTS if isinstance(t := inner.get(n), str) and t]
        if self.pieces is not None:
            self.pieces += texts
        return 1 if texts else 0


def _said(error: Any) -> str:
    """Return what an error object says."""
    if isinstance(error, dict):
        error = error.get("message") or error.get("type") or error
    return str(error)[:200] or "an error without words"
