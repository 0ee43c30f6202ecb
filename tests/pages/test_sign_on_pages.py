"""Where people sign in: no page without, everybody's own things only, sharing, administrators."""

import io
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from page_driver import run, words
from signed_in import SECRETS, claims, open_as, person, title, use_sign_on
from streamlit.testing.v1 import AppTest

from emotion_core.access.audit import AuditLog
from emotion_core.access.person import short_name
from emotion_core.config import PROJECT_ROOT
from emotion_core.study.folder import Study
from emotion_core.study.store import CODING, SESSION, StudyStore
from emotion_core.ui.common import sign_on
from emotion_core.ui.live_page.recorder import session_store
from emotion_core.ui.study_page.jobs import study_jobs
from emotion_core.ui.video_page.jobs import job_store

PAGES = ["Home.py", *sorted(path.name for path in (PROJECT_ROOT / "pages").glob("*.py"))]


@pytest.fixture(autouse=True)
def signed_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    use_sign_on(monkeypatch, tmp_path / "work", EMOTION_LAB_ADMINS="chief@example.org")
    st.cache_data.clear()
    yield tmp_path / "work"
    for store in (job_store(), study_jobs()):
        for folder in store.results_of("x").parents[1].glob("*"):
            store.delete(folder.name)


def lines(work: Path) -> list[tuple[str, str]]:
    """Event and person of the audit log, oldest first."""
    log = AuditLog(work / "audit", 365)
    return [(line["event"], line["who"]) for line in reversed(log.newest(100))]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_anything_to_those_who_have_not_signed_in(
    page: str, signed_work: Path
) -> None:
    app = open_as("", page)
    assert title(app) == "Sign in"
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.file_uploader
    assert not app.get("page_link")
    assert not signed_work.exists()


def test_those_who_signed_in_see_the_page_and_who_they_are(signed_work: Path) -> None:
    app = open_as("anna", "Home.py")
    assert title(app) == "Facial-expression lab"
    assert app.button(key="sign_out").label == "Sign out"
    app = run(app)
    assert lines(signed_work) == [("sign in", "anna@example.org")]


def test_signing_out_is_noted_and_leads_to_the_provider(
    signed_work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    monkeypatch.setattr(st, "logout", lambda: left.append(1))
    app = open_as("anna", "Home.py")
    app.button(key="sign_out").click()
    run(app)
    assert left == [1]
    assert lines(signed_work)[-1] == ("sign out", "anna@example.org")


def test_an_old_sign_in_ends() -> None:
    app = open_as("anna", "Home.py")
    app.user = claims("anna", iat=1_000_000)
    app = run(app)
    assert title(app) == "Sign in"
    assert "sign in again" in words(app)


def test_another_person_in_the_same_tab_finds_nothing_of_the_first(signed_work: Path) -> None:
    app = open_as("anna", "Home.py")
    app.session_state["studies"] = ["something of Anna"]
    app.user = claims("ben")
    app = run(app)
    assert "studies" not in app.session_state
    assert [who for _, who in lines(signed_work)] == ["anna@example.org", "ben@example.org"]


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({}, "redirect_uri"),
        ({"redirect_uri": "https://lab.example.org/callback"}, "/oauth2callback"),
        ({"cookie_secret": "xxx"}, "at least 32 characters"),
        ({"client_id": ""}, "lacks client_id"),
        ({"server_metadata_url": "http://id.example.org/x"}, "must begin with https://"),
        (
            {"client_id": None, "client_secret": None, "server_metadata_url": None},
            "names no provider",
        ),
        ({"my_provider": {"client_id": "x"}}, "no providers with _"),
        ({"google": {"client_id": "x"}}, "[auth.google]"),
    ],
)
def test_secrets_that_cannot_be_used_let_no_one_in(auth: dict[str, Any], told: str) -> None:
    section = {**SECRETS["auth"], **auth} if auth else {}
    section = {name: value for name, value in section.items() if value is not None}
    app = open_as("anna", "Home.py", {"auth": section, "other": {}})
    assert title(app) == "Sign in"
    assert not app.button
    assert told in words(app).replace("\\", "")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"EMOTION_LAB_ADMINS": "nonsense"}, "EMOTION_LAB_ADMINS"),
        ({"EMOTION_LAB_SIGN_ON": "maybe"}, "EMOTION_LAB_SIGN_ON"),
        ({"EMOTION_LAB_SIGN_ON": ""}, "sign-on is off"),
        (
            {"EMOTION_LAB_SIGN_ON": "header", "EMOTION_LAB_USER_HEADER": "X-User"},
            "start Home.py",
        ),
    ],
)
def test_wrong_settings_let_no_one_in(
    environ: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = open_as("anna", "2_Video.py")
    assert title(app) == "Sign in"
    assert not app.file_uploader
    assert told in words(app).replace("\\", "")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_on, "find_spec", lambda name: None)
    app = open_as("anna", "Home.py")
    assert "pip install 'emotion-lab[login]'" in words(app).replace("\\", "")


