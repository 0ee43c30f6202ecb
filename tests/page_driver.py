"""What tests of every page do: open it, run it, read what it says."""

from pathlib import Path

from streamlit.testing.v1 import AppTest


def open_page(path: str | Path) -> AppTest:
    app = AppTest.from_file(str(path), default_timeout=60)
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.warning, *app.error, *app.info, *app.subheader]
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(element.value for element in shown), *html])
