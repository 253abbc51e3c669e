"""Kubernetes: a Deployment a server of one node, a LeaderWorkerSet for one of several, Services, and the router."""

from __future__ import annotations

import re
from typing import Any

from wherewithal.catalog.recipe_record import Device
from wherewithal.recipe import router, shell
from wherewithal.recipe.job import Job
from wherewithal.recipe.lines import Server
from wherewithal.recipe.yaml_text import Noted, Script, comment, dump

NAME = "kubernetes.yaml"
FABRIC = (
    "the network between nodes in Kubernetes: the name of its resource (RDMA) is your cluster's own; without it all traffic "
    "between nodes goes over the pod network, slower than planned"
)
EVERY = "0.0.0.0"  # noqa: S104  every interface of the pod, which only its Service exposes
_LEADER = 'NODE_RANK="$LWS_WORKER_INDEX" HEAD_ADDRESS="$LWS_LEADER_ADDRESS" exec bash '


def files(work: Job, made: dict[str, str], cannot: list[str]) -> dict[str, str]:
    """Return one file with all objects; what Kubernetes cannot start is said in `cannot`."""
    objects: list[dict[str, Any]] = []
    stem = name_of(work)
    for one, device in zip(work.servers, work.devices, strict=True):
        if not device.image:
            cannot.append(f"Kubernetes on chips of {one.facts['maker']}: no image is known; use the plain commands")
            return {}
        if work.book.mpi and one.number("nodes") > 1:
            cannot.append("a replica over several nodes in Kubernetes: its ranks are started by MPI; use Slurm")
            return {}
        objects += _pool(work, one, device, f"{stem}{'' if one.role == 'all' else '-' + one.role}")
    if any(s.number("nodes") > 1 or s.role != "all" for s in work.servers):
        cannot.append(FABRIC)
    if router.NAME in made:
        objects += _router(work, stem)
    scripts = {n: Script(text) for n, text in made.items() if n.endswith((".sh", ".yaml")) and "launch" not in n}
    scripts = {n: t for n, t in scripts.items() if not n.startswith("compose")}
    store = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{stem}-recipe"}, "data": scripts}
    asks = {a.name: a.say for s in work.servers for a in s.asks if not a.default}
    head = (
        *work.header,
        "images: " + "; ".join(dict.fromkeys(f"{d.image} ({d.image_note})" for d in work.devices)),
        f"first: kubectl create configmap {stem}-settings --from-literal=MODEL=/models/FOLDER"
        + "".join(f" --from-literal={n}=..." for n in asks),
        f"and a PersistentVolumeClaim {stem}-weights that holds the weights (mounted at /models)",
    )
    documents = "---\n".join(dump(o) for o in (store, *objects))
    return {NAME: "".join(f"{comment(t)}\n" for t in head) + documents}


def name_of(work: Job) -> str:
    """Return a name that Kubernetes takes."""
    text = re.sub(r"[^a-z0-9]+", "-", f"{work.answer.model['name']}-{work.book.engine}".lower()).strip("-")
    return (text if text[:1].isalpha() else f"m-{text}")[:40].strip("-")


def _pool(work: Job, one: Server, device: Device, name: str) -> list[dict[str, Any]]:
    replicas = one.number("replicas")
    why = f"pools[{one.index}].replicas"
    labels = {"app": name}
    if one.number("nodes") > 1:
        template = {
            "size": Noted(one.number("nodes"), f"pools[{one.index}].layout: {one.facts['ranks']} ranks over nodes"),
            "leaderTemplate": {
                "metadata": {"labels": labels},
                "spec": pod(work, one, device, name_of(work), leads=True),
            },
            "workerTemplate": {
                "metadata": {"labels": labels},
                "spec": pod(work, one, device, name_of(work), leads=False),
            },
        }
        sets = [_set(f"{name}-{i}" if one.role != "all" else name, template, 1) for i in range(_each(one))]
        if one.role == "all":
            sets = [_set(name, template, Noted(replicas, why))]
        return [o for pair in sets for o in (pair, _service(work, one, pair["metadata"]["name"], lws=True))]
    made = []
    for i in range(_each(one)):
        own = name if one.role == "all" else f"{name}-{i}"
        spec = {
            "replicas": Noted(replicas if one.role == "all" else 1, why),
            "selector": {"matchLabels": {"app": own}},
            "strategy": Noted({"type": "Recreate"}, "two sets of weights do not fit beside each other"),
            "template": {
                "metadata": {"labels": {"app": own}},
                "spec": pod(work, one, device, name_of(work), leads=True),
            },
        }
        made.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": own}, "spec": spec})
        made.append(_service(work, one, own, lws=False))
    return made


