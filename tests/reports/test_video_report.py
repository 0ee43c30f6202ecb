import base64
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.media.photo import read_photo
from emotion_core.reports.video_report import report_html
from emotion_core.results.annotations import Edits, Hide, Marker
from emotion_core.results.face_table import FaceTable
from emotion_core.results.thumbnails import MomentKeeper, thumbnail


def faces(n: int = 50, people: tuple[int, ...] = (1, 2)) -> FaceTable:
    """Everybody in every frame, happy first and sad then."""
    ids = np.tile(people, n)
    frames = np.repeat(np.arange(n), len(people))
    probs = np.full((len(ids), 7), 0.02, np.float32)
    probs[np.arange(len(ids)), np.where(frames < n // 2, 3, 5)] = 0.88
    zeros = np.zeros(len(ids))
    return FaceTable(
        frames,
        frames / 10,
        ids,
        np.zeros((len(ids), 4), np.float32),
        probs,
        zeros.astype(np.float32),
        zeros.astype(bool),
        zeros.astype(bool),
        np.arange(n) / 10,
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_report_stands_alone_and_shows_everybody(tmp_path: Path) -> None:
    edits = Edits().rename(1, "<b>Ada</b>").add_marker(Marker(1, 2, "a & b"))
    text = report_html(tmp_path, faces(), edits, 'x"<script>.mp4')
    tags = Tags()
    tags.feed(text)
    names = [tag for tag, _ in tags.seen]
    assert "script" not in names
    assert "b" not in names
    assert names.count("svg") == 4, "shares, ribbon, and a timeline for each person"
    labels = [a["aria-label"] for tag, a in tags.seen if tag == "svg"]
    assert labels[2:] == [
        f"{name}: probability of each expression over time." for name in ("<b>Ada</b>", "Person 2")
    ]
    assert not [a for _, a in tags.seen if str(a.get("src", "")).startswith("http")]
    assert not re.search(r"url\((?!#)|@import", text)
    assert "happy 50%" in text
    assert "a &amp; b" in text
    assert re.search(r"Ada&lt;/b&gt;: happy \d+%", text), "what she showed between the markers"
    assert "Person 2" in text


def words_of(report: str) -> str:
    """The words that are read, without tags; a cell of a table ends with a bar."""
    body = report.partition("</style>")[2].replace("</td>", "|")
    return " ".join(unescape(re.sub("<[^>]+>", "", body)).split())


def test_excluded_people_are_not_in_it(tmp_path: Path) -> None:
    text = report_html(tmp_path, faces(), Edits().exclude(2), "x.mp4")
    assert "Person 2" not in text
    assert "People1, and 1 left out|" in words_of(text)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"every": 1}, "every frame|"),
        ({"every": 4, "end_s": 9.5}, "every 4th frame, from 0 s to 9.5 s|"),
        (
            {"every": 2, "one_person": True},
            "every second frame, every face taken for the one participant’s|",
        ),
        (
            {"every": 1, "rate": 5.0, "start_s": 2.0, "largest_face": True},
            "5 frames a second, from 2 s to the end, the largest face of each frame only|",
        ),
        (None, "a live stream, as fast as the computer could|"),
    ],
)
def test_it_says_what_was_read_and_how(
    tmp_path: Path, settings: dict[str, Any] | None, words: str
) -> None:
    model = {"name": "ferplus", "sha256": "d54afaa4" * 8}
    summary = {"settings": settings, "model": model, "versions": {"av": "18.1.0"}}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    text = words_of(report_html(tmp_path, faces(), Edits(), "x.mp4"))
    assert f"Analysed{words}" in text
    assert "network ferplus (SHA-256 d54afaa4d54afaa4 …)" in text
    assert "av 18.1.0" in text
    assert "smoothed as set while recording" in text or settings


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ({"settings": {"reidentify": True}}, "clothes: never in this video."),
        (
            {"settings": {"reidentify": True}, "identities": {"joined": [{}, {}]}},
            "clothes: 2 times in this video.",
        ),
        ({"settings": {"one_person": True, "reidentify": True}}, "There was one participant."),
        ({"settings": {"every": 1}}, "followed from frame to frame. Each face"),
        ({"settings": {"every": 1}, "pieces": {"count": 4}}, "was read in 4 overlapping pieces"),
    ],
)
def test_its_methods_say_how_people_who_return_were_treated(
    tmp_path: Path, summary: dict[str, Any], words: str
) -> None:
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert words in words_of(report_html(tmp_path, faces(), Edits(), "x.mp4"))


def test_long_videos_count_minutes(tmp_path: Path) -> None:
    edits = Edits().add_marker(Marker(61, 62.5, "late"))
    text = report_html(tmp_path, faces(n=1300), edits, "x.mp4")
    ticks = re.findall(r">(\d:\d\d)</text>", text)
    assert ticks[:3] == ["0:00", "0:10", "0:20"]
    assert set(re.findall(r">([^<]*seconds)</text>", text)) == {"minutes : seconds"}
    words = words_of(text)
    assert "1:01.00|1:02.50| late|" in words
    assert "happy 88%at 0:00.0" in words


