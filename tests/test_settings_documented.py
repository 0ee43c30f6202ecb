"""Every setting that the program reads is in the documentation, and in the compose file."""

import re
from pathlib import Path

from emotion_core.access.settings import AccessSettings
from emotion_core.config import AppSettings

ROOT = Path(__file__).resolve().parents[1]
# A server tells it to its own jobs.
INTERNAL = {"EMOTION_LAB_JOB_LEASE"}
# Folders and files of the container, which its image or a volume decides.
PLACES = {"WORK_DIR", "MODELS_DIR", "VIDEO_DIR", "DATA", "DATA_DIR", "ADAPTATIONS_DIR", "YUNET"}


def names_in(text: str) -> set[str]:
    return set(re.findall(r"EMOTION_LAB_[A-Z_]*[A-Z]", text))


def names_read() -> set[str]:
    sources = (ROOT / "emotion_core").rglob("*.py")
    return set().union(*(names_in(path.read_text("utf-8")) for path in sources)) - INTERNAL


def test_the_table_of_settings_has_all_that_is_read_and_no_more() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    section = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(EMOTION_LAB_\w+)` \|", section, re.MULTILINE)
    assert sorted(documented) == sorted(names_read())


def test_the_compose_file_passes_every_setting_on_and_empty_ones_are_defaults() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    given = dict(re.findall(r"^      (EMOTION_LAB_\w+): (.+)$", text, re.MULTILINE))
    places = {f"EMOTION_LAB_{name}" for name in PLACES}
    passed = set(given)
    assert passed == names_read() - places
    fixed = {"EMOTION_LAB_ICE_SERVERS", "EMOTION_LAB_RETENTION_H"}
    assert {given[name] for name in passed - fixed} == {f"${{{n}:-}}" for n in passed - fixed}
    empty = dict.fromkeys(passed, "")
    assert AppSettings.from_environment(empty) == AppSettings.from_environment({})
    assert AccessSettings.from_environment(empty) == AccessSettings()
