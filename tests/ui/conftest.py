"""What all tests of a page's parts share."""

import pytest


@pytest.fixture(autouse=True)
def _run_often(objects_set_aside: None, components_looked_up_once: None) -> None:
    """Pages are opened and run again and again."""
