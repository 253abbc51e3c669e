"""The desk with workers that do as the test says: who is answered, refused, retried, let go."""

from __future__ import annotations

import asyncio
import json

import pytest

from wherewithal.app import answers
from wherewithal.app.asked import PlanAsked
from wherewithal.app.serve import crew as crews
from wherewithal.app.serve import names
from wherewithal.app.serve.crew import Crew, Died
from wherewithal.app.serve.desk import Broken, Busy, Desk, TooLong
from wherewithal.app.serve.store import FILE
from wherewithal.errors import InputError


class Process:
    async def wait(self):
        return 0


class Script:
    """What the workers were asked, and what they do: a body, an error, or nothing until told."""

    def __init__(self):
        self.asked, self.replies, self.killed, self.obedient = [], {}, 0, True
        self.begun = asyncio.Queue()

    def hold(self, model):
        self.replies[model] = asyncio.get_running_loop().create_future()
        return self.replies[model]


class Worker:
    def __init__(self, script):
        self.script, self.alive, self.process = script, True, Process()
        self.off = asyncio.Event()

    async def ask(self, question, told):
        model = question["asked"]["model"]
        self.off.clear()
        self.script.asked.append(model)
        self.script.begun.put_nowait(model)
        told("search", 1, 2)
        reply = self.script.replies.get(model, b"{}")
        if isinstance(reply, asyncio.Future):
            waits = [asyncio.ensure_future(self.off.wait()), reply]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            waits[0].cancel()
            if not reply.done():
                return None
            reply = reply.result()
        if isinstance(reply, list):
            reply = reply.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def call_off(self):
        if self.script.obedient:
            self.off.set()

    def kill(self):
        self.alive = False
        self.script.killed += 1


def plan(model, **more):
    return PlanAsked(model=model, on="somewhere", **more)


def run(tmp_path, test, workers=1, store=False, **settings):
    async def main():
        script = Script()
        desk = Desk(workers, tmp_path / "store" if store else None, tmp_path / "uploads", **settings)

        async def begin():
            return Worker(script)

        desk.crew = Crew(workers + 1, begin)
        async with desk, asyncio.timeout(20):
            await test(desk, script)

    asyncio.run(main())


def later(coroutine):
    return asyncio.ensure_future(coroutine)


async def until(true):
    while not true():  # noqa: ASYNC110  # any state of the desk, most without an event
        await asyncio.sleep(0)


def test_a_question_asked_again_is_not_computed_again(tmp_path):
    async def test(desk, script):
        script.replies["a"] = b'{"x": 1}'
        first, again = await desk.ask(plan("a")), await desk.ask(plan("a", seed=0))
        assert (first.body, first.cached) == (b'{"x": 1}', False)
        assert (again.body, again.cached, again.id) == (b'{"x": 1}', True, first.id)
        assert script.asked == ["a"]
        assert desk.stored(first.id) == b'{"x": 1}'
        assert desk.stored("0" * 64) is None

    run(tmp_path, test)


def test_an_answer_outlives_the_desk(tmp_path):
    async def first(desk, script):
        script.replies["a"] = b"kept"
        await desk.ask(plan("a"))

    async def second(desk, script):
        done = await desk.ask(plan("a"))
        assert (done.body, done.cached, script.asked) == (b"kept", True, [])

    run(tmp_path, first, store=True)
    assert (tmp_path / "store" / FILE).is_file()
    run(tmp_path, second, store=True)


def test_an_upgrade_or_another_catalog_never_serves_old_numbers(monkeypatch):
    old = names.name(plan("a"))
    assert old == names.name(plan("a"))
    assert old != names.name(plan("a", seed=1))
    monkeypatch.setattr(names, "catalog", lambda: "another")
    new = names.name(plan("a"))
    assert new != old
    monkeypatch.setattr(names, "code", lambda: "another")
    assert names.name(plan("a")) not in (old, new)


