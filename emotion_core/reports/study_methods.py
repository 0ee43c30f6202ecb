"""What was done in a study, as a paper would tell it: methods, limits, references, settings."""

import contextlib
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from emotion_core.results.paths import read_summary, safe_name
from emotion_core.results.summary import package_versions
from emotion_core.study.definitions import Baseline, EventKind, Smoothing, Space, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.sample import is_synthetic
from emotion_core.study.statistics.comparisons import Analysis
from emotion_core.study.tables import Tables

_COMPUTES: Final = ("scipy", "pandas", "duckdb")
_CASCADE: Final = "OpenCV’s Haar cascades"
_REFERENCES: Final = {
    "Barrett 2019": "Barrett, L. F., Adolphs, R., Marsella, S., Martinez, A. M., & Pollak, S. D. "
    "(2019). Emotional expressions reconsidered. Psychological Science in the Public Interest, "
    "20(1), 1–68. https://doi.org/10.1177/1529100619832930",
    "Viola 2001": "Viola, P., & Jones, M. (2001). Rapid object detection using a boosted cascade "
    "of simple features. CVPR. https://doi.org/10.1109/CVPR.2001.990517",
    "Barsoum 2016": "Barsoum, E., Zhang, C., Ferrer, C. C., & Zhang, Z. (2016). Training deep "
    "networks for facial expression recognition with crowd-sourced label distribution. ICMI. "
    "https://doi.org/10.1145/2993148.2993165",
    "Guo 2017": "Guo, C., Pleiss, G., Sun, Y., & Weinberger, K. Q. (2017). On calibration of "
    "modern neural networks. ICML. https://arxiv.org/abs/1706.04599",
    "Olderbak 2014": "Olderbak, S., Hildebrandt, A., Pinkpank, T., Sommer, W., & Wilhelm, O. "
    "(2014). Psychometric challenges and proposed solutions when scoring facial emotion "
    "expression codes. Behavior Research Methods, 46(4), 992–1006. "
    "https://doi.org/10.3758/s13428-013-0421-3",
    "Holm 1979": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. "
    "Scandinavian Journal of Statistics, 6(2), 65–70.",
    "Maris 2007": "Maris, E., & Oostenveld, R. (2007). Nonparametric statistical testing of EEG- "
    "and MEG-data. Journal of Neuroscience Methods, 164(1), 177–190. "
    "https://doi.org/10.1016/j.jneumeth.2007.03.024",
    "Delacre 2017": "Delacre, M., Lakens, D., & Leys, C. (2017). Why psychologists should by "
    "default use Welch’s t-test instead of Student’s t-test. International Review of Social "
    "Psychology, 30(1), 92–101. https://doi.org/10.5334/irsp.82",
    "Bates 2015": "Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear "
    "mixed-effects models using lme4. Journal of Statistical Software, 67(1). "
    "https://doi.org/10.18637/jss.v067.i01",
    "Kuznetsova 2017": "Kuznetsova, A., Brockhoff, P. B., & Christensen, R. H. B. (2017). lmerTest "
    "package: Tests in linear mixed effects models. Journal of Statistical Software, 82(13). "
    "https://doi.org/10.18637/jss.v082.i13",
}