def test_streamlits_own_header_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    true_option = st.get_option
    monkeypatch.setattr(
        st,
        "get_option",
        lambda name: {"x-user": "sub"} if name.endswith("UserHeaders") else true_option(name),
    )
    app = open_as("anna", "Home.py")
    assert title(app) == "Sign in"
    assert "trustedUserHeaders" in words(app)


def test_a_header_that_did_not_come_lets_no_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_SIGN_ON", "header")
    monkeypatch.setenv("EMOTION_LAB_USER_HEADER", "X-User")
    monkeypatch.setattr(sign_on.SERVER, "drops_forged_headers", True)
    app = open_as("anna", "Home.py")
    assert title(app) == "Sign in"
    assert "has not told this server who you are" in words(app)


def test_a_provider_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    app = open_as("", "Home.py")
    app.button[0].click()
    app = run(app)
    assert "id.example.org does not answer" in words(app).replace("\\", "")


def test_several_providers_are_offered() -> None:
    auth = SECRETS["auth"]
    common = {name: auth[name] for name in ("redirect_uri", "cookie_secret")}
    named = {name: value for name, value in auth.items() if name not in common}
    app = open_as("", "Home.py", {"auth": {**common, "google": named, "microsoft": named}})
    assert [b.label for b in app.button] == ["Sign in with Google", "Sign in with Microsoft"]


def add_job(name: str) -> str:
    """A job of a person that has not begun."""
    store = job_store()
    video = store.add_input("v.mp4", io.BytesIO(name.encode()))
    return store.start([video], ["--no-annotate"], {"name": "x"}, person(name).owner)


def test_analyses_are_their_owners_whoever_knows_the_address(jobs_run_here: Any) -> None:
    job_id = add_job("anna")
    app = open_as("anna", "2_Video.py")
    assert f"open_{job_id}" in {button.key for button in app.button}
    app = open_as("ben", "2_Video.py", job=job_id)
    assert "no longer available" in words(app)
    assert f"open_{job_id}" not in {button.key for button in app.button}


def add_study(work: Path, name: str = "anna") -> str:
    store = StudyStore(work / "studies")
    return store.add(person(name).owner, lambda folder: Study.create(folder, "Smiles"))


def test_a_study_is_shared_by_name_and_taken_away(signed_work: Path) -> None:
    token = add_study(signed_work)
    assert "no longer here" in words(open_as("ben", "5_Study.py", study=token))
    app = open_as("anna", "5_Study.py", study=token)
    app.text_input(key="study_share_email").set_value("Ben@Example.org")
    share = next(button for button in app.button if button.label == "Share")
    share.click()
    run(app)
    assert StudyStore(signed_work / "studies").shared_with(token) == ("ben@example.org",)
    app = open_as("ben", "5_Study.py")
    assert f"study_open_{token}" in {button.key for button in app.button}
    app = open_as("ben", "5_Study.py", study=token)
    assert "Smiles" in words(app)
    assert "Shared with you" in words(app)
    assert "study_delete" not in {button.key for button in app.button}
    assert "study_share_email" not in {field.key for field in app.text_input}
    owner = open_as("anna", "5_Study.py", study=token)
    owner.button(key="study_unshare_0").click()
    run(owner)
    # Also in a tab that had it open.
    assert "is not shared with you any more" in words(run(app))
    events = [event for event, _ in lines(signed_work)]
    assert [e for e in events if e != "sign in"] == ["open", "share", "open", "open", "unshare"]


