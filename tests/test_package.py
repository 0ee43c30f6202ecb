"""What `import emotion_core` gives, and what it does not load."""

import subprocess
import sys

import pytest

import emotion_core


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