def test_alike_questions_in_flight_are_computed_once_and_all_hear_of_it(tmp_path):
    async def test(desk, script):
        reply, heard = script.hold("a"), []
        asks = [later(desk.ask(plan("a"), str(i), lambda *p: heard.append(p))) for i in range(5)]
        await until(lambda: desk.counts()["shared"] == 4)
        asks[0].cancel()
        await until(asks[0].done)
        reply.set_result(b"one")
        assert {(await ask).body for ask in asks[1:]} == {b"one"}
        assert script.asked == ["a"]
        assert ("search", 1, 2) in heard

    run(tmp_path, test)


def test_the_last_who_leaves_frees_the_worker_and_the_worker_lives(tmp_path):
    async def test(desk, script):
        script.hold("a")
        asks = [later(desk.ask(plan("a"))) for _ in range(2)]
        await script.begun.get()
        for ask in asks:
            ask.cancel()
        assert (await desk.ask(plan("b"))).body == b"{}"
        assert (script.asked, script.killed, desk.counts()["left"]) == (["a", "b"], 0, 1)

    run(tmp_path, test)


def test_a_worker_that_does_not_let_go_is_killed_and_another_serves(tmp_path, monkeypatch):
    monkeypatch.setattr("wherewithal.app.serve.desk.GRACE_S", 0.0)

    async def test(desk, script):
        script.obedient = False
        script.hold("a")
        ask = later(desk.ask(plan("a")))
        await script.begun.get()
        ask.cancel()
        assert (await desk.ask(plan("b"))).body == b"{}"
        assert script.killed == 1

    run(tmp_path, test)


def test_who_leaves_the_line_is_never_computed(tmp_path):
    async def test(desk, script):
        reply = script.hold("a")
        first = later(desk.ask(plan("a")))
        await script.begun.get()
        second = later(desk.ask(plan("b")))
        await until(lambda: desk.counts()["waiting"] == 1)
        second.cancel()
        await until(lambda: desk.counts()["waiting"] == 0)
        reply.set_result(b"")
        await first
        await desk.ask(plan("c"))
        assert script.asked == ["a", "c"]

    run(tmp_path, test)


def test_a_question_past_the_deadline_is_too_long_and_the_next_one_is_served(tmp_path):
    async def test(desk, script):
        script.hold("a")
        with pytest.raises(TooLong) as error:
            await desk.ask(plan("a"))
        assert error.value.deadline_s == 0.05
        desk.deadline_s = 10
        assert (await desk.ask(plan("b"))).body == b"{}"

    run(tmp_path, test, deadline_s=0.05)


def test_a_worker_that_dies_costs_one_retry_and_twice_is_an_error(tmp_path):
    async def test(desk, script):
        script.replies["once"] = [Died(), b"second"]
        assert (await desk.ask(plan("once"))).body == b"second"
        script.replies["twice"] = [Died(), Died()]
        with pytest.raises(Broken, match="twice"):
            await desk.ask(plan("twice"))
        assert script.asked == ["once", "once", "twice", "twice"]
        assert (await desk.ask(plan("b"))).body == b"{}"

    run(tmp_path, test)


def test_what_is_wrong_with_a_question_reaches_all_whole_and_is_not_kept(tmp_path):
    async def test(desk, script):
        script.replies["a"] = InputError("model", "no such", "try b")
        for _ in range(2):
            with pytest.raises(InputError) as error:
                await desk.ask(plan("a"))
            assert (error.value.where, error.value.what, error.value.fix) == ("model", "no such", "try b")
        assert script.asked == ["a", "a"]

    run(tmp_path, test)


def test_a_full_line_is_busy_and_a_flood_gives_way_to_a_modest_client(tmp_path):
    async def test(desk, script):
        reply = script.hold("a")
        first = later(desk.ask(plan("a"), "flood"))
        await script.begun.get()
        flood = [later(desk.ask(plan(f"f{i}"), "flood")) for i in range(4)]
        await until(lambda: desk.counts()["waiting"] == 3 and flood[3].done())
        assert isinstance(flood[3].exception(), Busy)
        assert flood[3].exception().retry_after_s >= 1
        modest = later(desk.ask(plan("m"), "modest"))
        await until(flood[2].done)
        assert isinstance(flood[2].exception(), Busy)
        reply.set_result(b"")
        await asyncio.gather(first, modest, *flood[:2])
        assert script.asked == ["a", "f0", "m", "f1"]

    run(tmp_path, test, queue=3, patience_s=100)


