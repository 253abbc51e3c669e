"""Make the small copies of public schemas that the tests of recipes check against, under tests/recipe/schemas.

`python tools/trim_schemas.py compose-spec.json leaderworkersets.yaml kubernetes_validate.whl`: words are left out, equal parts
stand once (`$defs`), objects take no other keys than those listed. Sources and licences stand in SOURCES.md beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "tests" / "recipe" / "schemas"
KINDS = {"ConfigMap": "configmap-v1", "Service": "service-v1", "Deployment": "deployment-apps-v1"}
_WORDS = ("description", "title", "examples", "deprecated", "$schema", "$id")


def bare(node: Any, *, strict: bool, names: bool = False) -> Any:
    """Return a schema without its words.

    Args:
        node: a schema, or a part of one.
        strict: whether objects with listed keys take no others.
        names: whether the keys of `node` are names of properties, and so none of them a word.
    """
    if isinstance(node, list):
        return [bare(n, strict=strict) for n in node]
    if not isinstance(node, dict):
        return node
    out = {
        k: bare(v, strict=strict, names=k in ("properties", "definitions", "patternProperties") and not names)
        for k, v in node.items()
        if names or (k not in _WORDS and not k.startswith("x-kubernetes"))
    }
    if strict and not names and "properties" in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    if node.get("x-kubernetes-int-or-string"):
        out = {"type": ["integer", "string"]}
    return out


def shared(schema: Any) -> Any:
    """Return a schema in which every large part that occurs twice stands once, under `$defs`."""
    seen: Counter[str] = Counter()
    texts: dict[str, str] = {}

    def count(node: Any) -> None:
        for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            count(one)
        if isinstance(node, dict) and "properties" in node:
            text = json.dumps(node, sort_keys=True)
            if len(text) > 200:
                seen[text] += 1
                texts[text] = "p" + hashlib.sha256(text.encode()).hexdigest()[:8]

    def put(node: Any, top: str = "") -> Any:
        if isinstance(node, list):
            return [put(n) for n in node]
        if not isinstance(node, dict):
            return node
        text = json.dumps(node, sort_keys=True)
        if seen.get(text, 0) > 1 and text != top:
            if texts[text] not in parts:
                parts[texts[text]] = {}
                parts[texts[text]] = put(node, text)
            return {"$ref": f"#/$defs/{texts[text]}"}
        return {k: put(v) for k, v in node.items()}

    parts: dict[str, Any] = {}
    count(schema)
    made = put(schema)
    return {**made, "$defs": {**made.get("$defs", {}), **parts}} if parts else made


def kubernetes(package: Path) -> dict[str, Any]:
    """Return one schema of the kinds that recipes use, out of the newest folder of kubernetes-validate's wheel."""
    with zipfile.ZipFile(package) as bundle:
        folders = {n.split("/")[2] for n in bundle.namelist() if "/v1." in n and n.endswith(".json")}
        newest = max((f for f in folders if f.endswith("-local-strict")), key=lambda f: int(f.split(".")[1]))
        base = f"kubernetes_validate/kubernetes-json-schema/{newest}/"
        every = json.loads(bundle.read(base + "_definitions.json"))["$defs"]
        loaded: dict[str, Any] = {}

        def refer(node: Any) -> Any:
            if isinstance(node, list):
                return [refer(n) for n in node]
            if not isinstance(node, dict):
                return node
            if isinstance(node.get("$ref"), str):
                name = node["$ref"].rsplit("/", 1)[-1]
                if name not in loaded:
                    loaded[name] = {}
                    loaded[name] = refer(bare(every[name], strict=False))
                return {"$ref": f"#/$defs/{name}"}
            return {k: refer(v) for k, v in node.items()}

        for name in KINDS.values():
            loaded[name] = refer(bare(json.loads(bundle.read(f"{base}{name}.json")), strict=False))
    return {"version": newest, "kinds": KINDS, "$defs": dict(sorted(loaded.items()))}


def main() -> None:
    """Read the three sources and write the copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compose", type=Path)
    parser.add_argument("lws", type=Path)
    parser.add_argument("kubernetes", type=Path)
    args = parser.parse_args()
    crd = yaml.safe_load(args.lws.read_text(encoding="utf-8"))
    version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")
    made = {
        "compose.json": bare(json.loads(args.compose.read_text(encoding="utf-8")), strict=False),
        "leaderworkerset.json": shared(bare(version["schema"]["openAPIV3Schema"], strict=True)),
        "kubernetes.json": kubernetes(args.kubernetes),
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, schema in made.items():
        text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
        (TARGET / name).write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(text):,} characters")


if __name__ == "__main__":
    main()
