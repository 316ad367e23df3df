"""The outlets that the settings ask for."""

from typing import TYPE_CHECKING

from app.feeds.mqtt import Ears, MqttOutlet
from app.feeds.obs import ObsOutlet
from app.feeds.outlets import Outlet
from app.feeds.posts import PostOutlet
from app.protocols.caption_post import YouTube, Zoom

if TYPE_CHECKING:
    from app.config import Settings


def make_outlets(settings: "Settings", ears: Ears | None = None) -> list[Outlet]:
    """Make them; `ears` is what listens to an MQTT broker.

    Raises:
        MqttError: MQTT cannot be used as it was asked for.
    """
    outlets: list[Outlet] = []
    push = settings.push
    if settings.mqtt.url is not None:
        outlets.append(MqttOutlet(settings.mqtt, ears))
    if push.zoom is not None:
        outlets.append(PostOutlet(Zoom(push.zoom)))
    if push.youtube is not None:
        outlets.append(PostOutlet(YouTube(push.youtube)))
    if push.obs is not None:
        outlets.append(ObsOutlet(push.obs, push.obs_password))
    return outlets
