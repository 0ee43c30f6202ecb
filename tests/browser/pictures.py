"""Pictures of pages, for the README and for looking at them."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Pictures for the README and for looking at are kept where this variable says.
SHOTS = os.environ.get("EMOTION_LAB_SHOTS")


def settle(page: Page, rest_ms: int = 700) -> None:
    page.get_by_test_id("stApp").wait_for()
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        " !== 'running' && !document.querySelector('[data-testid=stSpinner]')"
    )
    page.wait_for_timeout(rest_ms)


def keep(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def keep_whole(page: Page, name: str) -> None:
    """The same of the whole page, however far it scrolls."""
    if not SHOTS:
        return
    size = page.viewport_size
    assert size is not None
    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], tall)})
    page.wait_for_timeout(500)
    keep(page, name)
    page.set_viewport_size(size)


def barriers(page: Page) -> list[str]:
    """What breaks WCAG 2.1, level AA, as far as axe-core finds it; [] on a page open to everybody.

    The rectangles of a chart's selection are left out: Vega gives them a role and no name.
    """
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    options = {"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}
    found = Axe().run(page, context={"exclude": [["[class*=brush_brush]"]]}, options=options)
    return [
        f"{broken['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]


def sticking_out(page: Page) -> list[str]:
    """What reaches beyond the right or left edge of the window, named; [] on a page that fits.

    Whatever lies in a box that scrolls or cuts by itself (a table, a row of tabs) fits.
    """
    return list(page.evaluate(_STICKING_OUT))


_STICKING_OUT = """() => {
  const main = document.querySelector('[data-testid=stMain]'), wide = window.innerWidth;
  const found = [];
  if (main.scrollWidth > main.clientWidth) found.push(`main is ${main.scrollWidth} wide`);
  const held = (e) => {
    for (let box = e.parentElement; box && box !== main; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== 'visible') {
        const edge = box.getBoundingClientRect();
        return edge.right <= wide + 1 && edge.left >= -1;
      }
    return false;
  };
  for (const e of main.querySelectorAll('*')) {
    const r = e.getBoundingClientRect();
    if (r.width < 2 || r.height < 2 || (r.right <= wide + 1 && r.left >= -1)) continue;
    if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (held(e)) continue;
    const words = (e.textContent ?? '').slice(0, 40);
    found.push(`${e.tagName} ${Math.round(r.left)} to ${Math.round(r.right)} px: ${words}`);
  }
  return found.slice(0, 8);
}"""
