"""What `import emotion_core` gives, and what it does not load."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import emotion_core

ROOT = Path(__file__).resolve().parents[1]


def test_the_promised_names_are_there() -> None:
    from emotion_core import Frame, FrameResult, Pipeline

    assert {"Frame", "FrameResult", "Pipeline"} <= set(dir(emotion_core))
    assert Pipeline.__module__ == "emotion_core.pipeline.pipeline"
    assert Frame.__module__ == FrameResult.__module__ == "emotion_core.datatypes"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nobody"):
        emotion_core.Nobody  # noqa: B018


def test_a_pipeline_never_waits_for_tensorflow() -> None:
    code = (
        "import sys, emotion_core; assert 'cv2' not in sys.modules; emotion_core.Pipeline;"
        "assert not {'tensorflow', 'keras', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_names_of_media_lead_somewhere() -> None:
    from emotion_core import media

    assert [name for name in media.__all__ if not hasattr(media, name)] == []


def test_package_citation_and_changelog_name_the_same_release() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    headings = re.findall(
        r"^## \[(.+?)\](?: – (\S+))?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == version
    assert f"version: {version}" in citation
    assert f"date-released: {headings[1][1]}" in citation