@pytest.mark.parametrize(("purpose", "parameter"), [(CODING, "coding"), (SESSION, "session")])
def test_links_for_coders_and_participants_need_no_sign_in(
    purpose: str, parameter: str, signed_work: Path
) -> None:
    token = add_study(signed_work)
    link = StudyStore(signed_work / "studies").invitation(token, purpose)
    app = open_as("", "5_Study.py", **{parameter: link})
    assert title(app) == {"coding": "Coding", "session": "Session"}[parameter]
    assert not app.get("page_link")
    # The link opens nothing else, and a wrong one nothing at all.
    app = open_as("", "5_Study.py", **{parameter: "A" * 22, "study": token})
    assert "no longer here" in words(app)
    assert "Smiles" not in words(app)


def test_only_administrators_see_sizes_and_can_delete(signed_work: Path) -> None:
    token = add_study(signed_work)
    open_as("anna", "Home.py")
    app = open_as("anna", "6_Administration.py")
    assert "for administrators" in words(app)
    assert not app.dataframe
    app = open_as("chief", "6_Administration.py")
    sizes = app.dataframe[0].value
    assert list(sizes["person"]) == ["anna@example.org", "chief@example.org"]
    assert list(sizes["studies"]) == [1, 0]
    assert "Smiles" not in words(app)
    assert app.button(key="admin_delete").disabled
    app.multiselect[0].set_value([token])
    app.checkbox[0].check()
    app = run(app)
    app.button(key="admin_delete").click()
    app = run(app)
    assert "1 deleted" in "".join(message.value for message in app.success)
    assert StudyStore(signed_work / "studies").find(token) is None
    newest = AuditLog(signed_work / "audit", 365).newest(1)[0]
    assert (newest["event"], newest["thing"]) == ("delete", short_name(token))


def test_people_who_keep_nothing_can_be_forgotten(signed_work: Path) -> None:
    open_as("anna", "Home.py")
    app = open_as("chief", "6_Administration.py")
    app.selectbox(key="admin_forget_who").set_value(person("anna").owner)
    app = run(app)
    app.button(key="admin_forget").click()
    app = run(app)
    assert list(app.dataframe[0].value["person"]) == ["chief@example.org"]
    assert lines(signed_work)[-1] == ("delete", "chief@example.org")


def test_without_sign_on_there_is_no_administration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMOTION_LAB_SIGN_ON", "EMOTION_LAB_ADMINS"):
        monkeypatch.delenv(name)
    app = open_as("", "6_Administration.py", {})
    assert title(app) == "Administration"
    assert "people do not sign in on this server" in words(app)
    assert not app.dataframe


def test_an_address_that_the_provider_did_not_confirm_makes_no_administrator() -> None:
    app = open_as("chief", "6_Administration.py")
    app.user = claims("chief", email_verified=False)
    app = run(app)
    assert "for administrators" in words(app)


def test_a_recording_is_its_owners_whoever_knows_the_address(signed_work: Path) -> None:
    owner = sha256(person("anna").owner.encode()).hexdigest()
    token, session = session_store().start("ferplus", owner)
    session.stop()

    def shown_to(name: str) -> str:
        """The recording that the Live page shows to someone who has its address."""
        code = (
            "from emotion_core.ui.live_page import recorder\n"
            "recorder.st.text(recorder.shown_token())\n"
        )
        app = AppTest.from_string(code)
        app.secrets, app.user = dict(SECRETS), claims(name)
        app.query_params["recording"] = token
        return str(run(app).text[0].value)

    assert shown_to("anna") == token
    assert shown_to("ben") == ""
    assert lines(signed_work) == [("open", "anna@example.org")]
