"""The command line finds commands, and turns errors into one line and a status."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from emotion_core import cli, launcher


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert cli.COMMANDS[command] in " ".join(shown.split())
    assert "--" in shown


@pytest.mark.parametrize("arguments", [[], ["dance"], ["train"], ["train", "--data"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2


def test_a_setting_out_of_range_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--data", "nowhere.zip", "--name", "../climb"]) == 2
    assert "--name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", "nowhere.zip", "--name", "x"],
        ["evaluate", "--data", "nowhere.zip"],
        ["benchmark"],
        ["explain", "photo.jpg", "--out", "nowhere"],
    ],
)
def test_a_json_file_without_a_folder_is_told_before_the_work(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments, "--json", "nowhere/at/all.json"]) == 2
    assert "--json nowhere/at/all.json" in capsys.readouterr().err


def test_bad_input_is_status_1_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--data", "nowhere.zip", "--name", "x"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "nowhere.zip" in message
    assert "Traceback" not in message


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from emotion_core.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'pandas', 'streamlit'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_signs_that_a_terminal_does_not_know_are_escaped() -> None:
    code = (
        "from emotion_core import cli; from emotion_core.commands import train\n"
        "train.run = lambda options: print('talk · 😀') or 0\n"
        "raise SystemExit(cli.main(['train', '--data', 'x', '--name', 'y']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stdout) == (0, "talk \\xb7 \\U0001f600\n"), done.stderr


@pytest.mark.parametrize(
    ("run", "program"), [(cli.main, "python -m emotion_core"), (launcher.main, "emotion-lab")]
)
def test_help_names_the_program_that_was_called(
    capsys: pytest.CaptureFixture[str], run: Callable[[list[str]], int], program: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["analyze", "--help"])
    assert ended.value.code == 0
    assert f"usage: {program} analyze" in capsys.readouterr().out
