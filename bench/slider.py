"""How soon the page follows a slider: `python -m bench.slider`, with the real server and Debian's Chromium.

Each slide moves a limit and waits until figures that answer it are on the page, the quick answer or the whole one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
from playwright.sync_api import Page, sync_playwright

from bench.clients import free_port, wait_for

QUESTIONS = ("model=qwen3-32b&on=h100-8", "model=deepseek-v3&on=h20-8:32", "model=deepseek-v3&on=cloudmatrix-384")
SLIDES = 25
MOVE = """async ([name, at]) => {
  const slider = document.querySelector(`#f-${name} ~ input[type=range]`);
  const start = performance.now();
  slider.value = at;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  const wanted = () => document.querySelector(`#f-${name}`).value;
  await new Promise(requestAnimationFrame);
  const has = () => (document.querySelector(".answer").dataset.asked || "").includes(wanted());
  while (!has() && performance.now() - start < 20000) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def slides(page: Page, name: str) -> list[float]:
    """Return the milliseconds of each slide of one field."""
    took = []
    for at in np.linspace(0.35, 0.8, SLIDES):
        took.append(float(page.evaluate(MOVE, [name, round(float(at), 3)])))
        page.wait_for_selector(".answer[aria-busy=false]", timeout=30_000)
    return took


def main() -> int:
    """Print one line a question and field."""
    port = free_port()
    command = [sys.executable, "-m", "wherewithal", "serve", "--port", str(port), "--no-store"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server, sync_playwright() as play:
        try:
            wait_for(port)
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(bypass_csp=True)
            for question in QUESTIONS:
                page.goto(f"http://127.0.0.1:{port}/?q=plan&{question}&ttft=2s&tpot=50ms")
                page.wait_for_selector(".answer[aria-busy=false] .bands", timeout=60_000)
                page.wait_for_timeout(1500)
                for name in ("tpot", "input_tokens"):
                    p50, p95, most = np.quantile(slides(page, name), [0.5, 0.95, 1])
                    print(f"{question}, {name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {most:.0f} ms")
            browser.close()
        finally:
            server.send_signal(signal.SIGINT)
    print(f"load average {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
