"""Choose an adaptation: from the installation's folder, from a file, or made in this session."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import streamlit as st
from numpy.typing import NDArray

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import (
    NO_ADAPTATION,
    check_made_for,
    check_name,
    from_json,
    list_adaptations,
    load_adaptation,
    to_json,
)
from emotion_core.model.bundle import ModelBundle
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.text import escape
from emotion_core.video.options import described_network

_OWN, _CHOSEN, _STRENGTH = "adaptations_own", "adaptation_chosen", "adaptation_strength"
_ABOUT: Final = (
    "An adaptation corrects the network's answers for one kind of faces. It suits faces like "
    "those it was fitted to and can make others worse. Choose one before you look at a study's "
    "data, and report it."
)


def own_adaptations() -> dict[str, Adaptation]:
    """Adaptations that this visitor made or opened, by name; not shared with other visitors."""
    own: dict[str, Adaptation] = st.session_state.setdefault(_OWN, {})
    return own


def add_own(adaptation: Adaptation) -> None:
    """Add an adaptation to this session and choose it from the next run on."""
    own_adaptations()[adaptation.name] = adaptation
    st.session_state[_CHOSEN] = adaptation.name
    st.session_state.pop(_STRENGTH, None)


def choose_adaptation(bundle: ModelBundle, page: str, locked: str = "") -> Adaptation | None:
    """Draw the choice, folded; the same adaptation is chosen on every page of a session.

    Args:
        bundle: the network that it is wanted for.
        page: name of the page, for the widgets' keys.
        locked: why it cannot be changed now; "" where it can.

    Returns:
        The adaptation with the strength chosen; None without one.
    """
    own = own_adaptations()
    names = [NO_ADAPTATION, *own, *(n for n in list_adaptations(_folder()) if n not in own)]
    chosen = st.session_state.get(_CHOSEN, NO_ADAPTATION)
    if chosen not in names:
        chosen = NO_ADAPTATION
    with st.expander("Adaptation", icon=":material/school:"):
        st.caption(locked or _ABOUT)
        name = st.selectbox(
            "Adaptation",
            names,
            index=names.index(chosen),
            # A new key for each choice made elsewhere: this widget then begins with it.
            key=f"{page}_adaptation_{len(own)}_{chosen}",
            disabled=bool(locked),
            label_visibility="collapsed",
        )
        if name != chosen:
            st.session_state[_CHOSEN] = name
            st.session_state.pop(_STRENGTH, None)
            st.rerun()
        adaptation = _usable(name, bundle)
        if adaptation is not None:
            adaptation = _with_strength(adaptation, page, locked)
            _show_record(adaptation)
        offer_own(name, key=f"{page}_adaptation_download", label="Download this adaptation")
        if not locked:
            _offer_file(bundle, page)
    if adaptation is not None:
        # An adaptation never hides itself.
        st.caption(f"Adaptation applied: “{escape(name)}”, strength {adaptation.strength:g}.")
    return adaptation


def found_again(described: Mapping[str, Any] | None, text: str = "") -> Adaptation | None:
    """The adaptation that results were read with; None where they were read without one.

    Args:
        described: as `summary.json` keeps it.
        text: contents of the file that the analysis was given, where they are known.

    Raises:
        InputError: it is neither in this session nor among the installation's, or was changed.
    """
    if not described:
        return None
    name, fingerprint = str(described.get("name")), described.get("fingerprint")
    for made in _of_this_name(name, text):
        for applied in (made, made.with_strength(described.get("strength"))):
            if applied.fingerprint == fingerprint:
                return applied
    raise InputError(
        f"These faces were read with the adaptation {name!r}, which is not available here any more."
    )


def _of_this_name(name: str, text: str) -> Iterator[Adaptation]:
    """What is damaged or missing in one place may be whole in another."""
    with contextlib.suppress(ValueError):
        yield from_json(text)
    if mine := own_adaptations().get(name):
        yield mine
    with contextlib.suppress(EmotionCoreError):
        yield load_adaptation(name, _folder())


def _folder() -> Path:
    return app_settings().adaptations_dir


def _usable(name: str, bundle: ModelBundle) -> Adaptation | None:
    """The adaptation of this name, or None after a message."""
    if name == NO_ADAPTATION:
        return None
    try:
        mine = own_adaptations().get(name)
        if mine is None:
            return load_adaptation(name, _folder(), described_network(bundle))
        check_made_for(mine, described_network(bundle))
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return None
    return mine


def _with_strength(adaptation: Adaptation, page: str, locked: str) -> Adaptation:
    now = float(st.session_state.get(_STRENGTH, adaptation.strength))
    strength = st.slider(
        "Strength",
        0.0,
        1.0,
        now,
        0.05,
        # Another one of the same name begins with its own strength.
        key=f"{page}_strength_{adaptation.name}_{adaptation.fingerprint}",
        disabled=bool(locked),
        help=(
            f"0 leaves the network's answers unchanged. The default, {adaptation.strength:g}, "
            "did best on held-out faces."
        ),
    )
    st.session_state[_STRENGTH] = strength
    return adaptation.with_strength(strength)


def _show_record(adaptation: Adaptation) -> None:
    words = gain_words(adaptation.record.get("gain"))
    if adaptation.prior is not None:
        shares = zip(EXPRESSIONS, adaptation.prior, strict=True)
        words += " Expects " + ", ".join(f"{e} {share:.0%}" for e, share in shares) + "."
    if adaptation.likeness is not None:
        words += " It changes only readings of faces like those it was fitted to."
    if words:
        st.markdown(words)


def gain_words(gain: Mapping[str, Any] | None) -> str:
    """What an adaptation brings, in a sentence; "" where that was not measured."""
    if not gain:
        return ""
    try:
        change = gain["difference"]
        words = (
            f"Fitted to {gain['faces']:,} faces of {gain['people']:,} people or takes. On held-out "
            f"faces, mean recall went from {gain['before']:.2f} to {gain['after']:.2f} "
            f"({change['value']:+.2f}, 95% interval {change['low']:+.2f} to {change['high']:+.2f})."
        )
        few = ", ".join(f"{e} {n}" for e, n in gain.get("left_out", {}).items())
    except (KeyError, TypeError, ValueError, AttributeError):
        # The record of a file is for people, who may have edited it.
        return "What it brings cannot be read from its file."
    return f"{words} Left out, with too few faces: {few}." if few else words


def _offer_file(bundle: ModelBundle, page: str) -> None:
    round_ = st.session_state.setdefault("adaptation_upload_round", 0)
    upload = st.file_uploader(
        "Open an adaptation file",
        type=["json"],
        max_upload_size=1,
        key=f"{page}_adaptation_file_{round_}",
    )
    if upload is None:
        return
    try:
        adaptation = from_json(upload.getvalue())
        check_made_for(adaptation, described_network(bundle))
    except (ValueError, EmotionCoreError) as error:
        st.error(f"{escape(upload.name)} cannot be used: {error}", icon=":material/broken_image:")
        return
    st.session_state["adaptation_upload_round"] = round_ + 1
    add_own(adaptation)
    st.rerun()


def as_file(adaptation: Adaptation) -> str:
    """The text of an adaptation's file; `--adaptation` of a job takes it too."""
    return json.dumps(to_json(adaptation), ensure_ascii=False)


