"""Files are handed to the person to whom their link was given, and to no one else."""

import json
from pathlib import Path
from typing import Any

import pytest
import streamlit.web.server.starlette.starlette_app_utils as streamlit_cookies
from asgi_calls import Answer, ask
from signed_in import claims, person
from starlette.applications import Starlette

from emotion_core.access.audit import AuditLog
from emotion_core.access.person import admit_header
from emotion_core.access.settings import AccessSettings, SignOn
from emotion_core.study.store import StudyStore
from emotion_core.ui.common import signed_request
from emotion_core.ui.common.file_links import (
    GONE,
    NOT_YOURS,
    FileLinks,
    OfferedFile,
    Reader,
    file_routes,
)
from emotion_core.ui.common.signed_request import FileGuard, guard_of

SECRET = "c" * 40
FILE = OfferedFile("smiling_clara.csv", "text/csv", lambda: iter([b"a,b"]))
OIDC = AccessSettings(SignOn.OIDC, audit_days=30)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_request, "get_cookie_secret", lambda: SECRET)


@pytest.fixture
def guard(tmp_path: Path) -> FileGuard:
    return guard_of(OIDC, AuditLog(tmp_path / "audit", 30), tmp_path)


def cookie(name: str, secret: str = SECRET, **changes: Any) -> tuple[str, str]:
    """The cookie of someone who is signed in."""
    value = json.dumps(claims(name, **changes))
    signed = streamlit_cookies.create_signed_value(secret, "_streamlit_user", value)
    return "Cookie", f"_streamlit_user={signed.decode()}"


def fetch(
    guard: FileGuard, reader: Reader, *headers: tuple[str, str], file: OfferedFile = FILE
) -> Answer:
    links = FileLinks()
    link = links.offer(file, reader=reader)
    app = Starlette(routes=file_routes(links, guard))
    assert GONE in ask(app, "/files?id=wrong", *headers).text
    return ask(app, f"/files?id={link}", *headers)


ANNAS = Reader(person("anna").owner, "analysis", "a1")


def test_a_link_is_good_for_its_person_only(guard: FileGuard) -> None:
    answer = fetch(guard, ANNAS, cookie("anna"))
    assert (answer.status, answer.text) == (200, "a,b")
    for headers in (
        [],
        [cookie("ben")],
        [cookie("anna", secret="d" * 40)],
        [cookie("anna", iat=1_000_000)],
        [cookie("anna", is_logged_in=False)],
        [("Cookie", "_streamlit_user=" + json.dumps(claims("anna")))],
        [("Cookie", "_streamlit_user=chunks-9999")],
    ):
        answer = fetch(guard, ANNAS, *headers)
        assert answer.status == 403
        assert NOT_YOURS in answer.text


def test_those_who_came_by_invitation_need_no_sign_in(guard: FileGuard) -> None:
    assert fetch(guard, Reader()).status == 200


def test_a_study_that_was_taken_away_gives_no_more_files(guard: FileGuard, tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "studies")
    token = store.add(person("anna").owner, lambda folder: folder.mkdir())
    reader = Reader(person("ben").owner, "study", token)
    store.share(token, "ben@example.org")
    assert fetch(guard, reader, cookie("ben")).status == 200
    store.unshare(token, "ben@example.org")
    assert fetch(guard, reader, cookie("ben")).status == 403


def test_what_is_saved_is_noted_without_its_name(guard: FileGuard, tmp_path: Path) -> None:
    fetch(guard, ANNAS, cookie("anna"))
    fetch(guard, ANNAS, cookie("ben"))
    fetch(guard, ANNAS, cookie("anna"), ("Range", "bytes=2-"))
    shown = OfferedFile("clip.mp4", "video/mp4", lambda: iter([b"film"]), inline=True)
    fetch(guard, ANNAS, cookie("anna"), file=shown)
    (line,) = AuditLog(tmp_path / "audit", 30).newest(9)
    assert (line["event"], line["who"], line["file"]) == ("export", "anna@example.org", "csv")
    assert "clara" not in json.dumps(line)


def test_a_header_names_the_reader_where_a_proxy_signs_people_on(tmp_path: Path) -> None:
    settings = AccessSettings(SignOn.HEADER, "X-User")
    guard = guard_of(settings, AuditLog(tmp_path, 0), tmp_path)
    anna = admit_header(["anna"], settings).person
    assert anna is not None
    assert fetch(guard, Reader(anna.owner), ("X-User", "anna")).status == 200
    assert fetch(guard, Reader(anna.owner), ("X-User", "ben")).status == 403
    assert fetch(guard, Reader(anna.owner)).status == 403
    assert fetch(guard, Reader(anna.owner), ("X-User", "anna"), ("X-User", "ben")).status == 403


def test_without_sign_on_a_link_is_enough(tmp_path: Path) -> None:
    guard = guard_of(AccessSettings(audit_days=30), AuditLog(tmp_path / "audit", 30), tmp_path)
    assert fetch(guard, Reader()).status == 200
    assert AuditLog(tmp_path / "audit", 30).newest(1)[0]["who"] == "visitor"
