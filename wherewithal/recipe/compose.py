"""Docker Compose: the servers of one host, each started by its pool's own script."""

from __future__ import annotations

from typing import Any

from wherewithal.catalog.recipe_record import Device
from wherewithal.recipe import router, shell
from wherewithal.recipe.job import Job
from wherewithal.recipe.lines import Server
from wherewithal.recipe.yaml_text import Noted, comment, dump

NAME = "compose.yaml"


def files(work: Job, made: dict[str, str], cannot: list[str]) -> dict[str, str]:
    """Return one compose file a pool with the servers of one host."""
    out = {}
    for one, device in zip(work.servers, work.devices, strict=True):
        if not device.image:
            cannot.append(f"Docker on chips of {one.facts['maker']}: no image is known; use the plain commands")
            continue
        if work.book.mpi and one.number("nodes") > 1:
            cannot.append("a replica over several hosts in Compose: its ranks are started by MPI; use Slurm")
            continue
        name = NAME if one.role == "all" else f"compose-{one.role}.yaml"
        out[name] = _file(work, one, device, made, name)
    return out


def _file(work: Job, one: Server, device: Device, made: dict[str, str], name: str) -> str:
    hosts = -(-one.number("replicas") * one.number("nodes") // one.number("on_host"))
    head = (
        *work.header,
        f"image: {device.image_note}",
        f"run on each of the {hosts} hosts of pools[{one.index}]: MODEL=... WEIGHTS_DIR=... docker compose -f {name} up"
        if hosts > 1
        else f"run: MODEL=... WEIGHTS_DIR=... docker compose -f {name} up",
    )
    services = {f"{_stem(one)}-{i}": _service(one, device, i, made) for i in range(one.number("on_host"))}
    if one.role == "decode" and router.NAME in made:
        head = (*head, f"then, once, in front of both pools: bash {router.NAME}")
    return "".join(f"{comment(t)}\n" for t in head) + dump({"services": services})


def _stem(one: Server) -> str:
    return "serve" if one.role == "all" else one.role


def _service(one: Server, device: Device, number: int, made: dict[str, str]) -> dict[str, Any]:
    first = one.number("first_device") + number * one.number("ranks")
    ids = [str(first + k) for k in range(one.number("local"))]
    several = one.number("nodes") > 1
    environment: dict[str, Any] = {
        "MODEL": Noted("${MODEL:?as the container sees it; /models is WEIGHTS_DIR}", "the weights"),
        "HOST": Noted("${HOST:?address at which the router reaches it, or 0.0.0.0}", "the router is on another host")
        if shell.reached(one)
        else Noted("${HOST:-127.0.0.1}", "0.0.0.0 takes requests of every network that reaches the host"),
        "PORT": str(one.number("first_port") + number),
        **{a.name: f"${{{a.name}:?{_plain(a.say)}}}" for a in one.asks if not a.default},
    }
    if device.program:
        environment["PROGRAM"] = Noted(device.program[0], "where the image has it")
    if several:
        environment["NODE_RANK"] = "${NODE_RANK:?0 on the first host of the replica}"
        environment["HEAD_ADDRESS"] = "${HEAD_ADDRESS:?address of the first host}"
    if device.visible and device.compose != "nvidia":
        environment[device.visible] = Noted(",".join(ids), f"pools[{one.index}].layout")
    mounts = [f"./{n}:/recipe/{n}:ro" for n in _needed(one, made)]
    service: dict[str, Any] = {
        "image": device.image,
        "entrypoint": ["bash", f"/recipe/{shell.name(one)}"],
        "network_mode": Noted(
            "host", "servers and, over several hosts, their ranks reach each other as without Docker"
        ),
        "ipc": Noted("host", "ranks of one host share memory"),
        "environment": environment,
        "volumes": [*mounts, "${WEIGHTS_DIR:?folder of the weights on this host}:/models:ro", *device.mounts],
        "restart": "unless-stopped",
    }
    if several or one.role != "all":
        service["cap_add"] = ["IPC_LOCK"]
        service["devices"] = [Noted("/dev/infiniband:/dev/infiniband", "RDMA; leave it out where hosts have none")]
    if device.compose == "nvidia":
        wanted = {"driver": "nvidia", "device_ids": ids, "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [wanted]}}}
        service["ulimits"] = {"memlock": Noted(-1, "RDMA registers memory")}
    elif device.compose == "devices":
        service["devices"] = [
            *service.get("devices", []),
            *(m.format(n=i) for m in device.nodes for i in (ids if "{n}" in m else ["0"])),
        ]
    return service


def _plain(say: str) -> str:
    return "".join(c for c in say if c not in "${}\"'")


def _needed(one: Server, made: dict[str, str]) -> list[str]:
    """Return the files of a pool that its container must see."""
    return [n for n in (shell.name(one), shell.name(one, "config", ".yaml")) if n in made]
