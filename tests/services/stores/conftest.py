"""A PostgreSQL and an S3 server on this machine, and replicas that share them."""

import getpass
import importlib.util
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import streamlit as st

PASSWORD = "only-for-tests"
_NEEDED = ("psycopg", "sqlalchemy", "s3fs", "moto")
_MISSING = [name for name in _NEEDED if importlib.util.find_spec(name) is None]


class _NotHere(pytest.Module):
    """A module of tests that cannot be imported here."""

    def collect(self) -> NoReturn:
        pytest.skip(f"not installed: {', '.join(_MISSING)} (make test-services installs them)")


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    return _NotHere.from_parent(parent, path=module_path) if _MISSING else None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _postgres_bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = str(found[-1]) if found else shutil.which("initdb")
    if program is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return Path(program).parent


def _as_server(line: list[str]) -> list[str]:
    """PostgreSQL does not run as root."""
    if getpass.getuser() != "root":
        return line
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *line]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database's name."""
    programs = _postgres_bin()
    # Not below pytest's folders, which only their owner may enter.
    home = Path(tempfile.mkdtemp(prefix="lab-postgres-"))
    if getpass.getuser() == "root":
        shutil.chown(home, "nobody", "nogroup")
    home.chmod(0o700)
    port, data = _free_port(), home / "data"
    secret = home / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    line = [str(programs / "initdb"), "-D", str(data), "-U", "lab", "-A", "scram-sha-256"]
    line += ["--pwfile", str(secret), "-E", "UTF8", "--locale", "C", "--no-sync"]
    subprocess.run(_as_server(line), check=True, capture_output=True, cwd="/")
    line = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(home)]
    line += ["-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=60"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(_as_server(line), stdout=log, stderr=log, cwd="/")
    url = f"postgresql://lab:{PASSWORD}@127.0.0.1:{port}"
    try:
        _wait_for(lambda: _connected(url).close())
        yield url
    finally:
        # Its "fast" end, which does not wait for clients.
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def _connected(url: str) -> Any:
    return importlib.import_module("psycopg").connect(f"{url}/postgres", autocommit=True)


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"lab_{secrets.token_hex(6)}"
    with _connected(postgres) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{postgres}/{name}"
        # With the connections of replicas that a test has left behind.
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of a bucket of an S3 server; the environment has what a client needs."""
    port = _free_port()
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        try:
            _wait_for(lambda: urllib.request.urlopen(endpoint, timeout=1).close())
            bucket = urllib.request.Request(f"{endpoint}/lab", method="PUT")
            urllib.request.urlopen(bucket, timeout=5).close()
            yield "s3://lab"
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture
def bucket(s3: str) -> str:
    """The URL of an empty prefix of a bucket."""
    return f"{s3}/{secrets.token_hex(6)}"


@pytest.fixture(autouse=True)
def fresh_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages begin without what an earlier test has opened; connections do not outlive a test."""
    sa = importlib.import_module("sqlalchemy")
    create, engines = sa.create_engine, []

    def noted(*args: Any, **options: Any) -> Any:
        engines.append(create(*args, **options))
        return engines[-1]

    monkeypatch.setattr(sa, "create_engine", noted)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()
    for engine in engines:
        engine.dispose()


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the test itself, or a page that it opens, has asked the database so far."""
    sa = importlib.import_module("sqlalchemy")
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if threading.current_thread().name.startswith(("MainThread", "ScriptRunner")):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def _wait_for(connect: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            connect()
            return
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
