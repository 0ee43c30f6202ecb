"""presentation.toml: what is written is read again, and what is wrong is told in sentences."""

from dataclasses import replace
from pathlib import Path

import pytest

from emotion_core.errors import InputError, SettingsError
from emotion_core.study.presentation.checks import balance_words, check_plan, stimulus_path
from emotion_core.study.presentation.plan import (
    PRESENTATION,
    STIMULI,
    Item,
    ItemKind,
    Order,
    Plan,
    read_plan,
    save_plan,
)

CAT = Item("cat", ItemKind.PICTURE, "cat.png", 4.5)
PLAN = Plan(
    title="Käse & “Katzen”",
    consent='First line.\nSecond line with """ and \\ in it.',
    order=Order.RANDOM,
    seed=12,
    keep_video=True,
    items=(
        Item("rest", ItemKind.PAUSE, seconds=10.0, baseline=True),
        CAT,
        Item("liked", ItemKind.QUESTION, text="How much?", points=9, low="not", high="very"),
        Item("film", ItemKind.CLIP, "film.mp4", stays=True),
    ),
)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_plan(tmp_path) == Plan()
    save_plan(tmp_path, PLAN)
    assert read_plan(tmp_path) == PLAN
    path = tmp_path / PRESENTATION
    path.write_text("# Approved by the ethics board.\n" + path.read_text("utf-8"), "utf-8")
    save_plan(tmp_path, replace(PLAN, seed=13))
    assert read_plan(tmp_path) == replace(PLAN, seed=13)
    assert "# Approved by the ethics board." in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = 'x'", "seed cannot be 'x'"),
        ("seed = true", "seed cannot be True"),
        ("order = 'latin'", "order must be one of fixed, random, counterbalanced"),
        ("colour = 1", "unknown value colour"),
        ("format = 9", "newer version"),
        ("items = 3", "write each item as a table"),
        ("[[items]]\nkind = 'clip'", "there is no name"),
        ("[[items]]\nname = 'a'\nkind = 'song'", "kind must be one of"),
        ("[[items]]\nname = 'a'\nkind = 'picture'\nfile = 'a.png'", "for how many seconds"),
        ("[[items]]\nname = 'a'\nkind = 'pause'\nseconds = -1", "seconds must be from 0"),
        ("[[items]]\nname = 'a'\nkind = 'pause'", "a pause needs seconds, or a text"),
        ("[[items]]\nname = 'a'\nkind = 'question'", "a question needs a text"),
        ("[[items]]\nname = ''\nkind = 'clip'", "an item needs a name"),
        ("[[items]]\nname='a'\nkind='clip'\n[[items]]\nname='A'\nkind='clip'", "have the name a"),
        ("[[items]]\nname='a'\nkind='clip'\nbaseline=true", "a baseline is a pause"),
        ("[[items]]\nname='a'\nkind='question'\ntext='x'\npoints=1", "2 to 11 points"),
        ("= 1", "Correct presentation.toml"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_changed(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / PRESENTATION
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match="(?i)" + told.replace("(", "\\(")):
        read_plan(tmp_path)
    assert path.read_text("utf-8") == text


def test_whole_numbers_are_seconds_too(tmp_path: Path) -> None:
    text = "[[items]]\nname = 'a'\nkind = 'picture'\nfile = 'a.png'\nseconds = 4"
    (tmp_path / PRESENTATION).write_text(text, "utf-8")
    assert read_plan(tmp_path).items[0].seconds == 4.0


def told_of(plan: Plan, folder: Path, look: str = "") -> list[str]:
    return [problem.message for problem in check_plan(plan, folder, lambda _: look)]


def test_a_plan_is_checked_before_a_participant_comes(tmp_path: Path) -> None:
    (tmp_path / STIMULI).mkdir()
    (tmp_path / STIMULI / "cat.png").touch()
    (tmp_path / STIMULI / "film.avi").touch()
    good = Plan(consent="Yes?", items=(CAT,))
    assert told_of(good, tmp_path) == []
    assert told_of(good, tmp_path, "it is damaged.") == ["cat: it is damaged."]
    (words,) = told_of(replace(good, consent=" \n"), tmp_path)
    assert "consent text is empty" in words
    (words,) = told_of(Plan(consent="Yes?"), tmp_path)
    assert "no picture and no clip" in words
    wrong = [
        (replace(CAT, file=""), "it has no file"),
        (replace(CAT, file="dog.png"), "there is no file “dog.png”"),
        (replace(CAT, file="../presentation.toml"), "there is no file"),
        (replace(CAT, file="film.avi"), "a picture must be a file of the type jpeg, jpg, png"),
        (Item("film", ItemKind.CLIP, "film.avi"), "a clip must be a file of the type m4v, mp4"),
    ]
    for item, told in wrong:
        (words,) = told_of(replace(good, items=(item,)), tmp_path)
        assert told in words
        assert words.startswith(item.name)


def test_no_stimulus_is_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / STIMULI).mkdir()
    (tmp_path / "secret.png").touch()
    (tmp_path / STIMULI / "link.png").symlink_to(tmp_path / "secret.png")
    for file in ("../secret.png", "..\\secret.png", str(tmp_path / "secret.png"), "link.png", ".."):
        assert stimulus_path(tmp_path, replace(CAT, file=file)) is None
    assert stimulus_path(tmp_path, CAT) == tmp_path / STIMULI / "cat.png"


def test_how_many_participants_a_balanced_order_needs_is_told() -> None:
    items = tuple(replace(CAT, name=str(i)) for i in range(3))
    plan = Plan(order=Order.COUNTERBALANCED, items=items)
    assert "multiple of 6" in balance_words(plan)
    assert "multiple of 2" in balance_words(replace(plan, items=items[:2]))
    assert balance_words(replace(plan, order=Order.RANDOM)) == ""


def test_too_many_items_and_too_long_texts_are_refused() -> None:
    with pytest.raises(SettingsError, match="at most 500 items"):
        Plan(items=tuple(replace(CAT, name=str(i)) for i in range(501)))
    with pytest.raises(SettingsError, match="at most 20000 letters"):
        Plan(consent="x" * 20_001)