def test_who_would_wait_too_long_is_refused_though_there_is_room(tmp_path):
    async def test(desk, script):
        desk.seconds["plan"] = 2.0
        reply = script.hold("a")
        asks = [later(desk.ask(plan("a"), "x"))]
        await script.begun.get()
        asks.append(later(desk.ask(plan("b"), "y")))
        await until(lambda: desk.counts()["waiting"] == 1)
        with pytest.raises(Busy):
            await desk.ask(plan("c"), "z")
        reply.set_result(b"")
        await asyncio.gather(*asks)
        assert script.asked == ["a", "b"]

    run(tmp_path, test, patience_s=3.0)


def test_a_listener_that_fails_harms_nobody(tmp_path):
    async def test(desk, script):
        def bad(*_):
            raise RuntimeError

        assert (await desk.ask(plan("a"), "", bad)).body == b"{}"

    run(tmp_path, test)


def test_a_desk_that_stops_leaves_nobody_waiting(tmp_path):
    left = []

    async def test(desk, script):
        script.hold("a")
        left.append(later(desk.ask(plan("a"))))
        await script.begun.get()
        left.append(later(desk.ask(plan("b"))))
        await until(lambda: desk.counts()["waiting"] == 1)
        await desk.__aexit__()
        found = await asyncio.gather(*left, return_exceptions=True)
        assert [type(f) for f in found] == [Broken, Broken]

    run(tmp_path, test)


def test_uploads_lie_under_their_hash_whole(tmp_path):
    async def test(desk, script):
        digest = desk.keep_upload(b"{}", "json")
        assert digest == desk.keep_upload(b"{}", "json")
        assert [(p.name, p.read_bytes()) for p in (tmp_path / "uploads").iterdir()] == [(f"{digest}.json", b"{}")]

    run(tmp_path, test)


def test_a_quick_answer_needs_a_near_one_and_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "quick", lambda *_: None, raising=False)

    async def test(desk, script):
        assert await desk.quick(plan("b"), "0" * 64) is None
        near = await desk.ask(plan("a"))
        script.replies["b"] = b"quick"
        assert await desk.quick(plan("b"), near.id) == b"quick"
        script.replies["b"] = b"full"
        assert (await desk.ask(plan("b"))).body == b"full"

    run(tmp_path, test)


class _Stuck:
    async def begin(self):
        raise Died


def test_workers_that_do_not_start_are_an_error_and_no_hang(monkeypatch):
    async def no_pause(_):
        return None

    async def main():
        crew = Crew(2, _Stuck().begin)
        with pytest.raises(Died):
            await crew.open(1)
        await crew.close()

    monkeypatch.setattr(crews.asyncio, "sleep", no_pause)
    asyncio.run(main())


def test_a_worker_says_what_is_wrong_whole_and_names_no_folder(tmp_path):
    async def main():
        worker = await crews.start(tmp_path / "uploads")
        try:
            told = []
            question = {"verb": "plan", "asked": {"model": "no-such-model", "on": "nowhere"}}
            with pytest.raises(InputError) as error:
                await worker.ask(question, lambda *p: told.append(p))
            assert "no-such-model" in error.value.what
            assert error.value.fix
            desk_dir = tmp_path / "uploads"
            desk_dir.mkdir()
            (desk_dir / f"{'a' * 64}.json").write_text(json.dumps({"model_type": "none"}))
            question["asked"]["model"] = f"upload:{'a' * 64}"
            with pytest.raises(InputError) as error:
                await worker.ask(question, lambda *p: told.append(p))
            assert str(tmp_path) not in str(error.value)
            worker.process.kill()
            with pytest.raises(Died):
                await worker.ask(question, lambda *p: told.append(p))
        finally:
            worker.kill()
            await worker.process.wait()

    asyncio.run(main())
