"""What all tests of a page's parts share."""

import pytest


@pytest.fixture(autouse=True)
def _opened_often(
    objects_set_aside: None, components_looked_up_once: None, server_begun_anew: None
) -> None:
    """Pages are opened and run again and again, each time by a visitor of a new server."""
