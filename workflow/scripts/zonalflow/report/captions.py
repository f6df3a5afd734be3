"""Texts of a map: its title, the label of its colour bar, the note below."""

from dataclasses import dataclass

from zonalflow.report.quantities import Quantity, headline, noun, stat_label, stat_unit

SYNTHETIC = "Synthetic data, generated for the demo; not measurements."


@dataclass(frozen=True)
class Caption:
    """The texts of a map: title, label of the colour bar (with the unit), small note below."""

    title: str
    scale: str
    note: str = ""


def caption(
    quantity: Quantity,
    stat: str,
    *,
    region: str,
    when: str,
    synthetic: bool = False,
    note: str = "",
    part: str = "",
) -> Caption:
    """Return the texts of a map of one year or several, with a title like ``Annual precipitation, Florida, 2000``.

    ``region`` may be empty. ``part`` says of which months or dates a year is, if not of all. Title and note of a map of
    synthetic data both say so.
    """
    what = f"{noun(quantity, stat)} of {part}" if part else headline(quantity, stat)
    title = ", ".join(text for text in (what, region, when) if text)
    title = title[:1].upper() + title[1:] + (" (synthetic data)" if synthetic else "")
    unit = stat_unit(stat, quantity)
    scale = f"{stat_label(stat)} in each zone" + (f" ({unit})" if unit else "")
    return Caption(title, scale, f"{SYNTHETIC} {note}".strip() if synthetic else note)
