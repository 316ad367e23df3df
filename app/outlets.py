"""The outlets that the settings ask for."""

from typing import TYPE_CHECKING

from app.feeds.mqtt import Ears, MqttOutlet
from app.feeds.outlets import Outlet

if TYPE_CHECKING:
    from app.config import Settings


def make_outlets(settings: "Settings", ears: Ears | None = None) -> list[Outlet]:
    """Make them; `ears` is what listens to an MQTT broker.

    Raises:
        MqttError: MQTT cannot be used as it was asked for.
    """
    outlets: list[Outlet] = []
    if settings.mqtt.url is not None:
        outlets.append(MqttOutlet(settings.mqtt, ears))
    return outlets