def methods_of(
    study: Study,
    tables: Tables,
    analysis: Analysis | None,
    networks: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What the template of the report needs to tell what was done.

    Args:
        study: the study.
        tables: its tables.
        analysis: the tests; None where nothing was compared.
        networks: of each network that read the faces: `name`, and where it was measured `score`,
            `images`, `accuracy`, `macro_f1`, `ece`, each a value or one with `low` and `high`.
    """
    paragraphs = [
        _reading(study, networks),
        _readings(study.settings),
        _exclusions(study, tables),
        *([_tests(analysis)] if analysis is not None else []),
    ]
    return {
        "paragraphs": paragraphs,
        "limits": _limits(study, networks),
        "settings": [(name, str(value)) for name, value in asdict(study.settings).items()],
        "references": sorted(_REFERENCES[key] for key in _cited(study, analysis)),
        "versions": ", ".join(f"{name} {number}" for name, number in _versions().items()),
        "command": f"emotion-lab study run {shlex.quote(safe_name(study.name))}",
    }


def _versions() -> dict[str, str]:
    """Of what read and computed; packages that are not installed are left out."""
    found = package_versions()
    for name in _COMPUTES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {name: number for name, number in found.items() if number[0].isdigit()}


def _summaries(study: Study) -> list[dict[str, Any]]:
    folders = (study.results_folder(recording) for recording in study.included)
    return [read_summary(folder) for folder in folders if folder is not None]


def _reading(study: Study, networks: Sequence[Mapping[str, Any]]) -> str:
    """How the faces were found and read."""
    if is_synthetic(study):
        return (
            "The readings are synthetic: the softmax of an autoregressive process for each "
            "expression, with a response to each film and one planted difference between the "
            "groups. No face was read."
        )
    summaries = _summaries(study)
    detectors = Counter(_detector(s) for s in summaries)
    named = " or ".join(sorted(detectors)) or _CASCADE
    words = [
        f"Faces were found with {named} (Viola & Jones, 2001), cropped, scaled to 48×48 grey "
        "pixels, and read by a convolutional network, which gives a probability for each of seven "
        "expressions (angry, disgust, fear, happy, neutral, sad, surprise); valence and arousal "
        "are derived from these."
    ]
    words += [_network(network) for network in networks]
    rates = {_rate(s) for s in summaries} - {""}
    if len(rates) == 1:
        words.append(f"{rates.pop().capitalize()} of each video was analysed.")
    elif rates:
        words.append(f"Videos were analysed at different rates ({', '.join(sorted(rates))}).")
    if sum(bool((s.get("settings") or {}).get("one_person")) for s in summaries) == len(summaries):
        words.append("Each video showed one participant.")
    if split := sum(bool(s.get("pieces")) for s in summaries):
        words.append(
            f"{split} of {len(summaries)} videos were read in overlapping pieces, which were "
            "joined where both readings of the same frames agreed best."
        )
    return " ".join(words)


def _detector(summary: Mapping[str, Any]) -> str:
    name = str((summary.get("model") or {}).get("detector") or "")
    return {"": _CASCADE, "YuNetDetector": "OpenCV’s YuNet"}.get(name, name)


def _rate(summary: Mapping[str, Any]) -> str:
    settings = summary.get("settings") or {}
    if settings.get("rate"):
        return f"{settings['rate']:g} frames per second"
    every = settings.get("every")
    return "" if not every else "every frame" if every == 1 else f"every frame in {every}"


def _network(network: Mapping[str, Any]) -> str:
    name = str(network.get("name") or "unknown")
    files = f", SHA-256 {network['sha256'][:16]}" if network.get("sha256") else ""
    words = f"The network was {name} (Facial-expression lab{files})"
    if adaptation := network.get("adaptation"):
        words += f", corrected {adaptation}"
    if network.get("accuracy") is None:
        return f"{words}; its accuracy is not known here."
    return (
        f"{words}; on {network['images']:,} images that it had not seen ({network['score']} test), "
        f"its accuracy was {_scored(network['accuracy'])}, its macro-averaged F1 "
        f"{_scored(network['macro_f1'])}, and its expected calibration error "
        f"{_scored(network['ece'])} (Barsoum et al., 2016; Guo et al., 2017)."
    )


def _scored(score: Any) -> str:
    if isinstance(score, Mapping):
        return f"{score['value']:.3f} (95% CI [{score['low']:.3f}, {score['high']:.3f}])"
    return f"{score:.3f}"


_BASELINES: Final = {
    Baseline.EVENT: "the mean over the participant’s baseline events",
    Baseline.START: "the mean over the first {seconds:g} s of the recording",
    Baseline.MEDIAN: "the median over all recordings of the participant",
}


def _readings(settings: StudySettings) -> str:
    """Resampling, smoothing, baseline, what is valid."""
    words = [f"Readings were resampled to {settings.rate_hz:g} per second."]
    if settings.smoothing is Smoothing.LOESS:
        words.append(
            f"They were smoothed by local quadratic regression over {settings.smoothing_s:g} s "
            "(Olderbak et al., 2014)."
        )
    elif settings.smoothing is Smoothing.EXPONENTIAL:
        words.append(
            f"They were smoothed exponentially, with a time constant of {settings.smoothing_s:g} s."
        )
    if settings.baseline is not Baseline.NONE:
        level = _BASELINES[settings.baseline].format(seconds=settings.baseline_s)
        logit = settings.space is Space.LOGIT
        space = "log-odds (valence and arousal: as they are)" if logit else "probabilities"
        words.append(f"From each signal, {level} was subtracted, in {space}.")
    left = [
        name
        for name, out in (
            ("those marked unsure", settings.leave_out_unsure),
            ("those during speech", settings.leave_out_speaking),
        )
        if out
    ]
    if left:
        words.append(f"Readings were left out where not valid: {' and '.join(left)}.")
    return " ".join(words)


def _exclusions(study: Study, tables: Tables) -> str:
    """The quality gate and what it did."""
    settings = study.settings
    gate = (
        f"An event counted if at least {settings.min_valid_share:.0%} of its readings and "
        f"{settings.min_valid_s:g} s were valid"
    )
    if settings.max_unsure_share < 1:
        gate += f" and at most {settings.max_unsure_share:.0%} were unsure"
    rows = tables.long.drop_duplicates(["recording", "event_kind", "event", "occurrence"])
    rows = rows[rows["event_kind"].isin([EventKind.STIMULUS, EventKind.EVENT])]
    left = int((~rows["included"].astype(bool)).sum())
    by_hand = sum(not recording.include for recording in study.recordings)
    words = f"{gate}. Of {len(rows):,} stimuli and events, {left:,} did not count"
    words += f"; {by_hand} recordings were left out by hand" if by_hand else ""
    return f"{words}."


def _tests(analysis: Analysis) -> str:
    plain = analysis.design.explanation.replace("*", "")
    if analysis.design.kind == "mixed_model":
        plain += (
            " It was estimated by restricted maximum likelihood (Bates et al., 2015), with "
            "Satterthwaite’s degrees of freedom (Kuznetsova et al., 2017)."
        )
    return (
        f"The participant was the unit of analysis. {plain} p values were corrected over the "
        f"signals by Holm’s method (1979). Intervals are 95% confidence intervals. Curves were "
        "compared with cluster-based permutation tests (Maris & Oostenveld, 2007)."
    )


def _limits(study: Study, networks: Sequence[Mapping[str, Any]]) -> list[str]:
    limits = [
        "An expression is not an emotion: the network names what a face looks like to people who "
        "label photographs, not what somebody feels (Barrett et al., 2019).",
        "Probabilities follow the network’s training faces. Accuracy on other faces, ages, lights "
        "and cameras can be lower; check it on a labelled sample of your own.",
    ]
    limits += [
        f"On faces of other origin, the mean recall of {n['name']} was {_scored(n['other_faces'])}."
        for n in networks
        if n.get("other_faces")
    ]
    limits.append(
        "The seven probabilities sum to one: where one rises, others fall. Differences in several "
        "expressions are not independent findings."
    )
    if is_synthetic(study):
        limits.insert(0, "These data are synthetic. They say nothing about people.")
    return limits


def _cited(study: Study, analysis: Analysis | None) -> list[str]:
    cited = ["Barrett 2019", "Maris 2007"]
    if not is_synthetic(study):
        cited += ["Viola 2001", "Barsoum 2016", "Guo 2017"]
    if study.settings.smoothing is Smoothing.LOESS:
        cited.append("Olderbak 2014")
    if analysis is not None:
        cited.append("Holm 1979")
        if analysis.design.kind == "mixed_model":
            cited += ["Bates 2015", "Kuznetsova 2017"]
        elif analysis.design.kind in ("two_groups", "several_groups"):
            cited.append("Delacre 2017")
    return cited
