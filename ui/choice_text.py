"""What can be chosen, in the user's language."""

from PyQt6.QtCore import QCoreApplication

from ui.control import Choice


def choice_text(choice: Choice) -> str:
    """A choice as the menu shows it."""
    if choice.loopback:
        text = QCoreApplication.translate("Choices", "What the computer plays ({device})")
        return text.format(device=choice.label)
    kind, found, number = choice.value.partition(":")
    if found and kind == "budget":
        return _budget_text(float(number))
    if found and kind == "delay":
        text = QCoreApplication.translate("Choices", "Words settle after {seconds:g} s")
        return text.format(seconds=float(number))
    known = {
        "mic": QCoreApplication.translate("Choices", "Default microphone"),
        "eager": QCoreApplication.translate("Choices", "Eager: the first word counts"),
        "lively": QCoreApplication.translate("Choices", "Lively: early and restless"),
        "balanced": QCoreApplication.translate("Choices", "Balanced"),
        "steady": QCoreApplication.translate("Choices", "Steady: two words later"),
        "steadiest": QCoreApplication.translate("Choices", "Steadiest: four words later"),
        "fretna": "FReTNA",
        "reta": "ReTA",
        "wait-k": "Wait-k",
    }
    return known.get(choice.value, choice.label)


def _budget_text(budget: float) -> str:
    if budget == 0:
        return QCoreApplication.translate("Choices", "Still: no word is ever taken back")
    text = QCoreApplication.translate("Choices", "Calm: {n} of 100 words are taken back at most")
    return text.format(n=round(100 * budget))
