"""Fetching models: from a fake hub, and through the real client from a server on loopback."""

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from app import cli
from app.models.pull import HuggingFaceHub, PullError, RemoteFile, pull

REPOSITORY = "somebody/model"
CONTENT = {
    "meta.yaml": b"files: {}\n",
    "exp/weights.pth": bytes(range(256)) * 40,
    "exp/images/loss.png": b"a picture",
}
COMMIT = "0" * 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class FakeHub:
    def __init__(self, sent: Mapping[str, bytes] = CONTENT) -> None:
        self._sent = sent
        self.fetched: list[str] = []

    def files(self, repository: str) -> list[RemoteFile]:
        return [
            RemoteFile(name, len(content), sha256(content) if name.endswith(".pth") else None)
            for name, content in CONTENT.items()
        ]

    def fetch(self, repository: str, name: str, directory: Path) -> None:
        self.fetched.append(name)
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._sent[name])


def test_what_a_model_needs_is_fetched_and_not_fetched_again(tmp_path: Path) -> None:
    hub = FakeHub()
    files = pull(hub, REPOSITORY, tmp_path)
    assert files == [tmp_path / "meta.yaml", tmp_path / "exp/weights.pth"]
    assert (tmp_path / "exp/weights.pth").read_bytes() == CONTENT["exp/weights.pth"]
    pull(hub, REPOSITORY, tmp_path)
    assert hub.fetched == ["meta.yaml", "exp/weights.pth"]


def test_a_file_that_was_damaged_on_the_disk_is_fetched_again(tmp_path: Path) -> None:
    pull(FakeHub(), REPOSITORY, tmp_path)
    (tmp_path / "exp/weights.pth").write_bytes(b"\0" * len(CONTENT["exp/weights.pth"]))
    hub = FakeHub()
    pull(hub, REPOSITORY, tmp_path)
    assert hub.fetched == ["exp/weights.pth"]


def test_a_file_that_arrives_damaged_is_removed(tmp_path: Path) -> None:
    hub = FakeHub({**CONTENT, "exp/weights.pth": b"\0" * len(CONTENT["exp/weights.pth"])})
    with pytest.raises(PullError, match="arrived damaged"):
        pull(hub, REPOSITORY, tmp_path)
    assert not (tmp_path / "exp/weights.pth").exists()


def test_a_full_disk_is_noticed_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1_000))
    hub = FakeHub()
    with pytest.raises(PullError, match=r"only 0\.0 GB are free"):
        pull(hub, REPOSITORY, tmp_path)
    assert hub.fetched == []


class Handler(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a download needs."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        resolved = re.fullmatch(rf"/{REPOSITORY}/resolve/[^/]+/(.+)", path)
        if path.startswith(f"/api/models/{REPOSITORY}"):
            self._send(200, json.dumps(_info()).encode(), {}, with_body=with_body)
        elif resolved and resolved[1] in CONTENT:
            content = CONTENT[resolved[1]]
            headers = {"ETag": f'"{sha256(content)}"', "X-Repo-Commit": COMMIT}
            self._send(200, content, headers, with_body=with_body)
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body=with_body)

    def _send(
        self, status: int, content: bytes, headers: Mapping[str, str], *, with_body: bool
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)


def _info() -> dict[str, object]:
    siblings = [
        {
            "rfilename": name,
            "size": len(content),
            "lfs": {"sha256": sha256(content), "size": len(content), "pointerSize": 100},
        }
        for name, content in CONTENT.items()
    ]
    return {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}


@pytest.fixture
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_client_fetches_from_a_server(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    arguments = ["models", "pull", REPOSITORY, "--out", str(out), "--endpoint", endpoint]
    assert cli.main(arguments) == 0
    assert (out / "exp/weights.pth").read_bytes() == CONTENT["exp/weights.pth"]
    assert "2 files" in capsys.readouterr().out


def test_an_unknown_repository_is_named(endpoint: str) -> None:
    with pytest.raises(PullError, match="somebody/other: no such public repository"):
        HuggingFaceHub(endpoint).files("somebody/other")


def test_without_a_connection_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    arguments = ["models", "pull", REPOSITORY, "--out", str(tmp_path / "model")]
    assert cli.main([*arguments, "--endpoint", f"http://127.0.0.1:{port}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "check the connection" in error
