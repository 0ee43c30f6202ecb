"""Events from the files of PsychoPy and E-Prime."""

from pathlib import Path

import pytest
from event_file_cases import BASELINE, EVENT, RECORDINGS, STIMULUS, imported, told

from emotion_core.errors import InputError
from emotion_core.study.definitions import Event, Recording

PSYCHOPY = """\ufefftrials.thisN,imageFile,fixation.started,fixation.stopped,\
image.started,image.stopped,key_resp.keys,key_resp.started,key_resp.stopped,participant,session,expName,
0,faces/happy 1.png,1.0021,1.5,1.5023,6.5041,space,1.6,None,P01,001,films,
1,faces/sad 1.png,7.0,7.5,7.5,,None,,,P01,001,films,
2,faces/x.png,9.0,8.0,late,,None,,,P01,001,films,
"""


def test_a_table_of_psychopy(tmp_path: Path) -> None:
    found = imported(tmp_path / "P01_films.csv", PSYCHOPY, recordings=RECORDINGS)
    assert found.format == "PsychoPy"
    assert found.events == (
        Event("P01_film", STIMULUS, "fixation", 1.0021, 1.5),
        Event("P01_film", STIMULUS, "image", 1.5023, 6.5041),
        Event("P01_film", EVENT, "key_resp", 1.6, 1.6),
        Event("P01_film", STIMULUS, "fixation", 7.0, 7.5),
        Event("P01_film", STIMULUS, "image", 7.5, 7.5),
    )
    assert [where for where, _ in told(found)] == ["P01_films.csv, row 4"] * 2
    found = imported(tmp_path / "P01_films.csv", PSYCHOPY, labels_from="imageFile")
    assert [e.label for e in found.events][:3] == ["faces/happy 1.png"] * 2 + ["key_resp"]
    with pytest.raises(InputError, match='no column "picture"'):
        imported(tmp_path / "P01_films.csv", PSYCHOPY, labels_from="picture")


PSYCHOPY_LOG = """0.5012 \tWARNING \tMonitor specification not found
1.2000 \tEXP \tCreated image = ImageStim(autoDraw=False, image='default.png')
1.3000 \tEXP \tNew trial (rep=0, index=0): {'imageFile': 'faces/happy.png'}
1.4000 \tEXP \timage: image = 'faces/happy.png'
1.5000 \tEXP \timage: autoDraw = True
1.9000 \tDATA \tKeypress: space
2.0000 \tINFO \tnothing
  a second line of it
6.5000 \tEXP \timage: autoDraw = False
7.0000 \tEXP \ttext: autoDraw = True
7.2000 \tDATA \tbaseline begins
8.0000 \tEXP \ttext: autoDraw = null
8.5000 \tEXP \ttext: autoDraw = null
9.0000 \tEXP \tmovie: autoDraw = True
"""


def test_a_log_of_psychopy(tmp_path: Path) -> None:
    found = imported(tmp_path / "P01.log", PSYCHOPY_LOG)
    assert sorted(found.events, key=lambda e: e.start_s) == [
        Event("*", STIMULUS, "happy", 1.5, 6.5),
        Event("*", EVENT, "key space", 1.9, 1.9),
        Event("*", STIMULUS, "text", 7.0, 8.0),
        Event("*", BASELINE, "baseline begins", 7.2, 7.2),
    ]
    assert told(found) == [
        ("P01.log, line 14", '"movie" is started at 9 s and never stopped: it is left out.')
    ]


EPRIME = """*** Header Start ***
VersionPersist: 1
LevelName: Session
Experiment: films
Subject: 2
*** Header End ***
\tLevel: 2
\t*** LogFrame Start ***
\tProcedure: TrialProc
\tPicture: happy: 1.bmp
\tStim.OnsetTime: 12500
\tStim.OffsetTime: 17500
\tStim.RT: 512
\tStim.RTTime: 13012
\tStim.RESP: 1
\tFixation.OnsetTime: 12000
\tFixation.FinishTime: 12500
\tFeedback.OnsetTime: 0
\t*** LogFrame End ***
\tLevel: 2
\t*** LogFrame Start ***
\tPicture: sad.bmp
\tStim.OnsetTime: 20000
\tStim.OffsetTime: 0
\tStim.FinishTime: NULL
\tStim.RTTime: 0
\tOther.OnsetTime: soon
\t*** LogFrame End ***
"""


def test_a_log_of_eprime(tmp_path: Path) -> None:
    path = tmp_path / "films-2-1.txt"
    found = imported(path, EPRIME.replace("\n", "\r\n").encode("utf-16"))
    assert found.format == "E-Prime"
    assert found.events == (
        Event("*", STIMULUS, "Stim", 12.5, 17.5),
        Event("*", EVENT, "Stim response 1", 13.012, 13.012),
        Event("*", STIMULUS, "Fixation", 12.0, 12.5),
        Event("*", STIMULUS, "Stim", 20.0, 20.0),
    )
    assert [where for where, _ in told(found)] == ["films-2-1.txt, line 21"]
    two = [Recording("a", "a.mp4", "2")]
    found = imported(path, EPRIME, labels_from="Picture", recordings=two)
    assert found.events[0] == Event("a", STIMULUS, "happy: 1.bmp", 12.5, 17.5)
    with pytest.raises(InputError, match='no attribute "Film"'):
        imported(path, EPRIME, labels_from="Film")


E_DATA_AID = (
    "C:\\data\\films.edat2\n"
    "ExperimentName\tSubject\tSession\tCue.OnsetTime[Block]\tPicture\tStim.OnsetTime\tStim.OffsetTime\n"
    "films\tP01\t1\t900\ta.bmp\t1000\t2000\n"
    "films\tP01\t1\t900\tb.bmp\t3000\t4000\n"
    "films\tP02\t1\t700\ta.bmp\t1000\tNULL\n"
)


def test_a_table_of_eprime(tmp_path: Path) -> None:
    for data in (E_DATA_AID.encode("utf-16"), E_DATA_AID.partition("\n")[2].encode()):
        found = imported(tmp_path / "merged.txt", data, recordings=RECORDINGS)
        assert found.events == (
            Event("P01_film", STIMULUS, "Cue", 0.9, 0.9),
            Event("P01_film", STIMULUS, "Stim", 1.0, 2.0),
            Event("P01_film", STIMULUS, "Stim", 3.0, 4.0),
            Event("participant=P02", STIMULUS, "Cue", 0.7, 0.7),
            Event("participant=P02", STIMULUS, "Stim", 1.0, 1.0),
        )
        ((_, message),) = told(found)
        assert "Events of P02 count for every recording" in message
