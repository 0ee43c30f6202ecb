"""Pictures of pages, for the README and for looking at them."""

import os
from pathlib import Path
from typing import Any

# Pictures for the README and for looking at are kept where this variable says.
SHOTS = os.environ.get("EMOTION_LAB_SHOTS")


def settle(page: Any) -> None:
    page.get_by_test_id("stApp").wait_for()
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        " !== 'running' && !document.querySelector('[data-testid=stSpinner]')"
    )
    page.wait_for_timeout(700)


def keep(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
