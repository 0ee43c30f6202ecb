"""What all tests of a page's parts share."""

import pytest


@pytest.fixture(autouse=True)
def _objects_set_aside(objects_set_aside: None) -> None:
    """Pages are run again and again."""