def fit_own(
    probs: NDArray[Any],
    labels: NDArray[Any],
    people: NDArray[Any] | None,
    *,
    name: str,
    bundle: ModelBundle,
    features: NDArray[Any] | None = None,
) -> None:
    """Fit an adaptation, tell its gain, and choose it; where it brings nothing, say so.

    Args:
        probs: (N, 7) what the network says, with no correction.
        labels: (N,) index into `EXPRESSIONS`.
        people: (N,) who is seen; None where every face is a take of its own.
        name: as the visitor typed it.
        bundle: the network.
        features: (N, F) of the faces, so that the adaptation applies to faces like them; None: to
            all alike.
    """
    # The pages start without what only this needs.
    from emotion_core.evaluation.adaptation_making import make_adaptation, validation_rehearsal
    from emotion_core.evaluation.reference_faces import read_reference

    try:
        made, gain = make_adaptation(
            probs,
            labels,
            people,
            name=check_name(name),
            model=described_network(bundle),
            rehearsal=validation_rehearsal(bundle),
            features=features,
            reference=read_reference(bundle.path),
        )
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    words = gain_words(gain.to_dict())
    if not gain.offered:
        st.warning(
            f"It does not improve held-out faces, so it was not kept. {words} Label more faces.",
            icon=":material/trending_flat:",
        )
        return
    add_own(made)
    st.toast(f"“{made.name}” has been created and selected. {words}")
    st.rerun()


def offer_own(name: str, *, key: str, label: str = "Download") -> None:
    """A button that saves an adaptation of this session as a file; nothing where there is none."""
    if made := own_adaptations().get(name.strip()):
        st.download_button(
            label,
            as_file(made),
            file_name=f"{made.name}.json",
            mime="application/json",
            key=key,
            icon=":material/download:",
            on_click="ignore",
        )
