"""How the tests read recipes back: arguments out of scripts, objects out of YAML, schemas, shellcheck."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMAS = Path(__file__).parent / "schemas"


def words(script: str) -> list[str]:
    """Return the words of the `args` arrays of a script, comments left out."""
    found: list[str] = []
    inside = False
    for line in script.splitlines():
        text = line.strip()
        if text in ("args=(", "args+=("):
            inside = True
        elif text == ")":
            inside = False
        elif inside and not text.startswith("#"):
            found += shlex.split(text)
    return found


def arguments(script: str) -> dict[str, str | None]:
    """Return argument to value; None where it has none."""
    found: dict[str, str | None] = {}
    for line in script.splitlines():
        parts = shlex.split(line.strip()) if line.startswith(("  -", "    -")) else []
        if parts:
            found[parts[0]] = parts[1] if len(parts) > 1 else None
    return found


@cache
def schema(name: str) -> dict[str, Any]:
    return dict(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


def _graph() -> dict[str, Any]:
    """Return what a graph of pools may hold: no package carries its schema, so the fields are those of ai-dynamo's
    templates (1.6.1 wheel, dynamo/profiler/templates/dgd), with the real schema of a pod inside.
    """
    whole = schema("kubernetes")
    pod = {"type": "object", "properties": {"spec": {"$ref": "#/$defs/io.k8s.api.core.v1.PodSpec"}}}
    names = {"enum": ["frontend", "prefill", "decode", "worker"]}
    part = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "type": names, "replicas": {"type": "integer"}, "podTemplate": pod},
        "required": ["name", "type", "replicas", "podTemplate"],
        "additionalProperties": False,
    }
    spec = {"type": "object", "properties": {"components": {"type": "array", "items": part, "minItems": 3}}}
    version = {"const": "nvidia.com/v1beta1"}
    return {"type": "object", "properties": {"apiVersion": version, "spec": spec}, "$defs": whole["$defs"]}


def of_kind(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of Kubernetes object."""
    if kind == "LeaderWorkerSet":
        return schema("leaderworkerset")
    if kind == "DynamoGraphDeployment":
        return _graph()
    whole = schema("kubernetes")
    return {"$ref": f"#/$defs/{whole['kinds'][kind]}", "$defs": whole["$defs"]}


@cache
def _validator(kind: str) -> Any:
    return jsonschema.Draft202012Validator(schema("compose") if kind == "compose" else of_kind(kind))


def check(document: Any, kind: str) -> None:
    """Raise the first of what a schema says against a document."""
    for error in _validator(kind).iter_errors(document):
        raise error


@cache
def objects(text: str) -> list[Any]:
    """Return the documents of a YAML file."""
    return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def shellcheck(texts: dict[str, str], folder: Path) -> str:
    """Return what shellcheck says of scripts, empty where nothing."""
    paths = []
    for name, text in texts.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    program = Path(sys.executable).with_name("shellcheck")
    ran = subprocess.run(
        [program, "-s", "bash", "-o", "all", "-e", "SC2250,SC2312", *paths], capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr
