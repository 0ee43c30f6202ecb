"""A job's process ends itself when its server gives no more signs of life."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emotion_core.config import PROJECT_ROOT
from emotion_core.jobs.lease import EXIT_STATUS, lease_environment, renew_file, watch_lease


def working(file: Path, seconds: float) -> "subprocess.Popen[bytes]":
    code = "from emotion_core.jobs.lease import watch_lease; import time\n"
    code += "assert watch_lease() is not None; time.sleep(30)"
    environment = {**os.environ, **lease_environment(file, seconds)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=PROJECT_ROOT)


def test_a_process_lives_as_long_as_its_lease_is_renewed(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    renew_file(file, time.time())
    process = working(file, 1.5)
    for _ in range(5):
        time.sleep(0.5)
        assert process.poll() is None
        renew_file(file, time.time())
    assert process.wait(10) == EXIT_STATUS


@pytest.mark.parametrize("age_s", [60.0, None])
def test_a_lease_that_ran_out_or_is_gone_ends_it_at_once(
    tmp_path: Path, age_s: float | None
) -> None:
    file = tmp_path / "lease"
    if age_s is not None:
        renew_file(file, time.time() - age_s)
    assert working(file, 30.0).wait(10) == EXIT_STATUS


def test_without_several_replicas_nothing_is_watched() -> None:
    assert watch_lease({}) is None
