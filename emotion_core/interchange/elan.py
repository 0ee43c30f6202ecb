"""ELAN's files (.eaf, EAF 3.0; Wittenburg et al. 2006), written.

Schema: http://www.mpi.nl/tools/elan/EAFv3.0.xsd
"""

from datetime import UTC, datetime
from mimetypes import guess_type
from typing import Final
from xml.etree import ElementTree

from emotion_core.interchange.document import (
    Document,
    Span,
    Tier,
    Written,
    after_start,
    beyond_end,
    lane_names,
    lanes,
)

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA: Final = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_TYPE: Final = "default-lt"
# ELAN has no points: an annotation must end after it begins. One of a millisecond means a
# point, and is read as one.
POINT_MS: Final = 1


def write_elan(document: Document) -> Written:
    """One file for each document; overlapping spans of a tier continue on further tiers."""
    shown, problems = after_start(document)
    rows = [
        (tier, number, spans)
        for tier in shown.tiers
        for number, spans in enumerate(lanes(tier.spans, POINT_MS) or [[]])
    ]
    names = lane_names(shown, [(tier, number) for tier, number, _ in rows])
    root = _root(document)
    order = ElementTree.SubElement(root, "TIME_ORDER")
    ids = _Ids(order)
    for (tier, _, spans), name in zip(rows, names, strict=True):
        root.append(_tier(tier, name, spans, ids))
    ElementTree.SubElement(
        root,
        "LINGUISTIC_TYPE",
        {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true"},
    )
    _last_id(root, ids.annotations)
    ElementTree.indent(root, " ")
    data = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
    return Written({f"{document.name}.eaf": data}, (*problems, *beyond_end(document)))


class _Ids:
    """Numbers of time slots and annotations; both must be unique in a file."""

    def __init__(self, order: ElementTree.Element) -> None:
        self._order, self._slots, self.annotations = order, 0, 0

    def slot(self, time_ms: int) -> str:
        self._slots += 1
        name = f"ts{self._slots}"
        values = {"TIME_SLOT_ID": name, "TIME_VALUE": str(time_ms)}
        ElementTree.SubElement(self._order, "TIME_SLOT", values)
        return name

    def annotation(self) -> str:
        self.annotations += 1
        return f"a{self.annotations}"


def _root(document: Document) -> ElementTree.Element:
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "Facial-expression lab",
            "DATE": datetime.now(UTC).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _XSI,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = ElementTree.SubElement(
        root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    )
    for name in document.media:
        kind = guess_type(name)[0] or "video/*"
        # ELAN looks for a file next to its own when it does not find the first one.
        values = {"MEDIA_URL": name, "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": f"./{name}"}
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", values)
    if document.started is not None:
        started_text = ElementTree.SubElement(header, "PROPERTY", {"NAME": "recordingStarted"})
        started_text.text = document.clock_of(0.0)
    return root


def _tier(tier: Tier, name: str, spans: list[Span], ids: _Ids) -> ElementTree.Element:
    element = ElementTree.Element("TIER", {"LINGUISTIC_TYPE_REF": _TYPE, "TIER_ID": name})
    if tier.person:
        element.set("PARTICIPANT", tier.person)
    if tier.coder:
        element.set("ANNOTATOR", tier.coder)
    for span in spans:
        start, end = span.ms
        annotation = ElementTree.SubElement(
            ElementTree.SubElement(element, "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            {
                "ANNOTATION_ID": ids.annotation(),
                "TIME_SLOT_REF1": ids.slot(start),
                "TIME_SLOT_REF2": ids.slot(max(end, start + POINT_MS)),
            },
        )
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = span.text
    return element


def _last_id(root: ElementTree.Element, last: int) -> None:
    """What ELAN continues to count from."""
    header = root.find("HEADER")
    if header is not None:
        used = ElementTree.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"})
        used.text = str(last)