def test_many_people_stay_one_small_file(tmp_path: Path) -> None:
    text = report_html(tmp_path, faces(n=1200, people=tuple(range(1, 24))), Edits(), "x.mp4")
    assert text.count('<section class="person">') == 20
    assert "3 more people, visible for a shorter time, are not shown." in words_of(text)
    assert len(text) < 5 * 10**6


def test_after_a_merge_the_picture_is_of_the_moment_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "moments").mkdir()
    for name in ("1_happy", "2_happy", "2_sad"):
        (tmp_path / "moments" / f"{name}.jpg").write_bytes(name.encode())
    table = faces()
    # Person 1 is gone before anybody is sad.
    table = table.rows((table.track_id == 1) == (table.frame < 25))
    text = report_html(tmp_path, table, Edits().merge(2, 1), "x.mp4")
    assert [base64.b64decode(p).decode() for p in re.findall(r'base64,([^"]+)', text)] == [
        "1_happy",
        "2_sad",
    ]


def test_pictures_of_hidden_faces_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "moments").mkdir()
    for name, grey in (("1_happy", 50), ("2_happy", 200)):
        stamp = np.full((128, 128, 3), grey, np.uint8)
        cv2.imwrite(str(tmp_path / "moments" / f"{name}.jpg"), stamp)
    edits = replace(Edits().rename(1, "Ada"), hide=Hide.UNNAMED)
    text = report_html(tmp_path, faces(), edits, "x.mp4")
    pictures = [read_photo(base64.b64decode(p)) for p in re.findall(r'base64,([^"]+)', text)]
    assert [round(float(p[64, 64].mean())) for p in pictures] == [50]
    assert "Person 2" in text, "the figures stay"


@pytest.mark.parametrize("surer", [1, 2])
def test_of_two_merged_in_one_frame_the_picture_is_of_the_row_that_stays(
    tmp_path: Path, surer: int
) -> None:
    (tmp_path / "moments").mkdir()
    for name in ("1_happy", "2_happy", "1_sad", "2_sad"):
        (tmp_path / "moments" / f"{name}.jpg").write_bytes(name.encode())
    table = faces()
    table = replace(table, detection_score=(table.track_id == surer).astype(np.float32))
    text = report_html(tmp_path, table, Edits().merge(2, 1), "x.mp4")
    assert [base64.b64decode(p).decode() for p in re.findall(r'base64,([^"]+)', text)] == [
        f"{surer}_happy",
        f"{surer}_sad",
    ]


def test_report_of_nobody(tmp_path: Path) -> None:
    table = faces(people=(1,))
    nobody = table.rows(np.zeros(len(table), bool))
    assert "No face was found" in report_html(tmp_path, nobody, Edits(), "x.mp4")
    nothing = replace(nobody, frame_times=np.empty(0))
    assert "No face was found" in report_html(tmp_path, nothing, Edits(), "x.mp4")


def test_lines_break_where_a_person_was_away(tmp_path: Path) -> None:
    table = faces(people=(1,))
    seen = table.rows((table.frame < 10) | (table.frame > 30))
    text = report_html(tmp_path, seen, Edits(), "x.mp4")
    first, *_ = re.findall(r'<g class="mark-line [^>]*><path [^>]*?d="([^"]+)"', text)
    assert first.count("M") == 2


@pytest.mark.parametrize("box", [(10, 10, 30, 30), (-20, -20, 5, 5), (90, 90, 120, 130)])
def test_thumbnails_have_one_size_also_at_the_edge(box: tuple[int, int, int, int]) -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    stamp = thumbnail(image, np.array(box, np.float32), 64)
    assert stamp.shape == (64, 64, 3)
    assert stamp.max() == 200


def test_the_best_pictures_are_kept(tmp_path: Path) -> None:
    keeper = MomentKeeper()
    for value, grey in ((0.5, 50), (0.9, 150), (0.7, 250)):
        probs = np.full((1, 7), (1 - value) / 6, np.float32)
        probs[0, 3] = value
        box, score = np.array([[20, 20, 60, 60]], np.float32), np.full(1, value, np.float32)
        one, no = np.ones(1, np.int64), np.zeros(1, np.bool_)
        result = FrameResult(0, 0.0, box, one, probs, probs, score, no, no, ((),))
        keeper.update(np.full((80, 80, 3), grey, np.uint8), result)
    keeper.save(tmp_path / "m")
    import cv2

    assert {p.name for p in (tmp_path / "m").iterdir()} == {"1.jpg", "1_happy.jpg"}
    happy = cv2.imread(str(tmp_path / "m" / "1_happy.jpg"))
    assert happy is not None
    assert abs(int(happy[64, 64, 0]) - 150) < 5
