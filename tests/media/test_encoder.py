"""Which encoder writes clips, and what happens where there is none."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from emotion_core.errors import OutputError
from emotion_core.media import encoder
from emotion_core.media.encoder import clip_encoder
from emotion_core.media.read import read_frames
from emotion_core.media.write import VideoWriter, repeat_video, sample_video


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make encoders unknown to this installation."""

    def forget(*names: str) -> None:
        known = encoder._is_there
        monkeypatch.setattr(encoder, "_is_there", lambda name: name not in names and known(name))

    return forget


def test_h264_comes_first() -> None:
    found = clip_encoder()
    assert found is not None
    assert (found.name, found.format) == ("libx264", "H.264")


def test_an_unknown_encoder_is_not_there() -> None:
    assert not encoder._is_there("no_such_encoder")


@pytest.mark.parametrize("limit", [None, 300_000])
def test_vp9_stands_in_for_h264(
    tmp_path: Path, without: Callable[..., None], limit: float | None
) -> None:
    without("libx264", "libopenh264")
    found = clip_encoder()
    assert found is not None
    assert found.format == "VP9"
    source = sample_video(tmp_path / "source.mp4", 1.0, 20.0)
    target = tmp_path / "again.mp4"
    with VideoWriter(target, fps=20.0, bit_rate=limit) as writer:
        for frame in read_frames(source):
            writer.write(frame.image, frame.time_s)
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    before, after = (list(read_frames(path)) for path in (source, target))
    assert [f.time_s for f in after] == pytest.approx([f.time_s for f in before], abs=1e-3)
    difference = abs(before[9].image.astype(int) - after[9].image.astype(int)).mean()
    assert difference < 8


def test_vp9_in_pieces_becomes_whole(tmp_path: Path, without: Callable[..., None]) -> None:
    without("libx264", "libopenh264")
    pieces = tmp_path / "pieces.mp4"
    with VideoWriter(pieces, fps=20.0, pieces=True) as writer:
        for frame in read_frames(sample_video(tmp_path / "source.mp4", 1.0, 20.0)):
            writer.write(frame.image, frame.time_s)
    whole = repeat_video(pieces, tmp_path / "whole.mp4", 1)
    assert len(list(read_frames(whole))) == 20


@pytest.mark.parametrize(("limit", "aim"), [(None, 6_000_000), (2e6, 2_000_000), (2e7, 6_000_000)])
def test_openh264_aims_at_a_rate_below_its_limit(limit: float | None, aim: int) -> None:
    chosen = next(e for e in encoder._ENCODERS if e.name == "libopenh264")
    assert chosen.aim(limit) == aim


def test_without_an_encoder_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "_is_there", lambda name: False)
    with pytest.raises(OutputError, match=r"clip\.mp4 .* pip install"):
        sample_video(tmp_path / "clip.mp4", 0.2, 10.0)
    assert list(tmp_path.iterdir()) == []
