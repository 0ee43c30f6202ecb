"""What a visitor can download of one result, made from its folder when it is asked for."""

from collections.abc import Iterator
from pathlib import Path

from emotion_core.extras import missing_extra
from emotion_core.interchange.formats import download_pieces
from emotion_core.interchange.from_results import document_of
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import export_files, faces_csv, faces_parquet, read_faces, webvtt
from emotion_core.results.paths import FACES, read_summary
from emotion_core.results.streams import Content, zip_pieces
from emotion_core.results.summary import origin_of, summarise, summary_json


class ResultDownloads:
    """The downloads of a results folder, with the edits that are on disk when one is made.

    It holds no table, so that it costs nothing to keep. Every method raises `InputError` or
    `OSError` if the folder is gone or cannot be read, and `MissingDependencyError` where charts
    cannot be drawn, at the latest with the first piece.

    Args:
        folder: the results folder.
        name: the video's name as its owner knows it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def table_csv(self) -> Iterator[bytes]:
        """faces.csv."""
        return faces_csv(self._folder / FACES, load_edits(self._folder))

    def table_parquet(self) -> Iterator[bytes]:
        """The same table as Parquet."""
        return faces_parquet(self._folder / FACES, load_edits(self._folder))

    def summary(self) -> Iterator[bytes]:
        """summary.json, with the people as edited."""
        table, edits = read_faces(self._folder / FACES), load_edits(self._folder)
        yield summary_json(read_summary(self._folder) | summarise(table, edits))

    def subtitles(self) -> Iterator[bytes]:
        """WebVTT for players of the clip."""
        edits = load_edits(self._folder)
        table = edits.apply(read_faces(self._folder / FACES))
        yield webvtt(table, edits, origin_of(read_summary(self._folder))).encode()

    def report(self) -> Iterator[bytes]:
        """The report to print, one HTML file."""
        try:
            # The charts need altair, which the core of the package does not bring.
            from emotion_core.reports.video_report import report_html
        except ModuleNotFoundError as error:
            raise missing_extra(error) from error
        table, edits = read_faces(self._folder / FACES), load_edits(self._folder)
        yield report_html(self._folder, table, edits, self._name).encode()

    def annotations(self, to: str) -> Iterator[bytes]:
        """Episodes and markers for another program, in one of `interchange.formats.FORMATS`."""
        document = document_of(self._folder, self._name)
        yield from download_pieces([document], to, document.name)

    def everything(self) -> Iterator[bytes]:
        """A zip of all of these, the clip, the markers, and what the columns mean."""
        origin_s = origin_of(read_summary(self._folder))
        # Made first: what is missing is found before the first piece is handed out.
        report = b"".join(self.report())
        files: dict[str, Content] = dict(
            export_files(self._folder, load_edits(self._folder), origin_s)
        )
        files |= {"summary.json": self.summary(), "report.html": report}
        yield from zip_pieces(files)
