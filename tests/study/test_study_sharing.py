"""A study is shared by name: those people see it, until it is taken away again."""

import threading
from pathlib import Path

import pytest

from emotion_core.errors import InputError, OutputError
from emotion_core.study.store import SESSION, StudyStore

ANNA, BEN = "person:anna", "person:ben"


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return StudyStore(tmp_path / "studies")


@pytest.fixture
def token(store: StudyStore) -> str:
    return store.add(ANNA, lambda folder: folder.mkdir())


def test_a_study_is_its_owners_until_it_is_shared(store: StudyStore, token: str) -> None:
    assert store.owned_by(token, ANNA)
    assert not store.owned_by(token, BEN)
    assert store.may_open(token, ANNA, "anna@example.org")
    assert not store.may_open(token, BEN, "ben@example.org")
    store.share(token, " Ben@Example.org ")
    assert store.shared_with(token) == ("ben@example.org",)
    assert store.of([BEN], "ben@example.org") == [token]
    assert store.may_open(token, BEN, "ben@example.org")
    assert not store.owned_by(token, BEN)
    assert not store.may_open(token, "person:eve", "eve@example.org")


def test_unsharing_takes_it_away(store: StudyStore, token: str) -> None:
    for email in ("ben@example.org", "eve@example.org"):
        store.share(token, email)
    store.unshare(token, "ben@example.org")
    assert not store.may_open(token, BEN, "ben@example.org")
    assert store.of([BEN], "ben@example.org") == []
    assert store.shared_with(token) == ("eve@example.org",)


def test_a_study_is_listed_once_though_its_owner_has_a_new_address(
    store: StudyStore, token: str
) -> None:
    store.share(token, "anna@new.example.org")
    assert store.of([ANNA], "anna@new.example.org") == [token]


def test_those_without_an_address_share_nothing(store: StudyStore, token: str) -> None:
    store.share(token, "ben@example.org")
    assert not store.may_open(token, BEN, "")
    assert store.of([BEN], "") == []


@pytest.mark.parametrize("email", ["", "  ", "two words", "a@b.c, d@e.f", "a@b@c", "x" * 400])
def test_what_is_no_address_is_refused(store: StudyStore, token: str, email: str) -> None:
    with pytest.raises(InputError, match="e-mail address"):
        store.share(token, email)
    assert store.shared_with(token) == ()


@pytest.mark.parametrize("token", ["A" * 22, "../studies", ""])
def test_a_study_that_is_not_there_cannot_be_shared(store: StudyStore, token: str) -> None:
    with pytest.raises(OutputError, match="no longer here"):
        store.share(token, "ben@example.org")
    assert not store.may_open(token, ANNA, "ben@example.org")
    assert store.shared_with(token) == ()


def test_links_and_sharing_at_the_same_time_lose_nothing(store: StudyStore, token: str) -> None:
    emails = [f"p{number}@example.org" for number in range(12)]
    jobs = [threading.Thread(target=store.share, args=(token, email)) for email in emails]
    jobs += [
        threading.Thread(target=store.invitation, args=(token, w)) for w in ("coding", SESSION)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert store.shared_with(token) == tuple(sorted(emails))
    assert store.invited(store.invitation(token, SESSION), SESSION) is not None
