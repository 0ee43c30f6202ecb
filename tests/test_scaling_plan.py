"""The plan of docs/scaling.md: the program's figures, and a simulation that is right."""

import json

import pytest

from benchmarks.common import RESULTS
from benchmarks.scaling import (
    PRICE_OF_A_CORE_HOUR,
    measured,
    simulated_videos,
    simulated_webcams,
    videos,
    webcams,
)
from emotion_core.config import PROJECT_ROOT


def erlang_b(offered: float, places: int) -> float:
    """Share of calls that find all lines busy (Erlang 1917)."""
    blocked = 1.0
    for n in range(1, places + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


@pytest.mark.parametrize(("visitors", "replicas", "places"), [(3.0, 1, 4), (40.0, 1, 40)])
def test_visitors_are_turned_away_as_often_as_theory_says(
    visitors: float, replicas: int, places: int
) -> None:
    found = [
        simulated_webcams(visitors, replicas, places, 0.0, True, seed)["turned_away_percent"]
        for seed in range(8)
    ]
    assert sum(found) / 8 == pytest.approx(100 * erlang_b(visitors, places), rel=0.15)


def test_spreading_at_random_is_one_small_replica_many_times() -> None:
    found = simulated_webcams(100.0, 50, 4, 0.0, False)["turned_away_percent"]
    assert found == pytest.approx(100 * erlang_b(2.0, 4), rel=0.1)


def test_failures_cost_less_where_videos_are_cut() -> None:
    whole = simulated_videos(500, 4, 0.16, 20)
    pieces = simulated_videos(500, 4, 0.16, 20, piece_s=600)
    assert 0 < pieces["work_done_twice_percent"] < whole["work_done_twice_percent"]
    assert simulated_videos(500, 4, 0.16, 0)["work_done_twice_percent"] == 0
    assert whole["days"] > whole["days_without_failures_or_waiting"]


def test_the_page_gives_the_figures_of_the_program() -> None:
    text = (PROJECT_ROOT / "docs" / "scaling.md").read_text("utf-8")
    one = measured()
    plan, room = videos(one, 10_000), webcams(one, 1_000)
    kept = json.loads((RESULTS / "scaling.json").read_text("utf-8"))
    assert (kept["videos"], kept["webcams"]) == (plan, room)
    rows = [
        f"| core hours | {plan['core_hours']:,} |",
        f"| cores, to be done within a week | {plan['cores_for_a_week']} |",
        f"| memory of their workers (1080p) | {plan['memory_gb']} GB |",
        f"| videos, at 4 Mbit/s | {plan['videos_tb']:.0f} TB |",
        f"| tables of one face | {plan['tables_gb']} GB |",
        f"| read from the store | {plan['read_mbit_s']} Mbit/s |",
        f"| price, at {PRICE_OF_A_CORE_HOUR} a core hour | {plan['price']} |",
        f"| cores at work, analysis only | {room['cores_busy']} |",
        f"| cores at work, picture sent back | {room['cores_busy_sending_back']} |",
        f"| replicas of two cores | {room['replicas']} |",
        f"| memory | {room['memory_gb']} GB |",
        f"| network, each direction | {room['mbit_s_in'] / 1000:.0f} Gbit/s |",
        f"| TURN, if every stream is relayed | {room['turn_mbit_s_if_all_are_relayed'] / 1000:.0f} "
        "Gbit/s |",
        f"| price an hour, at {PRICE_OF_A_CORE_HOUR} a core hour | {room['price_an_hour']:.0f} |",
    ]
    for share in ("50%", "80%", "100%"):
        away = [
            kept["webcams_simulated"][f"{share} of the places asked for, {name}"]
            for name in ("by address", "to the least busy")
        ]
        rows.append(f"| {share} | " + " | ".join(f"{a['turned_away_percent']:.1f}%" for a in away))
    assert [row for row in rows if row not in text] == []