def _each(one: Server) -> int:
    """Return how many objects a pool becomes: a router names each server of a split pool, so each has its own."""
    return 1 if one.role == "all" else one.number("replicas")


def _set(name: str, template: dict[str, Any], replicas: Any) -> dict[str, Any]:
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "leaderWorkerTemplate": template},
    }


def _service(work: Job, one: Server, name: str, *, lws: bool) -> dict[str, Any]:
    chosen = (
        {"leaderworkerset.sigs.k8s.io/name": name, "leaderworkerset.sigs.k8s.io/worker-index": "0"}
        if lws
        else {"app": name}
    )
    ports = [{"name": "http", "port": work.book.port, "targetPort": work.book.port}]
    if one.role == "prefill" and work.book.bootstrap:
        ports.append({"name": "bootstrap", "port": work.book.bootstrap, "targetPort": work.book.bootstrap})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": chosen, "ports": ports},
    }


def pod(work: Job, one: Server, device: Device, stem: str, *, leads: bool) -> dict[str, Any]:
    """Return the pod of one server.

    Args:
        work: the whole recipe.
        one: the server.
        device: what its chips need.
        stem: what the names of its settings, scripts and weights begin with.
        leads: whether it answers requests, and so is probed.
    """
    script = f"/recipe/{shell.name(one)}"
    environment = [
        {"name": "HOST", "value": Noted(EVERY, "within the pod; the Service decides who reaches it")},
        {"name": "PORT", "value": str(work.book.port)},
    ]
    if device.program:
        environment.append({"name": "PROGRAM", "value": Noted(device.program[0], "where the image has it")})
    container: dict[str, Any] = {
        "name": "server",
        "image": device.image,
        "command": ["bash", script] if one.number("nodes") == 1 else ["bash", "-c", f"{_LEADER}{script}"],
        "envFrom": [{"configMapRef": {"name": f"{stem}-settings"}}],
        "env": environment,
        "volumeMounts": [
            {"name": "recipe", "mountPath": "/recipe"},
            {"name": "weights", "mountPath": "/models", "readOnly": True},
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108
        ],
    }
    if device.resource:
        count = Noted(str(one.number("local")), f"pools[{one.index}].layout: ranks on one node")
        container["resources"] = {"limits": {device.resource: count}}
    if leads:
        probe = {"httpGet": {"path": work.book.health, "port": work.book.port}, "periodSeconds": 10}
        container["ports"] = [{"containerPort": work.book.port}]
        container["startupProbe"] = {**probe, "failureThreshold": Noted(360, "an hour to load the weights")}
        container["readinessProbe"] = probe
    return {
        "containers": [container],
        "volumes": [
            {"name": "recipe", "configMap": {"name": f"{stem}-recipe"}},
            {"name": "weights", "persistentVolumeClaim": {"claimName": f"{stem}-weights", "readOnly": True}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }


def _router(work: Job, stem: str) -> list[dict[str, Any]]:
    """Return the router of a split plan: it names each server's Service."""
    r = work.book.router
    if r is None:
        return []
    urls = {
        s.role: " ".join(f"http://{stem}-{s.role}-{i}:{work.book.port}" for i in range(s.number("replicas")))
        for s in work.servers
    }
    name = f"{stem}-router"
    container = {
        "name": "router",
        "image": r.image or work.devices[0].image,
        "command": ["bash", "-c", f"{r.install}exec bash /recipe/{router.NAME}"],
        "env": [
            {"name": "HOST", "value": EVERY},
            {"name": "PORT", "value": str(r.port)},
            {"name": "PREFILL_URLS", "value": Noted(urls.get("prefill", ""), "the Services above")},
            {"name": "DECODE_URLS", "value": Noted(urls.get("decode", ""), "the Services above")},
        ],
        "ports": [{"containerPort": r.port}],
        "volumeMounts": [{"name": "recipe", "mountPath": "/recipe"}],
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "recipe", "configMap": {"name": f"{stem}-recipe"}}],
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    }
    ports = [{"name": "http", "port": r.port, "targetPort": r.port}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": ports}},
    ]  # fmt: skip
