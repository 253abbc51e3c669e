"""Split pools as one DynamoGraphDeployment: a frontend that routes, and a component a pool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wherewithal.catalog import recipe_record as records
from wherewithal.catalog.recipe_record import Dynamo
from wherewithal.recipe import check, shell
from wherewithal.recipe.job import Job
from wherewithal.recipe.kubernetes import name_of, pod
from wherewithal.recipe.lines import Server, written
from wherewithal.recipe.yaml_text import Noted, Script, comment, dump

NAME = "dynamo.yaml"


def files(work: Job, cannot: list[str]) -> dict[str, str]:
    """Return the graph of a split plan; where it cannot be one, that is said in `cannot`."""
    plan, way = work.answer.best, work.book.dynamo
    if plan is None or plan.serving != "disaggregated" or way is None:
        return {}
    if any(s.number("nodes") > 1 for s in work.servers):
        cannot.append(
            "a replica over several nodes as a DynamoGraphDeployment: the fields were not read; LeaderWorkerSets do it"
        )
        return {}
    stem = f"{name_of(work)}-dynamo"
    servers = [_server(work, one, way) for one in work.servers]
    book = work.book.model_copy(update={"program": ("python3", "-m", way.module), "model": way.model})
    scripts = {shell.name(s): Script(shell.serve(book, s, work.header)) for s in servers}
    frontend = {
        "name": "Frontend",
        "type": "frontend",
        "replicas": 1,
        "podTemplate": {
            "spec": {"containers": [{"name": "main", "image": way.image, "command": ["python3", "-m", way.frontend]}]}
        },
    }
    parts = [frontend, *(_component(work, s, way, stem) for s in servers)]
    graph = {
        "apiVersion": "nvidia.com/v1beta1",
        "kind": "DynamoGraphDeployment",
        "metadata": {"name": stem},
        "spec": {"components": parts},
    }
    store = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{stem}-recipe"}, "data": scripts}
    head = (
        *work.header,
        f"in place of the other Kubernetes file: needs Dynamo's operator. Fields as in the templates of ai-dynamo {way.version}",
        f"image: {way.image} holds an engine version of its own, which may differ from the one checked",
        f"first: kubectl create configmap {stem}-settings --from-literal=MODEL=/models/FOLDER",
        f"and a PersistentVolumeClaim {stem}-weights that holds the weights (mounted at /models)",
    )
    return {NAME: "".join(f"{comment(t)}\n" for t in head) + dump(store) + "---\n" + dump(graph)}


def _server(work: Job, one: Server, way: Dynamo) -> Server:
    """Return a pool's server with the arguments that the worker takes."""
    head = tuple(written(work.book, one, way.head))
    known = check.table([records.arguments(way.list, work.answer.ready.question.catalog_dirs)])
    check.refuse(filter(None, (check.problem(h.flag, h.value, known) for h in head)), way.module)
    return replace(one, lines=(*(line for line in one.lines if line.flag not in way.drop), *head), config=())


def _component(work: Job, one: Server, way: Dynamo, stem: str) -> dict[str, Any]:
    index = work.servers.index(next(s for s in work.servers if s.role == one.role))
    spec = pod(work, one, work.devices[index], stem, leads=False)
    spec["containers"][0] |= {"name": "main", "image": way.image, "env": []}
    del spec["containers"][0]["env"]
    return {
        "name": one.role,
        "type": one.role,
        "replicas": Noted(one.number("replicas"), f"pools[{one.index}].replicas"),
        "podTemplate": {"spec": spec},
    }
