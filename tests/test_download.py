"""Fetching: the right file or a clear error, from a server on loopback; and nothing outside of the cache folder."""

import functools
import hashlib
import http.server
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest
import tiny_files

pooch = pytest.importorskip("pooch")

from glimpse_env.datasets import download, formats, load, published  # noqa: E402

FILE = "numbers.bin"
CONTENT = bytes(range(256)) * 2000
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Mirrors(http.server.BaseHTTPRequestHandler):
    """Each first folder of an address is a mirror that behaves as it is named."""

    def do_GET(self):
        self.server.asked.append(self.path)
        kind = self.path.split("/")[1]
        content = CONTENT[::-1] if kind == "wrong" else CONTENT
        if kind == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "cut":
            content = content[:1000]
        for start in range(0, len(content), 64_000):
            self.wfile.write(content[start : start + 64_000])
            time.sleep(0.05 * (kind == "slow"))

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirrors) as it:
        it.asked = []
        thread = threading.Thread(target=it.serve_forever)
        thread.start()
        it.address = f"http://127.0.0.1:{it.server_port}/"
        yield it
        it.shutdown()
        thread.join()


def fetch(server, *kinds):
    return download.fetch("numbers", FILE, CHECKSUM, tuple(f"{server.address}{kind}/" for kind in kinds))


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_right_file_is_fetched_once_and_nothing_else_is_left(server, tmp_path):
    path = fetch(server, "good")
    assert path == tmp_path / "cache" / "numbers" / FILE
    assert path.read_bytes() == CONTENT
    assert fetch(server, "good") == path
    assert server.asked == [f"/good/{FILE}"]
    assert files_in(tmp_path) == [f"cache/numbers/{FILE}"]


@pytest.mark.parametrize("kind", ["missing", "wrong", "cut"])
def test_mirrors_are_tried_in_turn(server, tmp_path, kind):
    assert fetch(server, kind, "good").read_bytes() == CONTENT
    assert server.asked == [f"/{kind}/{FILE}", f"/good/{FILE}"]
    assert files_in(tmp_path) == [f"cache/numbers/{FILE}"]


@pytest.mark.parametrize(
    ("kind", "reason"), [("missing", "404"), ("wrong", "hash"), ("cut", "IncompleteRead|[Ii]ncomplete|broken")]
)
def test_no_mirror_has_it(server, tmp_path, kind, reason):
    with pytest.raises(FileNotFoundError, match=reason) as caught:
        fetch(server, kind)
    message = str(caught.value)
    assert f"numbers needs {FILE} ({CHECKSUM}), which could not be fetched:" in message
    assert f"{server.address}{kind}/{FILE}" in message
    assert f"put it at {tmp_path / 'cache' / 'numbers' / FILE}, or set GLIMPSE_DATA to a folder" in message
    assert files_in(tmp_path) == []


def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"could not be fetched(.|\n)*onnection(.|\n)*put it at"):
        download.fetch("numbers", FILE, CHECKSUM, (tiny_files.NOBODY,))


def test_a_file_put_there_by_hand_needs_no_network(server, tmp_path):
    (tmp_path / "cache" / "numbers").mkdir(parents=True)
    (tmp_path / "cache" / "numbers" / FILE).write_bytes(CONTENT)
    assert fetch(server, "missing").read_bytes() == CONTENT
    assert server.asked == []


def test_a_damaged_file_is_fetched_anew_and_named_if_it_cannot_be(server, tmp_path):
    place = tmp_path / "cache" / "numbers" / FILE
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT[:-1])
    with pytest.raises(FileNotFoundError, match="The file that exists is a different one"):
        fetch(server, "missing")
    assert fetch(server, "good").read_bytes() == CONTENT


def test_two_processes_at_once(server, tmp_path):
    call = f"download.fetch('numbers', {FILE!r}, {CHECKSUM!r}, ('{server.address}slow/',))"
    code = f"from glimpse_env.datasets import download; print({call})"
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    found = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert found == {str(tmp_path / "cache" / "numbers" / FILE)}
    assert (tmp_path / "cache" / "numbers" / FILE).read_bytes() == CONTENT
    assert files_in(tmp_path) == [f"cache/numbers/{FILE}"]


def test_without_the_variable_it_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    assert download.folder() == pathlib.Path(pooch.os_cache("glimpse_env"))


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'Fetching cifar10 needs pooch.*pip install "glimpse-env\[data\]"'):
        download.fetch("cifar10", "a", "md5:0", ())


def test_members_of_an_archive_stay_in_it(tmp_path):
    """Names that lead out of the folder, and links, are never written, nor followed."""
    record = tiny_files.cifar10_records(tiny_files.pixels_of(1, (32, 32, 3)), np.array([3]))
    evil = {"../../outside.bin": b"x", "/tmp/outside.bin": b"x", "cifar-10-batches-bin/test_batch.bin": record}
    inside = tmp_path / "deep" / "deeper"
    inside.mkdir(parents=True)
    (inside / "a.tar.gz").write_bytes(tiny_files.tar(evil))
    images, labels = formats.cifar10(inside / "a.tar.gz", training=False)
    assert (images.shape, labels.tolist()) == ((1, 32, 32, 3), [3])
    assert files_in(tmp_path) == ["deep/deeper/a.tar.gz"]

    (tmp_path / "secret.bin").write_bytes(record)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.bin")
        archive.addfile(link)
    (inside / "b.tar.gz").write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="not CIFAR-10's archive"):
        formats.cifar10(inside / "b.tar.gz", training=False)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_names_of_files_stay_in_the_cache(name):
    entry = published.PUBLISHED[name]
    for file, checksum in {**entry.training, **entry.test}.items():
        assert pathlib.PurePath(file).name == file
        assert len(checksum.removeprefix("md5:")) == 32
    assert all(mirror.startswith(("http://", "https://")) and mirror.endswith("/") for mirror in entry.mirrors)


def test_a_dataset_by_name_from_a_server(monkeypatch, tmp_path):
    made = tiny_files.publish(monkeypatch, tmp_path / "server")
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "cache"))
    handler = functools.partial(QuietFiles, directory=tmp_path / "server" / "cifar10")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as it:
        thread = threading.Thread(target=it.serve_forever)
        thread.start()
        mirrors = {"mirrors": (tiny_files.NOBODY, f"http://127.0.0.1:{it.server_port}/")}
        entry = published.dataclasses.replace(published.PUBLISHED["cifar10"], **mirrors)
        monkeypatch.setitem(published.PUBLISHED, "cifar10", entry)
        data = load("cifar10", "test")
        it.shutdown()
        thread.join()
    np.testing.assert_array_equal(data.images, made["cifar10"][False][0])
    assert files_in(tmp_path / "cache") == ["cifar10/cifar-10-binary.tar.gz"]


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
