"""A mixed load: every way in, files that are new, known, missing and wrong, deletions, erasures, callbacks."""

import hashlib
import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.chaos.promises import Creation, Promises, attempt
from tests.end_to_end.shelf import Shelf
from tests.factories import forms
from tests.factories.http import Answer, SparkClient
from tests.factories.media import make_jpeg

OTHER_PROJECT: Final = "other"
_THREADS: Final = 4
_AT_ONCE: Final = 14
"""Creations of one helping."""
_REMOVALS: Final = 2


class Load:
    """Asks a service for all that it can do. What is asked for, and in which order, follows from the seed."""

    def __init__(self, shelf: Shelf, folder: Path, chance: random.Random, callback: str) -> None:
        self._shelf = shelf
        self._chance = chance
        self._callback = callback
        self._picture: Final = make_jpeg(folder / "chaos.jpg", 400, 400, quality=30).read_bytes()
        self.group: dict[str, str] = {}
        """The group of each project."""
        self.promises: Final = Promises()
        self._count = 0
        self._numbers = itertools.count(1)

    def prepare(self, client: SparkClient) -> None:
        """Make the groups."""
        for project in ("default", OTHER_PROJECT):
            answer = client.call("POST", "/v1/groups", {"name": "chaos", "type": "AIGC"}, {"X-Project": project})
            assert answer.status == 201, answer.body
            self.group[project] = answer.json()["id"]

    def helping(self) -> list[Creation]:
        """So many further creations, of every kind."""
        makers = [self._by_url, self._by_data, self._by_form, self._by_tus, self._missing, self._with_callback]
        chosen = makers + self._chance.choices(makers, weights=(6, 1, 1, 1, 1, 1), k=_AT_ONCE - len(makers) - 1)
        creations = [make() for make in chosen]
        creations.append(self._twin(creations[0]))
        self.promises.asked += creations
        return creations

    def send(self, client: SparkClient) -> None:
        """Ask for a helping, and again for what is not answered yet; remove some assets. Returns once each was asked for once."""
        helping = self.helping()
        doomed = self._choose_doomed()
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(lambda creation: self.promises.submit(client, creation), [*self._others(helping), *helping]))
            list(threads.map(lambda asset_id: self.promises.remove(client, asset_id), doomed))

    def settle(self, client: SparkClient) -> bool:
        """Ask for what is open; whether everything is answered, ended and removed."""
        promises = self.promises
        answered = [promises.submit(client, creation) for creation in promises.unanswered()]
        removed = [promises.remove(client, asset_id) for asset_id in list(promises.deleting)]
        running = [task_id for task_id in promises.acknowledged() if task_id not in promises.ended]
        ended = [task is not None and task["status"] != "in_progress" for task in (promises.look(client, task_id) for task_id in running)]
        return all(answered) and all(removed) and all(ended)

    def look_at_ended(self, client: SparkClient) -> None:
        """Look at some tasks that have ended, so that there are assets to remove and states that might revert."""
        open_tasks = [task_id for task_id in self.promises.acknowledged() if task_id not in self.promises.ended]
        for task_id in open_tasks[-_AT_ONCE:]:
            self.promises.look(client, task_id)

    def _others(self, helping: list[Creation]) -> list[Creation]:
        return [creation for creation in self.promises.unanswered() if creation not in helping]

    def _choose_doomed(self) -> list[str]:
        promises = self.promises
        living = sorted(
            asset_of(task) for task in promises.ended.values() if task["status"] == "completed" and asset_of(task) not in promises.removed
        )
        for asset_id in self._chance.sample(living, min(_REMOVALS, len(living))):
            promises.removed.add(asset_id)
            promises.deleting[asset_id] = self._chance.choice(("delete", "erase", "erase"))
        return list(promises.deleting)

    def _content(self) -> bytes:
        """A picture that no other is like."""
        self._count += 1
        return self._picture + b"%d" % self._count

    def _by_url(self, **extra: str) -> Creation:
        content = self._content()
        return self._from(self._shelf.put(f"/{self._count}.jpg", content), _hash(content), **extra)

    def _missing(self) -> Creation:
        self._count += 1
        return self._from(self._shelf.origin.url(f"/missing-{self._count}.jpg"), None)

    def _with_callback(self) -> Creation:
        return self._by_url(callback_url=self._callback)

    def _by_data(self) -> Creation:
        content = self._content()
        return self._from(forms.data_uri(content), _hash(content))

    def _from(self, url: str, sha256: str | None, project: str = "default", **extra: str) -> Creation:
        body = {"url": url, "type": "Image", "group_id": self.group[project], **extra}

        def ask(client: SparkClient, headers: dict[str, str]) -> Answer:
            return client.call("POST", "/v1/assets", body, {**headers, "X-Project": project})

        return Creation(self._next(), ask, sha256, project)

    def _by_form(self) -> Creation:
        content = self._content()
        body = forms.form(("type", "Image"), ("group_id", self.group["default"]), file=content)
        return Creation(self._next(), lambda client, headers: forms.upload(client, body, headers), _hash(content))

    def _by_tus(self) -> Creation:
        content = self._content()
        group = self.group["default"]

        def ask(client: SparkClient, headers: dict[str, str]) -> Answer:
            return self._resume(client, forms.begin(client, len(content), headers, type="Image", group_id=group), content)

        return Creation(self._next(), ask, _hash(content))

    def _resume(self, client: SparkClient, begun: Answer, content: bytes) -> Answer:
        """Send what the service does not have, in two requests; the answer tells the upload's task."""
        if begun.status != 201:
            return begun
        path = forms.path_of(client, begun)
        offset = int(begun.headers["upload-offset"])
        for end in (len(content) // 2, len(content)):
            if offset < end:
                added = forms.add(client, path, offset, content[offset:end])
                if added.status != 204:
                    return _busy(added)
                offset = int(added.headers["upload-offset"])
                again = attempt(lambda: client.request("HEAD", path, headers=forms.TUS))
                if again is not None and again.status == 200 and int(again.headers["upload-offset"]) < offset:
                    self.promises.complain(f"the upload {path} had {offset} bytes, and now {again.headers['upload-offset']}")
        shown = client.call("GET", path.replace("/tus/", "/"))
        if shown.status != 200:
            return shown
        return Answer(200, {}, json.dumps({"id": shown.json()["task_id"]}).encode())

    def _twin(self, first: Creation) -> Creation:
        """The same bytes in another project, where they are not known."""
        url = self._shelf.origin.url(f"/twin-{first.number}.jpg")
        content = self._content()
        self._shelf.put(f"/twin-{first.number}.jpg", content)
        self.promises.asked.append(self._from(url, _hash(content)))
        return self._from(url, _hash(content), OTHER_PROJECT)

    def _next(self) -> int:
        return next(self._numbers)


def asset_of(task: dict[str, object]) -> str:
    """The asset of a task that has ended."""
    metadata = task["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["asset_id"])


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _busy(answer: Answer) -> Answer:
    """A hold that a killed request has left ends by itself: an answer that promises nothing."""
    return Answer(503, answer.headers, answer.body) if answer.status == 409 else answer
