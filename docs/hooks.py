"""What the site needs beyond the pages in this folder; mkdocs.yml names this module."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Files of the repository that are no page, such as `../deploy/Caddyfile`.
_REPOSITORY_LINK = re.compile(r"\[(`?[^\]`]+`?)\]\(\.\./[^)]+\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add MODEL_CARD.md, which stays at the top of the repository."""
    text = (ROOT / "MODEL_CARD.md").read_text("utf-8")
    files.append(File.generated(config, "model-card.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Keep only the words of links that lead to files of the repository."""
    return _REPOSITORY_LINK.sub(r"\1", markdown)
